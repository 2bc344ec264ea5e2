package sc

import (
	"image"
	"slices"
	"strings"
	"testing"

	"jcsnode/dicomout/object"
)

func TestPlaneElements(t *testing.T) {
	slice := object.SourceImage{
		SOPInstanceUID: "1.2.3", Rows: 256, Columns: 256,
		PositionDS: `-100.50\-20\30.125`, OrientationDS: `1\0\0\0\1\0`, PixelSpacingDS: `0.80\0.8`, SliceThicknessDS: "2.00",
	}
	for _, c := range []struct {
		name     string
		change   func(s *object.SourceImage)
		size     image.Point
		position string
		spacing  string
	}{
		{"own grid keeps the texts", func(*object.SourceImage) {}, image.Pt(256, 256), `-100.50\-20\30.125`, `0.80\0.8`},
		{"double grid moves by a quarter pixel", func(*object.SourceImage) {}, image.Pt(512, 512), `-100.7\-20.2\30.125`, `0.4\0.4`},
		{"reversed axes move the other way",
			func(s *object.SourceImage) { s.OrientationDS = `-1\0\0\0\-1\0` }, image.Pt(512, 512), `-100.3\-19.8\30.125`, `0.4\0.4`},
		{"one axis only", func(s *object.SourceImage) { s.Columns, s.PixelSpacingDS = 128, `0.8\1.6` },
			image.Pt(256, 256), `-100.9\-20\30.125`, `0.8\0.8`},
		{"four times", func(s *object.SourceImage) { s.Rows, s.Columns = 128, 128 }, image.Pt(512, 512), `-100.8\-20.3\30.125`, `0.2\0.2`},
	} {
		s := slice
		c.change(&s)
		elements, err := planeElements(s, c.size)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, want := range []string{c.position, s.OrientationDS, c.spacing, s.SliceThicknessDS} {
			if got := strings.Join(elements[i].Value.GetValue().([]string), `\`); got != want {
				t.Errorf("%s: %v is %q, want %q", c.name, elements[i].Tag, got, want)
			}
		}
	}
}

func TestPlaneElements_NamesWhatIsBroken(t *testing.T) {
	whole := object.SourceImage{
		SOPInstanceUID: "1.2.3",
		Rows:           4,
		Columns:        4,
		PositionDS:     `0\0\0`,
		OrientationDS:  `1\0\0\0\1\0`,
		PixelSpacingDS: `1\1`,
	}
	for want, spoil := range map[string]func(s *object.SourceImage){
		"PixelSpacing":            func(s *object.SourceImage) { s.PixelSpacingDS = `0,7\0,7` },
		"ImagePositionPatient":    func(s *object.SourceImage) { s.PositionDS = `0\0\NaN` },
		"ImageOrientationPatient": func(s *object.SourceImage) { s.OrientationDS = `1\0\0` },
		"not positive":            func(s *object.SourceImage) { s.PixelSpacingDS = `1\0` },
	} {
		s := whole
		spoil(&s)
		_, err := planeElements(s, image.Pt(8, 8))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "1.2.3") {
			t.Errorf("error %v, want one about %s of 1.2.3", err, want)
		}
	}
}

func TestEdges(t *testing.T) {
	for orientation, want := range map[string]string{
		`1\0\0\0\1\0`: "R A", `-1\0\0\0\-1\0`: "L P", `-1\0\0\0\1\0`: "L A", `0\1\0\1\0\0`: "A R",
		`0.98\0.17\0\-0.16\0.95\0.26`: "R A", `1\0\0`: " ",
	} {
		if left, top := Edges(orientation); left+" "+top != want {
			t.Errorf("%s: %q at the left, %q at the top, want %q", orientation, left, top, want)
		}
	}
}

func TestPatientOrientation(t *testing.T) {
	for orientation, want := range map[string]string{
		`1\0\0\0\1\0`:           `L\P`,
		`-1\0\0\0\-1\0`:         `R\A`,
		`1\0\0\0\0\-1`:          `L\F`,
		`1\0\0\0\0.966\-0.259`:  `L\PF`,
		`1\0\0\0\0.9995\-0.031`: `L\P`,
		`broken`:                ``,
	} {
		if got := strings.Join(patientOrientation(orientation), `\`); got != want {
			t.Errorf("orientation %s: %q, want %q", orientation, got, want)
		}
	}
}

func TestWorst_KeepsSlicesApart(t *testing.T) {
	all := make([]Picture, 100)
	for i := range all {
		all[i].LesionAreaMM2 = float64(max(0, 30-abs(i-50)))
	}
	got := worst(all, 4)
	if len(got) != 4 {
		t.Fatalf("%v, want four", got)
	}
	for k := 1; k < 4; k++ {
		if got[k]-got[k-1] < 10 {
			t.Errorf("%v: slices %d and %d are neighbours", got, got[k-1], got[k])
		}
	}
	if got := worst(all[:2], 4); len(got) != 2 {
		t.Errorf("two slices give %v", got)
	}
	if got := worst(all[:5], 4); len(got) != 4 {
		t.Errorf("five slices give %v", got)
	}
}

func abs(v int) int { return max(v, -v) }

func TestAxis_CoversAllSlicesOnce(t *testing.T) {
	all := []Picture{{Position: -10}, {Position: -8}, {Position: -3}, {Position: 2}}
	for _, apexFirst := range []bool{false, true} {
		a := newAxis(all, apexFirst, 100, 340)
		if got := a.row(a.spans[0].from); got != 100 {
			t.Errorf("first edge at row %g", got)
		}
		if got := a.row(a.spans[len(all)-1].to); got != 340 {
			t.Errorf("last edge at row %g", got)
		}
		if got := a.gaps(); len(got) > 0 {
			t.Errorf("gaps %v, want none", got)
		}
		for row, want := range map[int]bool{100: apexFirst, 339: !apexFirst} {
			if got, ok := a.slices(row); !ok || want != (got.low == 0) || want == (got.low == 3) {
				t.Errorf("apex first %v: row %d shows slice %d, %v", apexFirst, row, got.low, ok)
			}
		}
	}
}

// A slice stands for as much beside a gap as elsewhere, and what lies between is nobody's.
func TestAxis_LeavesGapsEmpty(t *testing.T) {
	// Steps of 4 mm, a slice by itself, and steps of 2 mm.
	all := []Picture{{Position: 0, AfterGap: true}, {Position: 4},
		{Position: 24, AfterGap: true}, {Position: 40, AfterGap: true}, {Position: 42}}
	for _, c := range []struct {
		apexFirst bool
		order     []int
		spans     []span
		gaps      []span
		shown     map[int]bool // rows
	}{
		{true, []int{0, 1, 2, 3, 4}, []span{{-2, 2}, {2, 6}, {22.5, 25.5}, {39, 41}, {41, 43}}, []span{{6, 22.5}, {25.5, 39}},
			map[int]bool{100: true, 179: true, 180: false, 344: false, 345: true, 374: true, 375: false, 509: false, 510: true, 549: true}},
		{false, []int{4, 3, 2, 1, 0}, []span{{-1, 1}, {1, 3}, {16.5, 19.5}, {36, 40}, {40, 44}}, []span{{3, 16.5}, {19.5, 36}},
			map[int]bool{100: true, 139: true, 140: false, 274: false, 275: true, 304: true, 305: false, 469: false, 470: true, 549: true}},
	} {
		a := newAxis(all, c.apexFirst, 100, 550) // 10 rows for each mm
		if !slices.Equal(a.spans, c.spans) || !slices.Equal(a.order, c.order) {
			t.Errorf("slices %v stand for %v, want %v for %v", a.order, a.spans, c.order, c.spans)
		}
		if got := a.gaps(); !slices.Equal(got, c.gaps) {
			t.Errorf("gaps %v, want %v", got, c.gaps)
		}
		for row, want := range c.shown {
			if _, ok := a.slices(row); ok != want {
				t.Errorf("apex first %v: row %d shows a slice: %v, want %v", c.apexFirst, row, ok, want)
			}
		}
	}
}

func TestAxis_OfOneSlice(t *testing.T) {
	if a := newAxis([]Picture{{Position: 7, AfterGap: true}}, false, 0, 100); a.length() != 1 {
		t.Errorf("length %g", a.length())
	}
}

func TestProfile_NeverHidesAPositiveSlice(t *testing.T) {
	p := newTestPainter(t)
	all := make([]Picture, 2000)
	for i := range all {
		all[i] = Picture{Position: float64(i), Probability: 0.2}
	}
	all[777].Probability, all[777].Positive = 0.9, true
	dst := image.NewRGBA(image.Rect(0, 0, 300, 120))
	p.profile(dst, dst.Rect, all, newAxis(all, false, 0, 120), Basis{OperatingPoint: 0.5})
	for y := range 120 {
		if dst.RGBAAt(200, y) == barOrange {
			return
		}
	}
	t.Error("the one positive slice of 2000 is not seen")
}
