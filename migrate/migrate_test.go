package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/foldertest"
	"jcsnode/migrate"
	"jcsnode/store"
	"jcsnode/store/disk"
)

func open(t *testing.T, dir string) *disk.Store {
	t.Helper()
	s, err := disk.Open(dir, disk.Options{Staging: "inbox/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var options = migrate.Options{Folders: []string{"inbox", "objects"},
	Skip: func(name string) bool { return strings.HasPrefix(name, "inbox/quarantine/") }}

// A run that is ended in the middle is taken up by the next, which writes again what was spoilt meanwhile, and nothing else. The source
// stays as it is.
func TestFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	from, to := open(t, dir), open(t, other)
	for n := range 40 {
		name := fmt.Sprintf("inbox/s%d/%d.dcm", n%3, n)
		if n%4 == 0 {
			name = fmt.Sprintf("objects/s/%d.dcm", n)
		}
		if err := store.Put(t.Context(), from, name, []byte(strings.Repeat(name, 100))); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Put(t.Context(), from, "inbox/quarantine/x.dcm", []byte("odd")); err != nil {
		t.Fatal(err)
	}
	before := foldertest.Files(t, dir)

	ctx, cancel := context.WithCancel(t.Context())
	opt := options
	opt.Progress = func(c migrate.Count) {
		if c.Files == 10 {
			cancel()
		}
	}
	if _, err := migrate.Files(ctx, from, to, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("a run that was ended: %v", err)
	}
	copied, err := filepath.Glob(filepath.Join(other, "*", "s*", "*.dcm"))
	if err != nil || len(copied) < 10 || len(copied) == 40 {
		t.Fatalf("%d files, %v", len(copied), err)
	}
	if err := os.WriteFile(copied[0], []byte("spoilt"), 0o640); err != nil {
		t.Fatal(err)
	}
	got, err := migrate.Files(t.Context(), from, to, options)
	if err != nil {
		t.Fatal(err)
	}
	if got.Files != 40 || got.Already != len(copied)-1 || got.Skipped != 1 {
		t.Errorf("%+v, %d were there", got, len(copied))
	}
	after := foldertest.Files(t, other)
	for name, content := range before {
		if strings.Contains(name, "quarantine") {
			continue
		}
		if string(after[name]) != string(content) {
			t.Errorf("%s differs", name)
		}
	}
	if len(after) != 40 || len(foldertest.Files(t, dir)) != 41 {
		t.Errorf("%d files there, %d here", len(after), len(foldertest.Files(t, dir)))
	}
}

// liar takes files and forgets them.
type liar struct{ *disk.Store }

func (l liar) Open(ctx context.Context, name string) (store.File, error) {
	return l.Store.Open(ctx, "decoy.dcm")
}

// A store that gives back something else is found out.
func TestFiles_StoreThatLies(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	if err := errors.Join(store.Put(t.Context(), from, "objects/a.dcm", []byte("one")),
		store.Put(t.Context(), to, "decoy.dcm", []byte("two"))); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.Files(t.Context(), from, liar{to}, options); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("error %v", err)
	}
}
