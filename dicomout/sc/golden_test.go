package sc

import (
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden pictures")

// TestGolden compares pictures of the phantom with those that a person has looked at. Rounding differs between processors: a
// few levels are allowed.
func TestGolden(t *testing.T) {
	p := newTestPainter(t)
	page := phantomPage()
	slice := &page.Slices[8]
	for name, draw := range map[string]func() (*image.RGBA, error){
		"summary-positive": func() (*image.RGBA, error) { return p.RenderSummary(page) },
		"summary-negative": func() (*image.RGBA, error) { return p.RenderSummary(negativePage()) },
		"summary-smoothed": func() (*image.RGBA, error) { return p.RenderSummary(smoothedPage()) },
		"summary-gap":      func() (*image.RGBA, error) { return p.RenderSummary(gapPage()) },
		"summary-not-processed": func() (*image.RGBA, error) {
			return p.RenderSummary(&Page{
				Reason: "No axial CT series of the chest: series 2 is a localizer.", Remedy: "Send the axial series of this study.",
				Models: testModels, Software: "0.1.0",
			})
		},
		"activation": func() (*image.RGBA, error) {
			return p.RenderActivation(slice, blob(slice), page.Scale, testModels)
		},
		"lungs": func() (*image.RGBA, error) { return p.RenderLungs(slice) },
		"outline": func() (*image.RGBA, error) {
			return p.RenderOutline(slice, StudyMeasures{LesionVolumeML: 96.4, LungShare: 0.0229}, testModels)
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := draw()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".png")
			if *update {
				writePNG(t, path, got)
			}
			want := readPNG(t, path)
			if got.Rect != want.Bounds() {
				t.Fatalf("picture of %v, golden of %v", got.Rect, want.Bounds())
			}
			different := 0
			for y := range got.Rect.Dy() {
				for x := range got.Rect.Dx() {
					r, g, b, _ := want.At(x, y).RGBA()
					c := got.RGBAAt(x, y)
					if abs(int(c.R)-int(r>>8)) > 3 || abs(int(c.G)-int(g>>8)) > 3 || abs(int(c.B)-int(b>>8)) > 3 {
						different++
					}
				}
			}
			if different > got.Rect.Dx()*got.Rect.Dy()/2000 {
				t.Errorf("%d pixels differ from %s; look at both, and run with -update if the new one is right", different, path)
			}
		})
	}
}

func writePNG(t *testing.T, path string, picture image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, picture); err != nil {
		t.Fatal(err)
	}
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
