package sc

import (
	"fmt"
	"math"
	"slices"

	"jcsnode/dicomout/object"
)

// testModels are one network of each kind of status that a picture must tell.
var testModels = []object.Model{
	{Name: "jcs-classifier-res2net50", Version: "0.1.0", Status: "untrained"},
	{Name: "jcs-segmenter-vgg16", Version: "0.1.0", Status: "preliminary"},
}

// phantom returns a chest of ellipses: n slices, lungs that widen towards the base, a lesion at the back of the right lung in
// the lower half. The first slice is at the base.
func phantom(n, rows, columns int, spacing float64) []Picture {
	slices := make([]Picture, n)
	for i := range slices {
		z := float64(i) / float64(max(n-1, 1)) // 0 at the base
		s := Picture{
			Label: fmt.Sprintf("CT image %d", n-i), Left: "R", Top: "A", Position: float64(2 * i),
			Rows: rows, Columns: columns, RowSpacing: spacing, ColumnSpacing: spacing,
			HU: make([]int16, rows*columns), Lung: make([]byte, rows*columns), Probability: 0.04 + 0.9*max(0, 0.6-z),
		}
		s.Positive = s.Probability >= 0.3
		if s.Positive {
			s.Mask = make([]byte, rows*columns)
		}
		for at := range s.HU {
			y := 2*(float64(at/columns)+0.5)/float64(rows) - 1
			x := 2*(float64(at%columns)+0.5)/float64(columns) - 1
			inside := func(cx, cy, rx, ry float64) bool { return math.Hypot((x-cx)/rx, (y-cy)/ry) < 1 }
			size := 0.9 - 0.5*z
			switch {
			case inside(-0.38, 0, 0.3*size, 0.5*size), inside(0.38, 0, 0.3*size, 0.5*size):
				s.HU[at], s.Lung[at] = -850, 1
				if s.Positive && inside(-0.42, 0.22, 0.16, 0.16) {
					s.HU[at], s.Mask[at] = -420, 1
					s.LesionAreaMM2 += spacing * spacing
				}
			case inside(0, 0, 0.92, 0.72):
				s.HU[at] = 40
			default:
				s.HU[at] = -1000
			}
		}
		slices[i] = s
	}
	return slices
}

// phantomPage is the summary of a positive phantom.
func phantomPage() *Page {
	slices := phantom(40, 128, 128, 2.8)
	return &Page{
		Outcome: Positive,
		Decision: Basis{
			Rule: "count", PositiveSlices: 12, Threshold: 10, PositiveMM: 24, ThresholdMM: 20, OperatingPoint: 0.3,
		},
		Measures: Measures{
			Segmented: true, LesionML: 96.4, Lesions: 3, LungML: 4210, LungShare: 0.0229,
			Right: Lung{2300, 96.4}, Left: Lung{1910, 0},
		},
		Slices: slices, Models: testModels, Software: "0.1.0",
		Scale: Scale{Max: 1, Text: "network range"},
		Activation: func(i int) []float32 {
			return blob(&slices[i])
		},
	}
}

// gapPage is the summary of a negative phantom with planes missing in the middle.
func gapPage() *Page {
	g := negativePage()
	g.Limits = []string{"Only 60 of 80 mm of the stack was read: 10 slices are missing."}
	g.Slices = slices.Delete(g.Slices, 16, 26)
	g.Slices[16].AfterGap = true
	return g
}

// smoothedPage is the summary of a positive phantom of which two slices are otherwise by themselves than in their neighbourhood.
func smoothedPage() *Page {
	g := phantomPage()
	g.Decision = Basis{Rule: "length", PositiveSlices: 13, Threshold: 10, PositiveMM: 26, ThresholdMM: 20, OperatingPoint: 0.3,
		SmoothMM: 5, UnsmoothedSlices: 13, UnsmoothedMM: 26}
	for i := range g.Slices {
		smoothed := g.Slices[i].Probability
		g.Slices[i].Smoothed = &smoothed
	}
	g.Slices[8].Probability, g.Slices[30].Probability = 0.1, 0.97
	return g
}

// negativePage is the summary of a phantom in which nothing is positive.
func negativePage() *Page {
	g := phantomPage()
	g.Outcome, g.Measures = Negative, Measures{LungML: 4210, LungShare: -1}
	g.Decision = Basis{Rule: "count", PositiveSlices: 2, Threshold: 10, PositiveMM: 4, OperatingPoint: 0.9}
	for i := range g.Slices {
		g.Slices[i].Mask, g.Slices[i].LesionAreaMM2, g.Slices[i].Positive = nil, 0, false
	}
	return g
}

// blob is an activation around the lesion of the phantom, 0..1.
func blob(s *Picture) []float32 {
	out := make([]float32, s.Rows*s.Columns)
	for at := range out {
		y := 2*(float64(at/s.Columns)+0.5)/float64(s.Rows) - 1
		x := 2*(float64(at%s.Columns)+0.5)/float64(s.Columns) - 1
		out[at] = float32(math.Exp(-8 * (math.Pow(x+0.42, 2) + math.Pow(y-0.22, 2))))
	}
	return out
}
