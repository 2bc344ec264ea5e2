package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"jcsnode/models"
	"jcsnode/node"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
)

// The model card's numbers are of a program in Python that reads DICOM on its own. They are only worth something if the node
// sees the same slices: the same studies must have the same positive slices here, but for what another processor or engine rounds.
func TestCard_TheNodeFindsWhatTheCardSays(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "models", "training", "results", "evaluation.json"))
	if err != nil {
		t.Fatal(err)
	}
	var card struct {
		Networks map[string]struct{ SHA256 string }
		Patients struct {
			Volumes []struct {
				Name       string
				Slices     int
				Positive   int      `json:"positive_slices"`
				PositiveMM *float64 `json:"positive_mm"`
			}
		}
	}
	if err := json.Unmarshal(text, &card); err != nil {
		t.Fatal(err)
	}
	runtime, err := models.Open(filepath.Join("..", "..", "models"),
		models.Options{Device: models.DeviceCPU}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	manifest := runtime.Manifest()
	if manifest.Classifier.SHA256 != card.Networks["classifier"].SHA256 {
		t.Fatal("the card is of another classifier: make evaluate")
	}
	// So high a threshold makes nobody positive: nothing is segmented.
	set := cascade.Settings{
		Threshold:                100000,
		Segment:                  cascade.SegmentAll,
		OffLungs:                 cascade.OffLungsKeep,
		ClassifierOperatingPoint: manifest.Classifier.OperatingPoint,
		SegmenterOperatingPoint:  manifest.Segmenter.OperatingPoint,
		Workers:                  runtime.Workers(),
	}
	compared := 0
	for _, v := range card.Patients.Volumes {
		folder := filepath.Join(data(t, "ct"), v.Name)
		if _, err := os.Stat(folder); err != nil {
			continue // of the training sets, which are pictures
		}
		compared++
		files, err := filepath.Glob(filepath.Join(folder, "*.dcm"))
		if err != nil {
			t.Fatal(err)
		}
		x, err := pipeline.Load(t.Context(), ct.OpenPath, files, nil, nil)
		if err != nil || x.Refusal != nil {
			t.Fatalf("%s: %v, %+v", v.Name, err, x.Refusal)
		}
		if err := x.Read(t.Context(), node.Cascade(runtime), set, nil); err != nil {
			t.Fatal(err)
		}
		d := x.Findings.Decision
		t.Logf("%s: %d of %d slices, %.1f mm; the card: %d of %d", v.Name, d.PositiveSlices, d.Slices, d.PositiveMM, v.Positive, v.Slices)
		if d.Slices != v.Slices || max(d.PositiveSlices-v.Positive, v.Positive-d.PositiveSlices) > 1 {
			t.Errorf("%s: %d of %d slices are positive, the card says %d of %d", v.Name, d.PositiveSlices, d.Slices, v.Positive, v.Slices)
		}
		// No field of view cuts these lungs; mattress and table, as dense as lung, are none.
		if m := x.Measures; m.CutSlices != 0 || m.Lungs.Total() < 3000 || m.Lungs.Total() > 7000 {
			t.Errorf("%s: lungs of %.0f mL, cut in %d slices", v.Name, m.Lungs.Total(), m.CutSlices)
		}
	}
	if compared < 3 {
		t.Errorf("compared %d studies of the card", compared)
	}
}
