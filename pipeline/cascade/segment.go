package cascade

import (
	"context"
	"fmt"
	"math"
	"slices"

	"jcsnode/pipeline/ct"
)

// Segment outlines the lesions in the slices that the settings select. Workers, errors and progress are as with Classify.
//
// lungs tells which slices show lung; nil, or none at all: every slice may. A lesion of a lung is one that reaches a lung somewhere, so
// with OffLungsDrop only slices with lung are segmented first, and then, from slice to slice, those that a lesion may go on into: the
// neighbours of slices with lesion. No lesion in any other slice can be connected to one in a lung, and what is not is left out anyway:
// such a slice gets an empty mask, and counts as PassedOver.
func (f *Findings) Segment(ctx context.Context, v *ct.Volume, s Segmenter, set Settings, lungs []bool, progress Progress) error {
	r, err := newRun(v, set)
	if err != nil {
		return err
	}
	selected := selection(v, f.Slices, set)
	if set.OffLungs == OffLungsKeep || !slices.Contains(lungs, true) {
		lungs = nil
	}
	seen, total := 0, 0
	due := func(i int) bool { return selected[i] && (lungs == nil || lungs[i]) }
	for {
		var now []int
		for i := range v.Slices {
			if f.Slices[i].Mask == nil && due(i) {
				now = append(now, i)
			}
		}
		if len(now) == 0 {
			break
		}
		total += len(now)
		err := r.each(ctx, StageSegment, now, func(ctx context.Context, i int) error {
			return r.drawn(v.Slices[i].HU, func(picture []float32) error { return r.segment(ctx, s, &f.Slices[i], i, picture) })
		}, func() {
			if seen++; progress != nil {
				progress(StageSegment, seen, total)
			}
		})
		if err != nil {
			return err
		}
		due = func(i int) bool {
			below := i > 0 && !v.Slices[i].AfterGap && f.Slices[i-1].LesionPixels > 0
			above := i < len(v.Slices)-1 && !v.Slices[i+1].AfterGap && f.Slices[i+1].LesionPixels > 0
			return selected[i] && (below || above)
		}
	}
	for i := range f.Slices {
		if selected[i] && f.Slices[i].Mask == nil {
			f.Slices[i].Mask, f.Slices[i].PassedOver = make([]byte, v.Rows*v.Columns), true
		}
	}
	f.sum()
	return nil
}

func (r *run) segment(ctx context.Context, s Segmenter, f *SliceFinding, i int, picture []float32) error {
	probability, err := s.Segment(ctx, picture, r.canvas.height, r.canvas.width)
	if err != nil {
		return err
	}
	if len(probability) != len(picture) {
		return fmt.Errorf("the segmenter gave %d values for %d x %d pixels", len(probability), r.canvas.height, r.canvas.width)
	}
	for _, p := range probability {
		if p != p {
			return fmt.Errorf("the segmenter gave a value that is not a number")
		}
	}
	f.setMask(r.canvas.mask(probability, r.set.SegmenterOperatingPoint), r.volume, i)
	return nil
}

// selection tells which slices are segmented: all, or those within NearMM along the normal of a positive slice.
func selection(v *ct.Volume, found []SliceFinding, set Settings) []bool {
	selected := make([]bool, len(found))
	for i := range found {
		selected[i] = set.Segment == SegmentAll
		for j := range found {
			if found[j].Positive && math.Abs(v.Slices[i].Position-v.Slices[j].Position) <= set.NearMM+1e-6 {
				selected[i] = true
				break
			}
		}
	}
	return selected
}
