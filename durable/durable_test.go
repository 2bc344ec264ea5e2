package durable

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile_ReplacesWholeOrNotAtAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	if err := Folder(dir); err != nil {
		t.Errorf("a folder that is there: %v", err)
	}
	name := filepath.Join(dir, "object.dcm")
	for _, content := range []string{"first and long", "second"} {
		if err := WriteFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Errorf("%q, %v; want %q", got, err, content)
		}
	}
	if err := SyncFolder(dir); err != nil {
		t.Error(err)
	}

	// A name that cannot be taken leaves nothing behind.
	taken := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(taken, "full"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(taken, []byte("x")); err == nil {
		t.Error("a file was written over a folder")
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.part"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
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
