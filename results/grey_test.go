package results

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/dicomout"
	"jcsnode/models"
	"jcsnode/phantom"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
)

// greyNetworks find every slice positive, and lesion wherever tissue is as dense as ground glass.
type greyNetworks struct{}

func (greyNetworks) Classify(context.Context, []float32, int, int) (cascade.Classification, error) {
	return cascade.Classification{Probability: 0.9, Activation: []float32{0, 1, 2, 1}, Rows: 2, Columns: 2}, nil
}

func (greyNetworks) Segment(_ context.Context, hu []float32, _, _ int) ([]float32, error) {
	p := make([]float32, len(hu))
	for i, v := range hu {
		if v > -750 && v < -350 {
			p[i] = 1
		}
	}
	return p, nil
}

// greyStudy is a phantom that greyNetworks examined, and what makes its objects.
func greyStudy(t *testing.T) (*pipeline.Examination, *Maker) {
	t.Helper()
	return greyStudyOf(t, phantom.Options{Slices: 24, Spacing: 12, Lesions: true, Seed: 1, Rows: 256, Columns: 256})
}

func greyStudyOf(t *testing.T, o phantom.Options) (*pipeline.Examination, *Maker) {
	t.Helper()
	dir := t.TempDir()
	if err := phantom.Write(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	m := greyMaker()
	x, err := pipeline.Load(t.Context(), ct.OpenPath, paths, nil, nil)
	if err != nil || x.Refusal != nil {
		t.Fatalf("%v, %v", err, x.Refusal)
	}
	if err := x.Read(t.Context(), pipeline.Networks{Classifier: greyNetworks{}, Segmenter: greyNetworks{}}, m.Cascade, nil); err != nil {
		t.Fatal(err)
	}
	return x, m
}

// usual asks for what a destination gets that asks for nothing special.
var usual = dicomout.Profile{
	Summary:            true,
	Segmentation:       true,
	Activation:         true,
	Outline:            true,
	LabelMapBackground: true,
	NotProcessed:       true,
}

// greyMaker makes objects of what greyNetworks find, which stay at the node.
func greyMaker() *Maker {
	return &Maker{
		Version:    "1",
		NodeID:     "serial 1",
		SeriesBase: 9100,
		Geometry:   true,
		Recipients: Recipients{{Profile: usual}},
		Cascade: cascade.Settings{
			Threshold:                2,
			Segment:                  cascade.SegmentAll,
			OffLungs:                 cascade.OffLungsKeep,
			ClassifierOperatingPoint: 0.5,
			SegmenterOperatingPoint:  0.5,
			Workers:                  2,
		},
		Manifest: models.Manifest{
			Classifier: models.Network{Name: "grey classifier", Version: "1", Status: "untrained"},
			Segmenter:  models.Network{Name: "grey segmenter", Version: "1", Status: "untrained", Window: [2]float64{-1350, 150}},
		},
	}
}

// greyIdentity is that of the first revision.
func greyIdentity(x *pipeline.Examination) pipeline.Identity {
	return pipeline.Identity{Revision: 1, InputDigest: x.InputDigest(), Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}
