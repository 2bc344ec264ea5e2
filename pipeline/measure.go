package pipeline

import (
	"fmt"

	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// measure finds the lungs, takes outlines that reach none from the findings if they are to be dropped, and measures the
// lesions. Ours, not the paper's: it changes no decision.
func (x *Examination) measure(offLungs string) error {
	v := x.Volume
	g := gridOf(v)
	hu, lesions := make([][]int16, len(v.Slices)), make([][]byte, len(v.Slices))
	for i := range v.Slices {
		hu[i], lesions[i] = v.Slices[i].HU, x.Findings.Slices[i].Mask
	}
	lungs, _, err := lung.Mask(hu, g)
	if err != nil {
		return fmt.Errorf("find the lungs: %w", err)
	}
	if offLungs == cascade.OffLungsDrop && x.Findings.Decision.Positive {
		if lesions, x.OffLungs, err = lung.Reaching(lesions, lungs, g); err != nil {
			return fmt.Errorf("find outlines off the lungs: %w", err)
		}
		x.Findings.Restrict(v, lesions)
	}
	if x.Measures, err = lung.Measure(hu, lesions, lungs, g); err != nil {
		return fmt.Errorf("measure the lesions: %w", err)
	}
	x.Lungs = lungs
	return nil
}

func gridOf(v *ct.Volume) lung.Grid {
	g := lung.Grid{Rows: v.Rows, Columns: v.Columns, RowSpacing: v.RowSpacing, ColumnSpacing: v.ColumnSpacing,
		Transposed: v.View.Transpose, Mirrored: v.View.FlipColumns}
	for i := range v.Slices {
		g.Extents = append(g.Extents, v.Slices[i].Extent)
		g.AfterGap = append(g.AfterGap, v.Slices[i].AfterGap)
	}
	return g
}
