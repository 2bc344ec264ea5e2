package cascade

import (
	"context"
	"errors"
	"fmt"
	"math"

	"jcsnode/pipeline/ct"
)

// Classify asks the classifier about every slice of a volume. At most Settings.Workers slices are in the network at a time, so it must
// stand that many concurrent calls. An error of the network or the end of ctx ends it; there are no partial findings. ahead, if not nil,
// was asked about slices of the volume before, with the same classifier and settings. progress may be nil.
func Classify(ctx context.Context, v *ct.Volume, c Classifier, set Settings, ahead *Ahead, progress Progress) (*Findings, error) {
	r, err := newRun(v, set)
	if err != nil {
		return nil, err
	}
	f := &Findings{Slices: make([]SliceFinding, len(v.Slices)), Lesions: Lesions{LargestSlice: -1}}
	all := make([]int, len(v.Slices))
	for i := range all {
		all[i] = i
	}
	seen := 0
	err = r.each(ctx, StageClassify, all, func(ctx context.Context, i int) (err error) {
		hu, own := v.Slices[i].HU, &f.Slices[i] // each writes its own slice only
		if *own, err = ahead.take(ctx, hu); !errors.Is(err, errNotAhead) {
			return err
		}
		return r.drawn(hu, func(picture []float32) error { return r.classify(ctx, c, own, picture) })
	}, func() {
		if seen++; progress != nil {
			progress(StageClassify, seen, len(all))
		}
	})
	if err != nil {
		return nil, err
	}
	f.smooth(v, set)
	return f, nil
}

func (r *run) classify(ctx context.Context, c Classifier, f *SliceFinding, picture []float32) error {
	said, err := c.Classify(ctx, picture, r.canvas.height, r.canvas.width)
	if err != nil {
		return err
	}
	if p := said.Probability; math.IsNaN(float64(p)) || p < 0 || p > 1 {
		return fmt.Errorf("the classifier gave %v, which is no probability", p)
	}
	if d := said.Distance; math.IsNaN(float64(d)) || d < 0 {
		return fmt.Errorf("the classifier gave %v, which is no distance", d)
	}
	f.Probability, f.Distance = float64(said.Probability), float64(said.Distance)
	if n := len(said.Activation); n > 0 {
		if said.Rows < 1 || said.Columns < 1 || n != said.Rows*said.Columns {
			return fmt.Errorf("the classifier gave %d activation values for %d x %d", n, said.Rows, said.Columns)
		}
		f.Activation = &Activation{Rows: said.Rows, Columns: said.Columns, Values: said.Activation, canvas: r.canvas}
	}
	return nil
}
