package pipeline

import (
	"fmt"

	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// measure finds the lungs, takes from the findings what is no lesion by the settings, and measures the lesions. Ours, not the
// paper's: it changes no decision.
func (x *Examination) measure(set cascade.Settings) error {
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
	rule := lung.Rule{InLungs: set.OffLungs == cascade.OffLungsDrop, LeastML: set.LeastLesionML}
	if rule != (lung.Rule{}) && x.Findings.Decision.Positive {
		if lesions, x.LeftOut, err = lung.Select(lesions, lungs, g, rule); err != nil {
			return fmt.Errorf("find outlines that are no lesions: %w", err)
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
