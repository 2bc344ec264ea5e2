package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/config"
	"jcsnode/ledger/sqlite"
)

// Wherever the ledger is, one node alone has a data_dir, and its end gives it back.
func TestLockFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	held := func(want bool, when string) {
		t.Helper()
		if is, err := folderHeld(dir); err != nil || is != want {
			t.Errorf("%s: held %v, %v", when, is, err)
		}
	}
	held(false, "before it is there")
	f, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lockFolder(dir); !errors.Is(err, sqlite.ErrHeld) {
		t.Errorf("a second node: %v, %v", second, err)
	}
	held(true, "while a node has it")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	held(false, "after the end")
	looks, err := os.Open(filepath.Join(dir, folderLock)) // as a check does, for a moment
	if err == nil {
		err = unix.Flock(int(looks.Fd()), unix.LOCK_SH)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(30*time.Millisecond, func() { looks.Close() })
	if f, err = lockFolder(dir); err != nil {
		t.Fatalf("while somebody looks: %v", err)
	}
	f.Close()
}

// What would keep a node from taking its data_dir, a check tells of.
func TestTrial_LockThatCannotBeOpened(t *testing.T) {
	c := config.Default()
	c.Node.DataDir = t.TempDir()
	if err := os.Mkdir(filepath.Join(c.Node.DataDir, folderLock), 0o750); err != nil { // root may open whatever is a file
		t.Fatal(err)
	}
	var tried Trial
	tried.folder(t.Context(), c)
	if text := strings.Join(tried.Problems, "\n"); !strings.Contains(text, folderLock) || !strings.Contains(text, "the service's user") {
		t.Errorf("problems: %q", text)
	}
}

// A ledger that is complete up to an earlier time than data_dir has noted was put back, until the node has looked for what it lacks.
func TestPutBack(t *testing.T) {
	f, err := lockFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	is := func(want bool, recorded time.Time, when string) {
		t.Helper()
		if got, err := putBack(f, recorded); err != nil || got != want {
			t.Errorf("%s: put back %v, %v", when, got, err)
		}
	}
	note := func(recorded time.Time) {
		t.Helper()
		if err := noteRecorded(f, recorded); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	is(true, now.Add(-time.Hour), "a new folder")
	note(now.Add(time.Hour))
	is(false, now.Add(time.Hour), "the same ledger")
	is(true, now, "one of an hour before")
	note(now)
	is(true, now, "while its node starts")
	note(now.Add(2 * time.Hour))
	is(false, now.Add(2*time.Hour), "after it has looked")
}
