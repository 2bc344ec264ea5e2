package dicomout

import (
	"bytes"
	"context"
	"fmt"
	"image"

	"golang.org/x/sync/errgroup"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
)

// Build makes the objects of the kinds that the options list and hands each to emit with a picture of it, in the order of
// Options.Kinds, the slices of a kind by position: what refers to an object comes behind it. A negative study has documents only
// (summary, report, rejection), and a study that was not processed summary and report with the reason. Emit is called by one
// goroutine at a time, in that order; what it returns ends the build. In memory are at most as many objects as workers, and the
// one that emit works on.
func Build(ctx context.Context, r Study, emit func(o *object.Object, preview image.Image) error) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("build objects: %w", err)
	}
	jobs, err := r.jobs()
	if err != nil {
		return fmt.Errorf("build objects of study %s: %w", r.Shared.StudyInstanceUID, err)
	}
	if err := run(ctx, r.window(), jobs, max(1, r.Options.Workers), emit); err != nil {
		return fmt.Errorf("build objects of study %s: %w", r.Shared.StudyInstanceUID, err)
	}
	return nil
}

// job makes one object with a worker's painter. It returns no object if there is nothing to show.
type job func(p *sc.Painter) (*object.Object, image.Image, error)

func (r *Study) window() sc.Window {
	if r.Window == (sc.Window{}) {
		return sc.LungWindow()
	}
	return r.Window
}

// jobs lists the objects that the report asks for, in the order in which they are sent.
func (r *Study) jobs() ([]job, error) {
	slices, err := r.pictureSlices()
	if err != nil {
		return nil, err
	}
	page := r.page(slices)
	var jobs []job
	for _, kind := range r.Options.Kinds {
		jobs = append(jobs, r.jobsOf(kind, page, slices)...)
	}
	return jobs, nil
}

// jobsOf lists the objects of a kind: none where the outcome leaves nothing to show.
func (r *Study) jobsOf(kind object.Kind, page *sc.Page, slices []sc.Picture) []job {
	switch kind {
	case object.Summary:
		return []job{r.summary(page)}
	case object.Report, object.ReportAlone:
		return []job{r.document(kind, page, slices)}
	case object.Rejection:
		if r.Outcome == sc.NotProcessed && !r.Retracts || len(r.Shared.Replaces) == 0 {
			return nil
		}
		return []job{r.rejection(page)}
	}
	if r.Outcome != sc.Positive {
		return nil
	}
	switch kind {
	case object.Segmentation, object.LabelMap, object.LabelMapPlain:
		return []job{r.lesions(kind, slices)}
	case object.Lungs:
		return []job{r.lungs(slices)}
	case object.Outline:
		return each(slices, worthOutline(slices), r.outline)
	}
	if r.Activation == nil {
		return nil
	}
	switch kind {
	case object.Activation:
		return each(slices, func(s *sc.Picture) bool { return s.Positive }, r.activation)
	case object.ActivationMultiFrame:
		return []job{r.activationMultiFrame(slices)}
	case object.ParametricMap:
		return []job{r.parametricMap(slices)}
	}
	return nil
}

// each makes a job of every slice that is shown.
func each(slices []sc.Picture, shown func(*sc.Picture) bool, picture func(i int, s *sc.Picture) job) []job {
	var jobs []job
	for i := range slices {
		if shown(&slices[i]) {
			jobs = append(jobs, picture(i, &slices[i]))
		}
	}
	return jobs
}

func hasLesion(s *sc.Picture) bool { return len(bytes.TrimLeft(s.Mask, "\x00")) > 0 }

// visibleMM2 is the area of lesion from which on a slice gets a picture with its outline: a patch 5 mm across, some seven pixels of a
// chest CT. Of a smaller one there is nothing to see beside the line itself; it stays in the segmentation and in all numbers.
const visibleMM2 = 25

// worthOutline tells which slices show lesions that can be seen; where none does, the one with the largest.
func worthOutline(slices []sc.Picture) func(*sc.Picture) bool {
	largest := 0.0
	for i := range slices {
		largest = max(largest, slices[i].LesionAreaMM2)
	}
	least := min(visibleMM2, largest)
	return func(s *sc.Picture) bool { return hasLesion(s) && s.LesionAreaMM2 >= least }
}

func (r *Study) studyMeasures() sc.StudyMeasures {
	return sc.StudyMeasures{LesionVolumeML: r.Measures.LesionML, LungShare: r.Measures.Share()}
}

func (r *Study) summary(page *sc.Page) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		picture, err := p.RenderSummary(page)
		if err != nil {
			return nil, nil, err
		}
		o, err := sc.Summary(r.Shared, r.Outcome, picture)
		return o, picture, err
	}
}

func (r *Study) outline(i int, s *sc.Picture) job {
	return func(p *sc.Painter) (*object.Object, image.Image, error) {
		picture, err := p.RenderOutline(s, r.studyMeasures(), r.Shared.Models)
		if err != nil {
			return nil, nil, err
		}
		o, err := sc.Outline(r.Shared, sc.Capture{
			Index: i,
			Derivation: fmt.Sprintf("class lesion, pixel threshold %s, area %s mm2.",
				object.Decimal(r.Segmentation.Threshold), object.Decimal(s.LesionAreaMM2)),
			Geometry: r.Options.Geometry,
		}, picture)
		return o, picture, err
	}
}

// made is an object on its way to emit.
type made struct {
	object  *object.Object
	preview image.Image
}

// run does the jobs with several workers and emits what they make in the order of the jobs.
func run(ctx context.Context, w sc.Window, jobs []job, workers int, emit func(*object.Object, image.Image) error) error {
	workers = min(workers, len(jobs))
	group, ctx := errgroup.WithContext(ctx)
	// Places in this queue bound what lies finished and unsent: a job starts when it has one, and results leave it in order.
	type task struct {
		job  job
		done chan made
	}
	waiting := make(chan task)               // for a worker to take
	ordered := make(chan chan made, workers) // for emit, in the order of the jobs
	group.Go(func() error {
		defer close(waiting)
		defer close(ordered)
		for _, j := range jobs {
			t := task{j, make(chan made, 1)}
			select {
			case ordered <- t.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case waiting <- t:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error {
			p, err := sc.NewPainter(w)
			if err != nil {
				return err
			}
			for t := range waiting {
				o, preview, err := t.job(p)
				if err != nil {
					return err
				}
				t.done <- made{o, preview}
			}
			return nil
		})
	}
	group.Go(func() error {
		for done := range ordered {
			select {
			case m := <-done:
				if m.object == nil {
					continue
				}
				if err := emit(m.object, m.preview); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return group.Wait()
}
