package alter

import (
	"math"
	"math/rand/v2"
)

// Table is a scanner's table below the patient, who touches it.
type Table struct {
	Name            string
	Wide, Deep      float64 // mm
	Curve           float64 // mm by which the sides rise above the middle
	Bottom          float64 // share of the width that the bottom has
	Shell           float64 // mm
	ShellHU, FoamHU int16
	Mattress        float64 // mm between patient and table
	MattressHU      int16
}

// Tables are shapes and materials as scanners have them: flat and curved, hollow or filled with foam of any density, shells from a layer
// of carbon fibre to bright plastic, with and without a mattress.
func Tables() []Table {
	return []Table{
		{Name: "flat, foam -960", Wide: 420, Deep: 35, Bottom: 1, Shell: 2, ShellHU: 0, FoamHU: -960},
		{Name: "flat, foam -850", Wide: 420, Deep: 35, Bottom: 1, Shell: 2, ShellHU: 0, FoamHU: -850},
		{Name: "flat, foam -600", Wide: 420, Deep: 45, Bottom: 1, Shell: 2, ShellHU: 100, FoamHU: -600},
		{Name: "flat, foam -350", Wide: 420, Deep: 30, Bottom: 1, Shell: 1.5, ShellHU: 0, FoamHU: -350},
		{Name: "flat, foam -200", Wide: 420, Deep: 30, Bottom: 1, Shell: 1.5, ShellHU: 0, FoamHU: -200},
		{Name: "curved, foam -900", Wide: 430, Deep: 35, Curve: 45, Bottom: 0.6, Shell: 2, ShellHU: -100, FoamHU: -900},
		{Name: "curved, hollow", Wide: 430, Deep: 60, Curve: 45, Bottom: 0.6, Shell: 3, ShellHU: 300, FoamHU: -1000},
		{Name: "deep, hollow, bright edges", Wide: 440, Deep: 80, Curve: 25, Bottom: 0.65, Shell: 4, ShellHU: 600, FoamHU: -1000},
		{Name: "deeply curved, foam -800", Wide: 400, Deep: 30, Curve: 90, Bottom: 0.8, Shell: 2.5, ShellHU: 50, FoamHU: -800},
		{Name: "thin carbon, foam -930", Wide: 400, Deep: 25, Curve: 15, Bottom: 1, Shell: 0.8, ShellHU: -300, FoamHU: -930},
		{Name: "mattress -940 on flat, foam -880", Wide: 420, Deep: 35, Bottom: 1,
			Shell: 2, ShellHU: 0, FoamHU: -880, Mattress: 30, MattressHU: -940},
		{Name: "mattress -830 on curved, hollow", Wide: 430, Deep: 50, Curve: 40,
			Bottom: 0.7, Shell: 3, ShellHU: 200, FoamHU: -1000, Mattress: 25, MattressHU: -830},
	}
}

// On lays the patient on a table.
func (s Patient) On(t Table) Scan {
	in, top := s.in, s.back+t.Mattress
	rng := rand.New(rand.NewPCG(5, 6))
	return s.drawn(func(z int, x, y float64, v int16) int16 {
		i := int(math.Round(y/s.RowMM+float64(s.Rows-1)/2))*s.Columns + int(math.Round(x/s.ColMM+float64(s.Columns-1)/2))
		if in[z][i] {
			return v
		}
		half := t.Wide / 2
		surface := top - t.Curve*x*x/(half*half)
		depth := y - surface
		grain := 12 * rng.NormFloat64()
		if math.Abs(x) < half && depth < 0 && depth > -t.Mattress {
			if depth < -t.Mattress+1 {
				return -250 // its cover
			}
			return int16(max(float64(t.MattressHU)+grain, nothing))
		}
		// The sides run from the full width at the surface to that of the bottom.
		side := half * (1 - (1-t.Bottom)*depth/t.Deep)
		below := t.Deep + t.Curve*x*x/(half*half) - depth // the bottom is flat
		if t.Bottom == 1 {
			below = t.Deep - depth
		}
		switch edge := min(depth, below, side-math.Abs(x)); {
		case edge < 0:
			return v
		case edge < t.Shell:
			return int16(float64(t.ShellHU) + grain)
		default:
			return int16(max(float64(t.FoamHU)+grain, nothing))
		}
	})
}
