package dicomout

import (
	"errors"
	"fmt"

	"jcsnode/dicomout/object"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/seg"
	"jcsnode/dicomout/sr"
)

// Study is everything that the objects of one study revision are made of.
type Study struct {
	// Shared is what all objects share. Its slices are those of the chosen series by position; none if no series was chosen.
	Shared *object.Study
	// Outcome is the decision; with sc.NotProcessed, Reason and Remedy say why and what to do.
	Outcome        sc.Result
	Reason, Remedy string
	// Retracts tells that what was found before does not hold, though there is no result in its place.
	Retracts bool
	// Limits are sentences about what limits the result: how sure it is, and what of the chest was not read; the weightiest first.
	Limits   []string
	Decision sc.Basis
	Measures sc.Measures
	// Lesions are the lesions connected in space, the largest first; LesionHU is the mean of all of them.
	Lesions  []sr.Lesion
	LesionHU float64
	// Slices are the findings, in the order of Study.Slices. Empty if the study was not processed.
	Slices []SliceFindings
	// Activation returns the activation of a slice on the slice's own grid, Rows x Columns values in 0..Scale.Max, or nil where
	// there is none. It is called for each picture, from several goroutines at a time.
	Activation func(i int) []float32
	// Scale is the range of the activation, fixed for the whole study.
	Scale sc.Scale
	// Facing tells how the slices lie on the screen against the usual way.
	Facing sc.Facing
	// Window is the grey window of the pictures; the zero value is sc.LungWindow.
	Window sc.Window
	// Segmentation says how the masks were made. Its Masks are not used: they come from Slices.
	Segmentation seg.Input
	Options      Options
}

// SliceFindings is what was found in one slice. Planes have Rows x Columns values, row by row, on the slice's own grid.
type SliceFindings struct {
	HU   []int16
	Lung []byte // seg.RightLung or seg.LeftLung in the lungs, else 0; nil when no lung was looked for
	Mask []byte // not 0 in lesions; nil when the slice was not segmented
	// Probability is the classifier's, Smoothed what counts in its place, nil without smoothing; Positive whether what counts reached
	// the operating point.
	Probability   float64
	Smoothed      *float64
	Positive      bool
	AfterGap      bool // planes are missing between this slice and the one before it
	LesionAreaMM2 float64
}

// Options say which objects are made, and how.
type Options struct {
	// Kinds are those that are made, as Kinds lists them: what refers to an object comes behind it.
	Kinds []object.Kind
	// Geometry places overlays and outlines where their slices lie.
	Geometry bool
	// Workers build pictures at the same time, at least one. Memory grows with them, results do not change.
	Workers int
}

// check makes sure that slices and study belong together.
func (r *Study) check() error {
	if r.Shared == nil {
		return errors.New("report without a study")
	}
	if r.Outcome == sc.NotProcessed {
		return nil
	}
	if len(r.Slices) == 0 || len(r.Slices) != len(r.Shared.Slices) {
		return fmt.Errorf("report of a %v study with findings for %d of %d slices", r.Outcome, len(r.Slices), len(r.Shared.Slices))
	}
	return nil
}

// pictureSlices returns the slices as the pictures need them.
func (r *Study) pictureSlices() ([]sc.Picture, error) {
	label := labels(r.Shared)
	out := make([]sc.Picture, len(r.Slices))
	for i, f := range r.Slices {
		sl := r.Shared.Slices[i]
		row, column, err := sc.Spacing(sl)
		if err != nil {
			return nil, err
		}
		left, top := sc.Edges(sl.OrientationDS)
		out[i] = sc.Picture{
			Label: label(i),
			Left:  left, Top: top,
			Position: sl.Position, AfterGap: f.AfterGap,
			Rows: sl.Rows, Columns: sl.Columns,
			RowSpacing: row, ColumnSpacing: column,
			HU: f.HU, Lung: f.Lung, Mask: f.Mask,
			Probability: f.Probability, Smoothed: f.Smoothed, Positive: f.Positive, LesionAreaMM2: f.LesionAreaMM2,
		}
	}
	return out, nil
}

// labels returns how the pictures name the slices: by the instance number, under which a reader finds it in the CT, or by
// the rank if numbers are not unique.
func labels(s *object.Study) func(i int) string {
	seen := make(map[int]bool, len(s.Slices))
	for _, sl := range s.Slices {
		seen[sl.InstanceNumber] = true
	}
	if len(seen) < len(s.Slices) {
		return func(i int) string { return fmt.Sprintf("Slice %d of %d", i+1, len(s.Slices)) }
	}
	return func(i int) string { return fmt.Sprintf("CT image %d", s.Slices[i].InstanceNumber) }
}

// page returns what the summary shows.
func (r *Study) page(slices []sc.Picture) *sc.Page {
	return &sc.Page{
		Outcome: r.Outcome, Reason: r.Reason, Remedy: r.Remedy, Limits: r.Limits,
		Decision: r.Decision, Measures: r.Measures,
		Slices: slices, Facing: r.Facing, Activation: r.Activation, Scale: r.Scale,
		Models: r.Shared.Models, Software: r.Shared.SoftwareVersion,
	}
}
