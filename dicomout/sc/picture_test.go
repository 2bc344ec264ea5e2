package sc

import (
	"image"
	"image/color"
	"strings"
	"testing"
)

func newTestPainter(t testing.TB) *Painter {
	t.Helper()
	p, err := NewPainter(LungWindow())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mask reads a picture of dots and letters.
func mask(rows ...string) []byte {
	var m []byte
	for _, row := range rows {
		for _, c := range row {
			if c == '.' {
				m = append(m, 0)
			} else {
				m = append(m, 1)
			}
		}
	}
	return m
}

func TestOutline_DrawsTheEdgeInsideTheMask(t *testing.T) {
	m := mask(
		"xxx....",
		"xxx....",
		"xxx.xxx",
		"....xxx",
		"x...xxx",
		".......")
	want := []string{
		"eee....",
		"e.e....",
		"eee.eee",
		"....e.e",
		"e...eee",
		"......."}
	dst := image.NewRGBA(image.Rect(0, 0, 7, 6))
	outline(dst, m, edgeColor)
	for y, row := range want {
		for x, c := range row {
			got := dst.RGBAAt(x, y) == color.RGBA{255, 255, 0, 255}
			if got != (c == 'e') {
				t.Errorf("pixel %d,%d drawn: %v, want %v", x, y, got, !got)
			}
		}
	}
}

func TestRegions(t *testing.T) {
	for _, c := range []struct {
		name string
		rows []string
		want int
	}{
		{"nothing", []string{"....", "...."}, 0},
		{"one", []string{".xx.", ".x.."}, 1},
		{"corner joins", []string{"x...", ".x.."}, 1},
		{"no wrap at the border", []string{"...x", "x..."}, 2},
		{"ring and dot", []string{"xxxxx", "x...x", "x.x.x", "x...x", "xxxxx"}, 2},
	} {
		if got := regions(mask(c.rows...), len(c.rows), len(c.rows[0])); got != c.want {
			t.Errorf("%s: %d regions, want %d", c.name, got, c.want)
		}
	}
}

func TestGrid(t *testing.T) {
	for _, c := range []struct {
		name                      string
		rows, columns             int
		rowSpacing, columnSpacing float64
		wantRows, wantColumns     int
	}{
		{"usual", 512, 512, 0.75, 0.75, 512, 512},
		{"large", 1024, 1024, 0.3, 0.3, 1024, 1024},
		{"small", 256, 256, 1.5, 1.5, 512, 512},
		{"quarter", 128, 128, 2, 2, 512, 512},
		{"odd", 299, 331, 0.9, 0.9, 598, 662},
		{"wide pixels", 512, 256, 0.748, 1.496, 512, 512},
		{"tall pixels", 256, 512, 1.496, 0.748, 512, 512},
		{"small wide pixels", 128, 64, 1, 2, 512, 512},
		{"no picture of a patient", 512, 512, 1, 10, 512, 512},
	} {
		g := newGrid(c.rows, c.columns, c.rowSpacing, c.columnSpacing)
		if g.rows != c.wantRows || g.columns != c.wantColumns {
			t.Errorf("%s: %d x %d, want %d x %d", c.name, g.rows, g.columns, c.wantRows, c.wantColumns)
		}
	}
}

func TestResample_KeepsPlaces(t *testing.T) {
	g := grid{rows: 4, columns: 4, sourceRows: 2, sourceColumns: 2}
	got := bilinear(g, []float32{0, 4, 8, 12})
	want := []float32{0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("bilinear: got %v, want %v", got, want)
		}
	}
	if got := nearest(g, []byte{1, 0, 0, 1}); string(got) != string(mask("xx..", "xx..", "..xx", "..xx")) {
		t.Fatalf("nearest: got %v", got)
	}
}

func TestRenderActivation_Pixels(t *testing.T) {
	p := newTestPainter(t)
	s := phantom(1, 512, 512, 0.7)[0]
	s.HU[300*512+200] = -600
	a := make([]float32, 512*512)
	a[300*512+200] = 3 // the scale's half
	img, err := p.RenderActivation(&s, a, Scale{Max: 6, Text: "study maximum"}, testModels)
	if err != nil {
		t.Fatal(err)
	}
	half, jet := 128.0, Jet(128)
	want := color.RGBA{uint8(0.55*half + 0.45*float64(jet.R)),
		uint8(0.55*half + 0.45*float64(jet.G)), uint8(0.55*half + 0.45*float64(jet.B)), 255}
	got := img.RGBAAt(200, 300)
	for k, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
		if d < -2 || d > 2 {
			t.Errorf("tinted pixel %v, want about %v (channel %d)", got, want, k)
		}
	}
	if got := img.RGBAAt(202, 300); got.R != got.G || got.G != got.B {
		t.Errorf("pixel without activation is coloured: %v", got)
	}
}

func TestRender_RefusesPlanesOfAnotherSize(t *testing.T) {
	p := newTestPainter(t)
	whole := phantom(1, 64, 64, 1)[0]
	whole.Mask = make([]byte, 64*64)
	for name, spoil := range map[string]func(s *Picture){
		"short HU":       func(s *Picture) { s.HU = s.HU[1:] },
		"short mask":     func(s *Picture) { s.Mask = s.Mask[1:] },
		"short lung":     func(s *Picture) { s.Lung = s.Lung[1:] },
		"no spacing":     func(s *Picture) { s.RowSpacing = 0 },
		"negative sizes": func(s *Picture) { s.Rows, s.Columns = -s.Rows, -s.Columns },
	} {
		s := whole
		spoil(&s)
		_, err := p.RenderActivation(&s, make([]float32, 64*64), Scale{Max: 1}, nil)
		if err == nil || !strings.Contains(err.Error(), s.Label) {
			t.Errorf("%s: error %v, want one that names the slice", name, err)
		}
		if _, err := p.RenderOutline(&s, StudyMeasures{}, nil); err == nil {
			t.Errorf("%s: outline without an error", name)
		}
	}
	if _, err := p.RenderActivation(&whole, make([]float32, 5), Scale{Max: 1}, nil); err == nil {
		t.Error("short activation: no error")
	}
}

func BenchmarkRenderActivation(b *testing.B) {
	p := newTestPainter(b)
	s := phantom(1, 512, 512, 0.7)[0]
	a := blob(&s)
	for b.Loop() {
		if _, err := p.RenderActivation(&s, a, Scale{Max: 1, Text: "study maximum"}, testModels); err != nil {
			b.Fatal(err)
		}
	}
}
