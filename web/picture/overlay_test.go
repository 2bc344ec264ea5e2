package picture

import (
	"bytes"
	"context"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jcsnode/dicomout"
	"jcsnode/findings"
	"jcsnode/models"
	"jcsnode/offline"
	"jcsnode/phantom"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/results"
)

// grey networks find every slice positive, and lesion wherever tissue is as dense as ground glass.
type grey struct{}

func (grey) Classify(context.Context, []float32, int, int) (cascade.Classification, error) {
	return cascade.Classification{Probability: 0.9, Activation: []float32{0, 1, 2, 1}, Rows: 2, Columns: 2}, nil
}

func (grey) Segment(_ context.Context, hu []float32, _, _ int) ([]float32, error) {
	p := make([]float32, len(hu))
	for i, v := range hu {
		if v > -750 && v < -350 {
			p[i] = 1
		}
	}
	return p, nil
}

// readPhantom reads a phantom of slices with an odd number of pixels, so that frames of bits begin within bytes, for a site with
// destinations that ask for everything in every form.
func readPhantom(t *testing.T) (dir string, read offline.Outcome) {
	t.Helper()
	dir = t.TempDir()
	in := filepath.Join(dir, "in")
	lungs := phantom.Options{Slices: 10, Spacing: 12, Lesions: true, Seed: 1, Rows: 131, Columns: 129}
	if err := phantom.Write(t.Context(), in, lungs); err != nil {
		t.Fatal(err)
	}
	studies, err := offline.Studies(in)
	if err != nil {
		t.Fatal(err)
	}
	all := dicomout.Profile{Summary: true, Segmentation: true, Lungs: true, Activation: true, ParametricMap: true, Outline: true}
	other := all
	other.LabelMap, other.MultiFrame = true, true
	r := offline.Reader{
		Networks: pipeline.Networks{Classifier: grey{}, Segmenter: grey{}},
		Maker: &results.Maker{
			NodeID:     "1",
			SeriesBase: 9100,
			Recipients: results.Recipients{{Profile: all}, {Profile: other}},
			Manifest: models.Manifest{Classifier: models.Network{Name: "grey", Version: "1", Status: "untrained"},
				Segmenter: models.Network{Name: "grey", Version: "1", Status: "untrained"}},
			Cascade: cascade.Settings{Threshold: 2, Segment: cascade.SegmentAll, OffLungs: cascade.OffLungsKeep,
				ClassifierOperatingPoint: 0.5, SegmenterOperatingPoint: 0.5, Workers: 1},
		},
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	read, err = r.Read(t.Context(), studies[0], filepath.Join(dir, "out"))
	if err != nil || read.Findings.Decision == nil || !read.Findings.Decision.Positive {
		t.Fatalf("%+v, %v", read.Findings.Reason, err)
	}
	return dir, read
}

// What is drawn from masks and numbers, and what lies in frames, is what the single pictures of the same slices show.
func TestOverlays_AreThePicturesOfTheSlices(t *testing.T) {
	dir, read := readPhantom(t)
	d, err := NewDrawer(folder(dir))
	if err != nil {
		t.Fatal(err)
	}
	single := map[string]map[Place]string{"outline": {}, "activation": {}}
	names, err := filepath.Glob(filepath.Join(read.ObjectsFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	place := func(kind string) (name string, places []Place) {
		t.Helper()
		name = "out/objects/" + kind + "-001.dcm"
		places, err := d.Places(t.Context(), name)
		if err != nil || len(places) == 0 {
			t.Fatalf("%s shows %v, %v", name, places, err)
		}
		return name, places
	}
	for _, path := range names {
		name := "out/objects/" + filepath.Base(path)
		for kind, at := range single {
			if ok, _ := filepath.Match("out/objects/"+kind+"-0*", name); ok {
				places, err := d.Places(t.Context(), name)
				if err != nil || len(places) != 1 {
					t.Fatalf("%s shows %v, %v", name, places, err)
				}
				at[places[0]] = name
			}
		}
	}
	capture := func(name string, frame int) *image.RGBA {
		t.Helper()
		img, err := d.Capture(t.Context(), name, frame)
		if err != nil {
			t.Fatal(err)
		}
		return img.(*image.RGBA)
	}
	over := func(kind string, name string, frames []int, of Place) *image.RGBA {
		t.Helper()
		i := slices.IndexFunc(read.Findings.Slices, func(s findings.Slice) bool { return s.SOPInstanceUID == of.SOPInstanceUID })
		o := Overlay{Slice: "in/" + filepath.Base(read.SliceFiles[i]), Object: name, Frames: frames, Found: &read.Findings, Index: i}
		draw := map[string]func(context.Context, Overlay) (image.Image, error){"seg": d.Outline, "labelmap-plain": d.Outline,
			"pmap": d.Activation, "lungs": d.Lungs}[kind]
		img, err := draw(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return img.(*image.RGBA)
	}

	for _, kind := range []string{"seg", "labelmap-plain"} {
		compared := 0
		name, places := place(kind)
		for frame, at := range places {
			if other := single["outline"][at]; other != "" {
				compared++
				if !bytes.Equal(over(kind, name, []int{frame}, at).Pix, capture(other, 0).Pix) {
					t.Errorf("frame %d of %s is not the outline", frame, kind)
				}
			}
		}
		if compared < 2 {
			t.Errorf("%s: %d outlines", kind, compared)
		}
	}
	name, places := place("activation-multiframe")
	for frame, at := range places {
		if !bytes.Equal(capture(name, frame).Pix, capture(single["activation"][at], 0).Pix) {
			t.Errorf("frame %d of the multi-frame capture is not the activation map", frame)
		}
	}
	name, places = place("pmap")
	for frame, at := range places {
		drawn, want := over("pmap", name, []int{frame}, at), capture(single["activation"][at], 0)
		if n := differing(drawn, want); n > len(want.Pix)/4/20 { // the edges of lesions, and a line of the legend
			t.Errorf("frame %d of the parametric map: %d pixels differ from the activation map", frame, n)
		}
	}
	name, places = place("lungs")
	last := len(places) - 1
	if n := differing(over("lungs", name, []int{last}, places[last]), over("lungs", name, nil, places[last])); n < 20 {
		t.Errorf("edges of the lungs: %d pixels", n)
	}

	for name, o := range map[string]Overlay{
		"no such frame":  {Object: "out/objects/seg-001.dcm", Frames: []int{1000}},
		"another object": {Object: "out/objects/summary-001.dcm", Frames: []int{0}},
		"no object":      {Object: "out/objects/none.dcm", Frames: []int{0}},
	} {
		o.Slice, o.Found = "in/"+filepath.Base(read.SliceFiles[0]), &read.Findings
		if _, err := d.Outline(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "in", filepath.Base(read.SliceFiles[0]))); err != nil {
		t.Error(err)
	}
}

// differing counts pixels of which a colour is another by more than rounding.
func differing(a, b *image.RGBA) int {
	n := 0
	for i := 0; i < len(a.Pix); i += 4 {
		for c := range 3 {
			if d := int(a.Pix[i+c]) - int(b.Pix[i+c]); d > 3 || d < -3 {
				n++
				break
			}
		}
	}
	return n
}
