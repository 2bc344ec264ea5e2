package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/ledger/sqlite"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	if err := sqlite.Check(t.Context(), path); err != nil {
		t.Errorf("no ledger: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a check made %v", left)
	}
	l, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), path); !errors.Is(err, sqlite.ErrHeld) {
		t.Errorf("beside a node: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), path); err != nil {
		t.Errorf("after a node: %v", err)
	}
	// One of an older program is migrated by the next start, one of a newer program is not.
	for _, c := range []struct {
		version int
		want    string
	}{{1, ""}, {1000, "written by a newer program"}} {
		db, err := sqlite.OpenPool(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("PRAGMA user_version = " + map[int]string{1: "1", 1000: "1000"}[c.version]); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := sqlite.Check(t.Context(), path); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("version %d: %v, want %q", c.version, err, c.want)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), path); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
}
