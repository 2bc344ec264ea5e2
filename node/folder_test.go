package node

import (
	"errors"
	"path/filepath"
	"testing"

	"jcsnode/ledger/sqlite"
)

// Wherever the ledger is, one node alone has a data_dir, and its end gives it back.
func TestLockFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	if folderHeld(dir) {
		t.Error("a folder that is not there is held")
	}
	f, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lockFolder(dir); !errors.Is(err, sqlite.ErrHeld) {
		t.Errorf("a second node: %v, %v", second, err)
	}
	if !folderHeld(dir) {
		t.Error("nobody is said to have it")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if folderHeld(dir) {
		t.Error("it is held after the end")
	}
	if f, err = lockFolder(dir); err != nil {
		t.Fatal(err)
	}
	f.Close()
}
