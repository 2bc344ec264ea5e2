package cascade

import (
	"context"
	"fmt"
	"math"
	"sync"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
	"jcsnode/pipeline/ct"
)

// Findings is what the cascade found in a volume.
type Findings struct {
	Slices   []SliceFinding // one for each slice of the volume, in its order
	Decision Decision
	Lesions  Lesions // zero when nothing was segmented
}

// SliceFinding is what the networks said about one slice.
type SliceFinding struct {
	Probability float64 // of COVID-19, 0..1
	Positive    bool    // Probability reaches the operating point
	Activation  *Activation

	Mask           []byte // rows*columns, 1 is lesion; nil when the slice was not segmented
	LesionPixels   int
	LesionAreaMM2  float64
	LesionVolumeML float64 // area times the extent of the slice
	LesionMeanHU   float64 // 0 without lesion
}

// Lesions sums up the masks of a volume.
type Lesions struct {
	Segmented     int     // slices that the segmenter saw
	Slices        int     // slices with lesion
	VolumeML      float64 // sum of area times extent
	MeanHU        float64 // over all lesion pixels; 0 without lesion
	LargestSlice  int     // index of the slice with the largest lesion area; -1 without lesion
	LargestAreaMM float64 // its area in mm2
}

// Stages that progress reports.
const (
	StageClassify = "classify"
	StageSegment  = "segment"
)

// Run applies the cascade to a volume. At most Settings.Workers slices are in
// the networks at a time, so the networks must stand that many concurrent calls.
// progress, if not nil, is called after each slice, one call at a time. An error
// of a network or the end of ctx ends the run; there are no partial findings.
func Run(ctx context.Context, v *ct.Volume, c Classifier, s Segmenter, set Settings, progress func(stage string, done, total int)) (*Findings, error) {
	if err := set.check(); err != nil {
		return nil, fmt.Errorf("cascade settings: %w", err)
	}
	if len(v.Slices) == 0 {
		return nil, fmt.Errorf("cascade: the volume has no slices")
	}
	r := &run{
		volume: v, classifier: c, segmenter: s, set: set,
		canvas: newCanvas(v.View, v.Rows, v.Columns, v.RowSpacing, v.ColumnSpacing),
		out:    &Findings{Slices: make([]SliceFinding, len(v.Slices))},
	}
	r.pictures.New = func() any {
		p := make([]float32, r.canvas.height*r.canvas.width)
		return &p
	}

	all := make([]int, len(v.Slices))
	for i := range all {
		all[i] = i
	}
	if err := r.each(ctx, StageClassify, all, r.classify, progress); err != nil {
		return nil, err
	}
	r.out.Decision = decide(v, r.out.Slices, set)
	r.out.Lesions.LargestSlice = -1
	if !r.out.Decision.Positive {
		return r.out, nil
	}
	selected := all
	if set.Segment == SegmentNear {
		selected = near(v, r.out.Slices, set.NearMM)
	}
	if err := r.each(ctx, StageSegment, selected, r.segment, progress); err != nil {
		return nil, err
	}
	r.out.sum()
	return r.out, nil
}

// run is the state of one Run.
type run struct {
	volume     *ct.Volume
	classifier Classifier
	segmenter  Segmenter
	set        Settings
	canvas     canvas
	pictures   sync.Pool // *[]float32 of the canvas' size
	out        *Findings // each worker writes its own slices only
}

// each calls work for the slices, Workers at a time, until one fails.
func (r *run) each(parent context.Context, stage string, slices []int, work func(context.Context, int) error, progress func(string, int, int)) error {
	g, ctx := errgroup.WithContext(parent)
	g.SetLimit(max(1, r.set.Workers))
	var mu sync.Mutex
	done := 0
	for _, i := range slices {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := guard.Call(func() error { return work(ctx, i) }); err != nil {
				return fmt.Errorf("%s slice %d of %d: %w", stage, i+1, len(r.volume.Slices), err)
			}
			if progress != nil {
				mu.Lock()
				defer mu.Unlock()
				done++
				progress(stage, done, len(slices))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return parent.Err() // the loop may have ended early by the caller's context alone
}

func (r *run) classify(ctx context.Context, i int) error {
	picture := r.pictures.Get().(*[]float32)
	defer r.pictures.Put(picture)
	r.canvas.draw(*picture, r.volume.Slices[i].HU)
	p, values, rows, columns, err := r.classifier.Classify(ctx, *picture, r.canvas.height, r.canvas.width)
	if err != nil {
		return err
	}
	if math.IsNaN(float64(p)) || p < 0 || p > 1 {
		return fmt.Errorf("the classifier gave %v, which is no probability", p)
	}
	f := &r.out.Slices[i]
	f.Probability = float64(p)
	f.Positive = f.Probability >= r.set.ClassifierOperatingPoint
	if len(values) > 0 {
		if rows < 1 || columns < 1 || len(values) != rows*columns {
			return fmt.Errorf("the classifier gave %d activation values for %d x %d", len(values), rows, columns)
		}
		f.Activation = &Activation{Rows: rows, Columns: columns, Values: values, canvas: r.canvas}
	}
	return nil
}

func (r *run) segment(ctx context.Context, i int) error {
	picture := r.pictures.Get().(*[]float32)
	defer r.pictures.Put(picture)
	r.canvas.draw(*picture, r.volume.Slices[i].HU)
	probability, err := r.segmenter.Segment(ctx, *picture, r.canvas.height, r.canvas.width)
	if err != nil {
		return err
	}
	if len(probability) != len(*picture) {
		return fmt.Errorf("the segmenter gave %d values for %d x %d pixels", len(probability), r.canvas.height, r.canvas.width)
	}
	for _, p := range probability {
		if p != p {
			return fmt.Errorf("the segmenter gave a value that is not a number")
		}
	}
	r.out.Slices[i].setMask(r.canvas.mask(probability, r.set.SegmenterOperatingPoint), r.volume, i)
	return nil
}

// setMask sets the mask of slice i and what is counted in it.
func (f *SliceFinding) setMask(mask []byte, v *ct.Volume, i int) {
	var sum float64
	f.Mask, f.LesionPixels, f.LesionMeanHU = mask, 0, 0
	for k, m := range mask {
		if m != 0 {
			f.LesionPixels++
			sum += float64(v.Slices[i].HU[k])
		}
	}
	f.LesionAreaMM2 = float64(f.LesionPixels) * v.PixelArea()
	f.LesionVolumeML = f.LesionAreaMM2 * v.Slices[i].Extent / 1000
	if f.LesionPixels > 0 {
		f.LesionMeanHU = sum / float64(f.LesionPixels)
	}
}

// Restrict puts masks, one for each slice of the volume and nil where none was segmented, in the place of those that were
// found, and counts anew.
func (f *Findings) Restrict(v *ct.Volume, masks [][]byte) {
	for i := range f.Slices {
		f.Slices[i].setMask(masks[i], v, i)
	}
	f.sum()
}

// sum fills Lesions from the slices.
func (f *Findings) sum() {
	f.Lesions = Lesions{LargestSlice: -1}
	l := &f.Lesions
	var weighted float64
	pixels := 0
	for i := range f.Slices {
		f := &f.Slices[i]
		if f.Mask != nil {
			l.Segmented++
		}
		if f.LesionPixels == 0 {
			continue
		}
		l.Slices++
		l.VolumeML += f.LesionVolumeML
		weighted += f.LesionMeanHU * float64(f.LesionPixels)
		pixels += f.LesionPixels
		if f.LesionAreaMM2 > l.LargestAreaMM {
			l.LargestSlice, l.LargestAreaMM = i, f.LesionAreaMM2
		}
	}
	if pixels > 0 {
		l.MeanHU = weighted / float64(pixels)
	}
}

// near returns the slices within mm along the normal of a positive slice.
func near(v *ct.Volume, slices []SliceFinding, mm float64) []int {
	var out []int
	for i := range slices {
		for j := range slices {
			if slices[j].Positive && math.Abs(v.Slices[i].Position-v.Slices[j].Position) <= mm+1e-6 {
				out = append(out, i)
				break
			}
		}
	}
	return out
}
