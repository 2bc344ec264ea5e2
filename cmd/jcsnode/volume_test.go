package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/dicomout/object/objecttest"
	"jcsnode/phantom"
)

// Pydicom and highdicom must find the labels of a study on the pixels that its CT names, and the pictures on their slices: on slices
// whose frames begin inside a byte, seen from the head, at uneven steps.
func TestRun_OtherReadersFindEverythingOnItsPixels(t *testing.T) {
	python := objecttest.Python(t, "pydicom", "highdicom")
	ct, out := t.TempDir(), t.TempDir()
	opt := phantom.Options{Slices: 12, Spacing: 12, Lesions: true, Seed: 1, Rows: 299, Columns: 331, FeetFirst: true, Uneven: 0.15}
	if err := phantom.Write(t.Context(), ct, opt); err != nil {
		t.Fatal(err)
	}
	l := newLabWith(t, glassNetworks(t), "[cascade]\nthreshold = 0\nthreshold_mm = 0.0\noff_lungs = \"keep\"\nleast_lesion_ml = 0.0")
	jcsnode(t, "run", ct, "--out", out, "--config", l.config)
	said, err := exec.Command(python, filepath.Join("testdata", "band.py"), ct, filepath.Join(out, "objects")).CombinedOutput()
	if err != nil {
		t.Fatalf("band.py: %v\n%s", err, said)
	}
	if got := strings.TrimSpace(string(said)); got != "12 frames of 299 x 331, 24 pictures" {
		t.Errorf("the readers found %s", got)
	}
}
