package offline

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/dicomout"
	"jcsnode/findings"
	"jcsnode/models"
	"jcsnode/phantom"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/results"
)

// healthy networks find nothing.
type healthy struct{}

func (healthy) Classify(context.Context, []float32, int, int) (cascade.Classification, error) {
	return cascade.Classification{Probability: 0.1, Activation: make([]float32, 4), Rows: 2, Columns: 2}, nil
}

func (healthy) Segment(_ context.Context, hu []float32, _, _ int) ([]float32, error) {
	return make([]float32, len(hu)), nil
}

func healthyReader() *Reader {
	network := models.Network{Name: "healthy", Version: "1", Status: "untrained"}
	return &Reader{
		Networks: pipeline.Networks{Classifier: healthy{}, Segmenter: healthy{}},
		Maker: &results.Maker{
			NodeID:     "1",
			SeriesBase: 9100,
			Recipients: results.Recipients{{Profile: dicomout.Profile{Summary: true, NotProcessed: true}}},
			Manifest:   models.Manifest{Classifier: network, Segmenter: network},
			Cascade: cascade.Settings{
				Threshold:                2,
				Segment:                  cascade.SegmentAll,
				OffLungs:                 cascade.OffLungsDrop,
				ClassifierOperatingPoint: 0.5,
				SegmenterOperatingPoint:  0.5,
				Workers:                  1,
			},
		},
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// read reads the only study below the folder.
func read(t *testing.T, folder string) Outcome {
	t.Helper()
	studies, err := Studies(folder)
	if err != nil || len(studies) != 1 {
		t.Fatalf("%d studies, %v", len(studies), err)
	}
	out, err := healthyReader().Read(t.Context(), studies[0], t.TempDir())

	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out.FindingsFile)
	if err != nil {
		t.Fatal(err)
	}
	var written findings.Findings
	if err := json.Unmarshal(text, &written); err != nil || written.StudyInstanceUID != out.Findings.StudyInstanceUID {
		t.Errorf("findings.json is of study %q, %v", written.StudyInstanceUID, err)
	}
	for _, dir := range []string{out.ObjectsFolder, out.PreviewFolder} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(out.Objects) {
			t.Errorf("%d files in %s for %d objects, %v", len(entries), dir, len(out.Objects), err)
		}
	}
	return out
}

func TestReader_EveryOutcomeHasItsFiles(t *testing.T) {
	study := t.TempDir()
	if err := phantom.Write(t.Context(), study, phantom.Options{Slices: 4, Spacing: 5, Rows: 128, Columns: 128, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	out := read(t, study)
	if d := out.Findings.Decision; d == nil || d.Positive || len(out.Objects) != 1 {
		t.Errorf("a healthy phantom: decision %+v, %d objects", d, len(out.Objects))
	}
	// Nothing in the folder names a patient: there are findings with the reason, and no object.
	nothing := t.TempDir()
	if err := os.WriteFile(filepath.Join(nothing, "letter.txt"), []byte("no DICOM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := read(t, nothing); out.Findings.Reason == nil || len(out.Objects) != 0 {
		t.Errorf("no DICOM: reason %+v, %d objects", out.Findings.Reason, len(out.Objects))
	}
}

// Whoever pauses the reading is asked before each file, after each slice and before each object; an end while it pauses ends the reading.
func TestReader_Pauses(t *testing.T) {
	study := t.TempDir()
	if err := phantom.Write(t.Context(), study, phantom.Options{Slices: 4, Spacing: 5, Rows: 128, Columns: 128, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	studies, err := Studies(study)
	if err != nil {
		t.Fatal(err)
	}
	r := healthyReader()
	var asked atomic.Int64
	r.Pause = func(ctx context.Context) error { asked.Add(1); return ctx.Err() }
	out, err := r.Read(t.Context(), studies[0], t.TempDir())
	const headers, files, slices, objects = 4, 4, 4, 1
	if n := asked.Load(); err != nil || n < headers+files+slices+objects || len(out.SliceFiles) != slices {
		t.Errorf("asked %d times, slices %v: %v", n, out.SliceFiles, err)
	}
	for at := range asked.Load() {
		ctx, end := context.WithCancel(t.Context())
		var n atomic.Int64
		r.Pause = func(ctx context.Context) error {
			if n.Add(1) > at {
				end()
			}
			return ctx.Err()
		}
		if _, err := r.Read(ctx, studies[0], t.TempDir()); !errors.Is(err, context.Canceled) {
			t.Errorf("ended at pause %d: %v", at, err)
		}
		end()
	}
}

// Files that name no study are told of with the largest one.
func TestStudies(t *testing.T) {
	dir := t.TempDir()
	for name, opt := range map[string]phantom.Options{
		"a": {Slices: 2, Spacing: 5, Rows: 128, Columns: 128, Seed: 1},
		"b": {Slices: 3, Spacing: 5, Rows: 128, Columns: 128, Seed: 2},
	} {
		if err := phantom.Write(t.Context(), filepath.Join(dir, name), opt); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "0.txt"), []byte("no DICOM"), 0o600); err != nil {
		t.Fatal(err)
	}
	studies, err := Studies(dir)
	if err != nil || len(studies) != 2 || len(studies[0]) != 2 || len(studies[1]) != 4 {
		t.Errorf("%q, %v", studies, err)
	}
	if _, err := Studies(t.TempDir()); err == nil {
		t.Error("an empty folder holds studies")
	}
}
