// Package phantomtest writes phantoms as a scanner sends them, for tests that would else need the studies of patients.
package phantomtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"jcsnode/phantom"
)

// Write writes a phantom into a folder of the test.
func Write(t testing.TB, opt phantom.Options) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := phantom.Write(t.Context(), dir, opt); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Compressed is Write in JPEG Lossless, Non-Hierarchical, First-Order Prediction, as DCMTK writes it. Without DCMTK the test is skipped,
// and fails where everything must be there.
func Compressed(t testing.TB, opt phantom.Options) (dir string) {
	t.Helper()
	dcmcjpeg, err := exec.LookPath("dcmcjpeg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("DCMTK's dcmcjpeg is missing, and CI must have it: %v", err)
		}
		t.Skipf("DCMTK's dcmcjpeg is missing: %v", err)
	}
	dir = Write(t, opt)
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	g.SetLimit(2)
	for _, path := range files {
		g.Go(func() error {
			if out, err := exec.CommandContext(t.Context(), dcmcjpeg, "+e1", path, path).CombinedOutput(); err != nil {
				t.Errorf("dcmcjpeg %s: %v\n%s", filepath.Base(path), err, out)
				return err
			}
			return nil
		})
	}
	if g.Wait() != nil {
		t.FailNow()
	}
	return dir
}
