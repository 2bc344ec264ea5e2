package pipeline

import (
	"fmt"

	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// measure finds the lungs and measures the lesions against them. Ours, not the paper's: it changes no decision and no mask.
func (x *Examination) measure() error {
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
