// Package foldertest compares what folders hold, for tests.
package foldertest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Files reads all files below a folder, by their path from there. A folder without any fails the test.
func Files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files in %s, %v", len(all), dir, err)
	}
	return all
}

// Same wants the same files with the same bytes.
func Same(t *testing.T, first, second map[string][]byte) {
	t.Helper()
	if len(first) != len(second) {
		t.Errorf("%d files, then %d", len(first), len(second))
	}
	for name, b := range first {
		if !bytes.Equal(b, second[name]) {
			t.Errorf("%s differs: %d bytes, then %d", name, len(b), len(second[name]))
		}
	}
}
