package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/sqlite"
)

// version reads the version of a file.
func version(t *testing.T, path string) int {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v, err := sqlite.UserVersion(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The ledger that a program of another version wrote is kept as it was, once, and the log says where.
func TestOpen_KeepsTheVersionBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	texts, err := sqlite.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	old, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{texts[0], "PRAGMA user_version = 1",
		`INSERT INTO event (at, study_uid, kind, text, instance, association, attributes) VALUES (1, '1.2', 'k', 'x', '', '', '')`} {
		if _, err := old.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".version-0", nil, 0o640); err != nil { // of a migration long ago
		t.Fatal(err)
	}
	var log bytes.Buffer
	for range 2 { // the second time nothing is left to do
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := version(t, path); got != len(texts) {
		t.Errorf("the ledger has version %d", got)
	}
	copies, err := filepath.Glob(path + ".version-*")
	if err != nil || len(copies) != 1 || copies[0] != path+".version-1" {
		t.Fatalf("copies %q, %v", copies, err)
	}
	if got := version(t, copies[0]); got != 1 {
		t.Errorf("the copy has version %d", got)
	}
	if n := strings.Count(log.String(), "copy="+copies[0]); n != 1 {
		t.Errorf("the log tells of it %d times:\n%s", n, log.String())
	}
}

// A copy is the ledger as it was, whoever works on it, and at rest; what is there is not written over.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	l, _ := opened(t, path, ledger.Options{})
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))
	for _, running := range []bool{true, false} {
		to := filepath.Join(dir, "running.db")
		if !running {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			to = filepath.Join(dir, "rest.db")
		}
		if err := sqlite.Copy(t.Context(), path, to); err != nil {
			t.Fatal(err)
		}
		if err := sqlite.Copy(context.Background(), path, to); err == nil {
			t.Error("a copy was written over another")
		}
		copied := openTest(t, to, ledger.Options{ReadOnly: true})
		if h := ledgertest.History(t, copied, "1.2"); len(h.Instances) != 1 {
			t.Errorf("running %v: %d instances", running, len(h.Instances))
		}
	}
}
