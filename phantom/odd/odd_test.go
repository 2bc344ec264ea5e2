package odd

import (
	"os"
	"path/filepath"
	"testing"

	"jcsnode/dataset"
)

// The files are the same each time, and a reader with nothing in common with the writer reads all but the one that is cut.
func TestWrite(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, other} {
		if err := Write(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	count := 0
	for _, folder := range Folders() {
		files, err := filepath.Glob(filepath.Join(one, folder, "*.dcm"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, path := range files {
			count++
			f, err := dataset.Open(path, dataset.Limits{})
			if cut := filepath.Base(path) == "ax4_file_cut.dcm"; (err != nil) != cut {
				t.Errorf("%s: %v", path, err)
			}
			if err == nil {
				f.Close()
			}
			a, errA := os.ReadFile(path)
			b, errB := os.ReadFile(filepath.Join(other, folder, filepath.Base(path)))
			if errA != nil || errB != nil || string(a) != string(b) {
				t.Errorf("%s is another file the second time: %v, %v", path, errA, errB)
			}
		}
	}
	if count < 80 {
		t.Errorf("%d files, want more than 80", count)
	}
}
