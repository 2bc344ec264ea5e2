package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckDataDir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir     string
		reserve Size
		want    string
	}{
		"a folder":             {dir, 0, ""},
		"one that can be made": {filepath.Join(dir, "a", "b"), 1, ""},
		"below a file":         {filepath.Join(file, "a"), 0, "node.data_dir: "},
		"a file":               {file, 0, "node.data_dir: " + file + " is not a folder"},
		"more than any disk":   {dir, 1 << 60, "node.reserve: 1073741824.0 GB, and the whole disk of " + dir + " has "},
	} {
		got := checkDataDir(c.dir, c.reserve)
		if (c.want == "") != (got == nil) || got != nil && !strings.Contains(got.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, got, c.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the check left files: %v", left)
	}
}

func TestCheckReserve(t *testing.T) {
	for _, c := range []struct {
		reserve, disk Size
		good          bool
	}{
		{2 << 30, 100 << 30, true}, {100 << 30, 100 << 30, false}, {101 << 30, 100 << 30, false}, {0, 0, true},
	} {
		if got := checkReserve(c.reserve, c.disk, "data"); (got == nil) != c.good {
			t.Errorf("%d of %d: %v", c.reserve, c.disk, got)
		}
	}
}

// Who only prints or asks needs no folder to write to.
func TestLoad_LeavesTheDataFolderAlone(t *testing.T) {
	dir := t.TempDir()
	models(t, dir)
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte("[node]\ndata_dir = \"config.toml\"\n[settle]\nquiet = \"0s\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || strings.Contains(err.Error(), "data_dir") {
		t.Errorf("Load: %v; want settle.quiet alone", err)
	}
	_, err := LoadNode(file)
	for _, want := range []string{"settle.quiet", "node.data_dir: " + file + " is not a folder"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadNode: %v; want %q", err, want)
		}
	}
}
