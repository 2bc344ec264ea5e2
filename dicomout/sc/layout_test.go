package sc

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"jcsnode/findings"

	"jcsnode/dicomout/object"
)

// hugeModels have names that no line holds.
var hugeModels = []object.Model{
	{Name: strings.Repeat("classifier-with-a-very-long-name-", 5), Version: "10.20.30-rc.4+build.5678", Status: "untrained"},
	{Name: strings.Repeat("segmenter ", 20), Version: "1", Status: "altered: hash differs from the manifest"},
	{Name: "third", Version: "2"},
	{Name: "fourth", Version: "2", Status: object.StatusTrained},
}

func TestSlicePictures_TextFits(t *testing.T) {
	for _, size := range []struct{ rows, columns int }{{512, 512}, {256, 256}, {64, 64}, {768, 768}, {1024, 1024}, {512, 400}, {340, 512}} {
		for _, models := range [][]object.Model{testModels, hugeModels, nil} {
			t.Run(fmt.Sprintf("%dx%d, %d models", size.rows, size.columns, len(models)), func(t *testing.T) {
				p, boxes := record(t)
				s := phantom(1, size.rows, size.columns, 0.8)[0]
				s.Label = "Slice 1048 of 2096"
				s.Mask = make([]byte, len(s.HU))
				s.LesionAreaMM2 = 1e6
				img, err := p.RenderActivation(&s, make([]float32, len(s.HU)),
					Scale{Max: 12345678, Text: "range that the manifest of the network states"}, models)
				if err != nil {
					t.Fatal(err)
				}
				checkBoxes(t, *boxes, img.Rect)
				*boxes = nil
				if _, err = p.RenderOutline(&s, StudyMeasures{LesionVolumeML: 123456, LungShare: -1}, models); err != nil {
					t.Fatal(err)
				}
				checkBoxes(t, *boxes, img.Rect)
				for _, b := range *boxes {
					if b.r.Dy() < 11 {
						t.Errorf("%q is smaller than 12 pixels", b.text)
					}
				}
			})
		}
	}
}

func TestSlicePictures_SayWhatTheyAre(t *testing.T) {
	p, boxes := record(t)
	s := phantom(2, 512, 512, 0.7)[0]
	if _, err := p.RenderActivation(&s, blob(&s), Scale{Max: 3.42, Text: "study maximum"}, testModels); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"activation map", s.Label, "RESEARCH USE ONLY", "jcs-classifier-res2net50 0.1.0",
		"UNTRAINED", "PRELIMINARY", "1 = study maximum", "(3.42)",
	} {
		if !hasText(*boxes, want) {
			t.Errorf("activation overlay does not say %q", want)
		}
	}
	*boxes = nil
	if _, err := p.RenderOutline(&s, StudyMeasures{LesionVolumeML: 96.4, LungShare: 0.0229}, testModels); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"lesion outline", s.Label, "RESEARCH USE ONLY", "UNTRAINED", "Lesions in slice 1", "96 mL", "2.3 %", "Area", "Probability",
	} {
		if !hasText(*boxes, want) {
			t.Errorf("outline does not say %q", want)
		}
	}
}

func TestSummary_TextFits(t *testing.T) {
	change := func(f func(g *Page)) *Page {
		g := phantomPage()
		f(g)
		return g
	}
	pages := map[string]*Page{
		"positive":   phantomPage(),
		"gap":        gapPage(),
		"smoothed":   smoothedPage(),
		"all limits": change(func(g *Page) { g.Limits = allLimits }),
		"all limits of what is cut": change(func(g *Page) {
			g.Limits, g.Slices = allLimits, phantom(24, 256, 256, 1.4)
			g.Measures.LungsCut, g.Measures.OutsideML, g.Measures.OffLungs = true, 40, 12
		}),
		"huge": change(func(g *Page) {
			g.Models = hugeModels
			g.Limits = []string{strings.Repeat("A very long sentence about what was not read. ", 20), strings.Repeat("1.2.840.", 200)}
			g.Software = strings.Repeat("1.2.3-", 30)
			g.Measures = Measures{
				Segmented: true,
				LesionML:  123456,
				OutsideML: 123455,
				Lesions:   99999,
				LungML:    1234567,
				LungsCut:  true,
				LungShare: -1,
			}
			g.Decision = Basis{
				Rule:           "length",
				PositiveSlices: 10000,
				Threshold:      10000,
				PositiveMM:     12345,
				ThresholdMM:    12345,
				OperatingPoint: 0.123456789,
				Text:           strings.Repeat("A very long sentence about the decision of this study. ", 8),
			}
			for i := range g.Slices {
				g.Slices[i].Label = fmt.Sprintf("Slice %d of 20000", 10000+i)
				g.Slices[i].LesionAreaMM2 = 1e7
			}
		}),
		"one slice":      change(func(g *Page) { g.Slices = g.Slices[:1] }),
		"three slices":   change(func(g *Page) { g.Slices = g.Slices[:3] }),
		"many slices":    change(func(g *Page) { g.Slices = phantom(700, 16, 16, 20) }),
		"same positions": change(func(g *Page) { g.Slices = phantom(2, 64, 64, 4); g.Slices[1].Position = 0 }),
		"no lungs": change(func(g *Page) {
			for i := range g.Slices {
				g.Slices[i].Lung = nil
			}
		}),
		"prone, apex first": change(func(g *Page) { g.Facing = Facing{ApexFirst: true, FlipRows: true, FlipColumns: true} }),
		"negative": change(func(g *Page) {
			g.Outcome, g.Measures = Negative, Measures{LungML: 4210, LungShare: -1}
			for i := range g.Slices {
				g.Slices[i].Mask, g.Slices[i].LesionAreaMM2 = nil, 0
			}
		}),
		"no slices":           change(func(g *Page) { g.Slices = nil }),
		"not processed":       {Reason: "No axial CT series.", Remedy: "Send the axial series.", Models: testModels},
		"not processed, bare": {},
		"not processed, huge": {Reason: strings.Repeat("The series has a gap between two images. ", 60),
			Remedy: strings.Repeat("1.2.840.", 200), Models: hugeModels},
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			p, boxes := record(t)
			img, err := p.RenderSummary(page)
			if err != nil {
				t.Fatal(err)
			}
			checkBoxes(t, *boxes, image.Rect(left, 0, right+1, side-20))
			for _, want := range []string{page.Outcome.String(), researchOnly, findings.Notice} {
				if !hasText(*boxes, want) {
					t.Errorf("summary does not say %q", want)
				}
			}
			for y := range side {
				for _, x := range []int{0, left - 20, right + 20, side - 1} {
					if img.RGBAAt(x, y) != background {
						t.Fatalf("pixel %d,%d in the margin is %v", x, y, img.RGBAAt(x, y))
					}
				}
			}
		})
	}
}

// allLimits are more than one study has.
var allLimits = []string{
	"Parts of the chest may be unread: the lungs go on in another stack, which was not read.",
	"Only 60.0 of 80.0 mm of the stack was read: 10 slices are missing.",
	"The stack is 80 mm long, shorter than a chest: the result speaks only about that part.",
	"Parts of the chest may be unread: 12 images of the series are damaged or incomplete.",
	"Slices of 2 patients share this study; those of one were read. Correct the study at its source.",
}

func TestSummary_SaysEachLimitOnALine(t *testing.T) {
	for n := range len(allLimits) + 1 {
		g := phantomPage()
		g.Limits = allLimits[:n]
		p, boxes := record(t)
		if _, err := p.RenderSummary(g); err != nil {
			t.Fatal(err)
		}
		for i, limit := range allLimits {
			said := slices.ContainsFunc(*boxes, func(b box) bool { return b.text == limit })
			if said != (i < n) {
				t.Errorf("%d limits: %q is said: %v", n, limit, said)
			}
		}
	}
}

func TestSummary_SaysWhatDecided(t *testing.T) {
	p, boxes := record(t)
	if _, err := p.RenderSummary(phantomPage()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"POSITIVE", "12 of 40", "24 mm", "20 mm", "96 mL", "4210 mL", "2.3 %", "4.2 %", "UNTRAINED", "PRELIMINARY", "CT image 40",
	} {
		if !hasText(*boxes, want) {
			t.Errorf("summary does not say %q", want)
		}
	}
}

// What counts is smoothed, what the classifier said of the slice stands beside it, and the page says that this is not in the paper.
func TestSmoothed_PagesSayBoth(t *testing.T) {
	g := smoothedPage()
	p, boxes := record(t)
	if _, err := p.RenderSummary(g); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"smoothed over 5 mm (not in the paper)", "by themselves", "13 slices", "Smoothed probability"} {
		if !hasText(*boxes, want) {
			t.Errorf("summary does not say %q", want)
		}
	}
	*boxes = nil
	s := &g.Slices[8]
	if _, err := p.RenderActivation(s, blob(s), g.Scale, testModels); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Probability 0.10", "Smoothed " + formatProbability(*s.Smoothed)} {
		if !hasText(*boxes, want) {
			t.Errorf("activation map does not say %q", want)
		}
	}
	if worst := worst(negative(g).Slices, 4); slices.Contains(worst, 30) {
		t.Errorf("the worst slices %v have one that is high by itself alone", worst)
	}
}

// negative is a page without lesions.
func negative(g *Page) *Page {
	for i := range g.Slices {
		g.Slices[i].LesionAreaMM2 = 0
	}
	return g
}

func TestSummary_DrawsNoMapOfAFewSlices(t *testing.T) {
	for n, want := range map[int]bool{3: true, 40: false} {
		g := phantomPage()
		g.Slices = g.Slices[:n]
		p, boxes := record(t)
		if _, err := p.RenderSummary(g); err != nil {
			t.Fatal(err)
		}
		if got := hasText(*boxes, "The slices span"); got != want {
			t.Errorf("%d slices of 2 mm: map left out %v, want %v", n, got, want)
		}
	}
}

func TestSummary_TellsLesionsOutsideTheLungs(t *testing.T) {
	for outside, want := range map[float64]bool{0: false, 0.5: false, 40: true} {
		g := phantomPage()
		g.Measures.OutsideML = outside
		p, boxes := record(t)
		if _, err := p.RenderSummary(g); err != nil {
			t.Fatal(err)
		}
		if got := hasText(*boxes, "outside lungs"); got != want {
			t.Errorf("%g of 96.4 mL outside: told %v, want %v", outside, got, want)
		}
	}
}

func TestSummary_RefusesSlicesOfSeveralSizes(t *testing.T) {
	g := phantomPage()
	g.Slices[3] = phantom(1, 64, 64, 1)[0]
	if _, err := newTestPainter(t).RenderSummary(g); err == nil {
		t.Error("no error")
	}
}
