package pipeline

import (
	"fmt"
	"slices"

	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// findLungs fills Lungs. Ours, not the paper's: they change no decision.
func (x *Examination) findLungs() error {
	hu := make([][]int16, len(x.Volume.Slices))
	for i := range hu {
		hu[i] = x.Volume.Slices[i].HU
	}
	var err error
	if x.Lungs, _, err = lung.Mask(hu, gridOf(x.Volume)); err != nil {
		return fmt.Errorf("find the lungs: %w", err)
	}
	return nil
}

// showLung tells which slices show lung.
func (x *Examination) showLung() []bool {
	show := make([]bool, len(x.Lungs))
	for i, mask := range x.Lungs {
		show[i] = slices.ContainsFunc(mask, func(side byte) bool { return side != lung.None })
	}
	return show
}

// measure takes from the findings what is no lesion by the settings, and measures the lesions.
func (x *Examination) measure(set cascade.Settings) error {
	v := x.Volume
	g := gridOf(v)
	hu, lesions := make([][]int16, len(v.Slices)), make([][]byte, len(v.Slices))
	for i := range v.Slices {
		hu[i], lesions[i] = v.Slices[i].HU, x.Findings.Slices[i].Mask
	}
	var err error
	rule := lung.Rule{InLungs: set.OffLungs == cascade.OffLungsDrop, LeastML: set.LeastLesionML}
	if rule != (lung.Rule{}) && x.Findings.Decision.Positive {
		if lesions, x.LeftOut, err = lung.Select(lesions, x.Lungs, g, rule); err != nil {
			return fmt.Errorf("find outlines that are no lesions: %w", err)
		}
		x.Findings.Restrict(v, lesions)
	}
	if x.Measures, err = lung.Measure(hu, lesions, x.Lungs, g); err != nil {
		return fmt.Errorf("measure the lesions: %w", err)
	}
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
