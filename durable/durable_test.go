package durable

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFolder_MakesThoseAbove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Errorf("no folder was made: %v", err)
	}
	if err := Folder(dir); err != nil {
		t.Errorf("a folder that is there: %v", err)
	}
	if err := SyncFolder(dir); err != nil {
		t.Error(err)
	}
}

func TestFolder_WhereAFileIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Folder(filepath.Join(file, "below")); err == nil {
		t.Error("a folder was made below a file")
	}
}
