package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// A secret is open if everybody may read its file and come to it.
func TestSecret_Open(t *testing.T) {
	for _, c := range []struct {
		above, folder, file fs.FileMode
		want                bool
	}{
		{0o755, 0o755, 0o644, true}, {0o755, 0o755, 0o604, true}, {0o755, 0o711, 0o644, true},
		{0o755, 0o755, 0o640, false}, {0o755, 0o755, 0o600, false}, {0o755, 0o750, 0o644, false}, {0o700, 0o755, 0o644, false},
	} {
		root := fstest.MapFS{
			"etc":                  {Mode: fs.ModeDir | c.above},
			"etc/jcsnode":          {Mode: fs.ModeDir | c.folder},
			"etc/jcsnode/password": {Mode: c.file},
		}
		if got := open(root, "etc/jcsnode/password"); got != c.want {
			t.Errorf("folders %o and %o, file %o: %v", c.above, c.folder, c.file, got)
		}
		if open(root, "etc/jcsnode/password2") {
			t.Error("a file that is not there is open")
		}
	}
}

// A file of this machine is found by its path.
func TestSecret_OpenOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if (Secret{Path: path}).Open() {
		t.Error("a file of mode 600 is open")
	}
	if program, err := os.Stat("/bin/sh"); err == nil && program.Mode().Perm()&0o004 != 0 && !(Secret{Path: "/bin/sh"}).Open() {
		t.Error("a file that everybody can run is not open")
	}
}
