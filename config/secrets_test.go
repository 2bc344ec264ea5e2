package config

import (
	"os"
	"path/filepath"
	"testing"
)

// A secret is open if everybody may read its file and come to it.
func TestSecret_Open(t *testing.T) {
	folder, err := os.MkdirTemp("/tmp", "secret") // whose folders let everybody in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	path := filepath.Join(folder, "password")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder, file os.FileMode
		want         bool
	}{
		{0o755, 0o644, true}, {0o755, 0o604, true}, {0o711, 0o644, true},
		{0o755, 0o640, false}, {0o755, 0o600, false}, {0o750, 0o644, false},
	} {
		if err := os.Chmod(folder, c.folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.file); err != nil {
			t.Fatal(err)
		}
		if got := (Secret{Path: path}).Open(); got != c.want {
			t.Errorf("folder %o, file %o: %v", c.folder, c.file, got)
		}
	}
	if (Secret{Path: path + "2"}).Open() {
		t.Error("a file that is not there is open")
	}
}
