package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/store"
)

// begun is a file that is half received.
func begun(t *testing.T, s *Store) store.Staged {
	t.Helper()
	f, err := s.Stage(t.Context())
	if err == nil {
		_, err = f.Write([]byte("half"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func commit(t *testing.T, f store.Staged, name string) error {
	t.Helper()
	_, err := f.Commit(t.Context(), name, nil)
	return err
}

// On a file system that keeps locks to each machine, as NFS does, a node that starts leaves alone what others are receiving.
func TestOwner_StartsBesideOthersWithoutLocks(t *testing.T) {
	dirs := views(t)
	a := openAs(t, dirs[0], "node.a")
	f := begun(t, a)
	kill(t, a) // the lock alone: the process lives
	openAs(t, dirs[1], "node")
	openAs(t, dirs[1], "node.b")
	if err := commit(t, f, "in/a/1"); err != nil {
		t.Error(err)
	}
	if err := commit(t, begun(t, a), "in/a/2"); err != nil {
		t.Error(err)
	}
}

// Who lives under a name has what was there under it. One that was thought dead and comes back loses what it had begun, and nothing else.
func TestOwner_HasItsNameForItself(t *testing.T) {
	dirs := views(t)
	frozen := openAs(t, dirs[0], "a")
	f := begun(t, frozen)
	kill(t, frozen)
	heir := openAs(t, dirs[1], "a")
	if left := filesBelow(t, dirs[1]); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if err := commit(t, f, "in/a/1"); err == nil {
		t.Error("what is gone was committed")
	}
	for i, s := range []*Store{frozen, heir} {
		if err := commit(t, begun(t, s), "in/a/"+string(rune('2'+i))); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// What nothing was written to for a day is removed whoever left it, and a node that was silent for so long goes on.
func TestOwner_RemovesWhatIsStale(t *testing.T) {
	dir := t.TempDir()
	silent := openAs(t, dir, "silent")
	kill(t, silent)
	put := func(path string, age time.Duration) {
		full := filepath.Join(dir, staging, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o640); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		for _, p := range []string{full, filepath.Dir(full)} {
			if err := os.Chtimes(p, then, then); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, age := range map[string]time.Duration{"gone.X/1": 25 * time.Hour, "OLDVERSION/1": 25 * time.Hour, "busy.X/1": 23 * time.Hour,
		"NOTSOOLD/1": time.Hour} {
		put(path, age)
	}
	put("busy.X/2", 25*time.Hour)
	put("stray", 25*time.Hour)
	day := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(silent.mine, day, day); err != nil {
		t.Fatal(err)
	}
	openAs(t, dir, "new")
	var left []string
	for _, path := range filesBelow(t, dir) {
		left = append(left, strings.TrimPrefix(path, staging+"/"))
	}
	slices.Sort(left)
	if want := []string{"NOTSOOLD/1", "busy.X/1"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
	if _, err := os.Stat(silent.mine); err == nil {
		t.Error("a folder of a day ago is left")
	}
	if err := commit(t, begun(t, silent), "in/a/1"); err != nil {
		t.Errorf("one that was silent for a day: %v", err)
	}
}

// Who tells by locks, as the archive of the tests does, leaves alone what has an owner.
func TestOwner_IsLeftAloneByThoseWithout(t *testing.T) {
	dir := t.TempDir()
	a := openAs(t, dir, "a")
	f := begun(t, a)
	kill(t, a)
	openIn(t, dir)
	if err := commit(t, f, "in/a/1"); err != nil {
		t.Error(err)
	}
}

func TestOpen_OwnerIsNoPath(t *testing.T) {
	for _, owner := range []string{"../a", "a/b", "/"} {
		if s, err := Open(t.TempDir(), Options{Staging: staging, Owner: owner}); err == nil {
			s.Close()
			t.Errorf("%q is taken", owner)
		}
	}
}

// Another process that starts may have the new folder of an owner locked for a moment, to remove it: the owner takes another one.
func TestOwner_FolderIsTakenForADeadOnes(t *testing.T) {
	s := &Store{root: t.TempDir(), opt: Options{Staging: staging, Owner: "a"}, sys: realSystem(), durable: map[string]bool{}}
	var first string
	s.sys.mkdir = func(path string) error {
		err := mkdir(path)
		if first != "" || !strings.HasPrefix(filepath.Base(path), "a.") || err != nil {
			return err
		}
		first = path
		lock, err := lockDir(path)
		if err == nil {
			t.Cleanup(func() { lock.Close() })
		}
		return err
	}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.lock == nil || s.mine == first {
		t.Errorf("it has %s, locked: %v", s.mine, s.lock != nil)
	}
}

// A folder that was gone is locked again, for programs that tell by locks who lives.
func TestOwner_LocksItsFolderAgain(t *testing.T) {
	s := openAs(t, t.TempDir(), "a")
	if err := os.RemoveAll(s.mine); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f := begun(t, s)
		if lock, err := lockDir(s.mine); !errors.Is(err, unix.EWOULDBLOCK) {
			lock.Close()
			t.Errorf("others can lock it: %v", err)
		}
		if err := f.Abort(); err != nil {
			t.Error(err)
		}
	}
}

func TestUnlessUsed(t *testing.T) {
	for err, want := range map[error]bool{
		unix.EBUSY: true, unix.ENOTEMPTY: true, unix.EEXIST: true, unix.ENOENT: true, unix.EACCES: false, unix.EIO: false,
	} {
		if got := unlessUsed(&fs.PathError{Op: "remove", Path: "x", Err: err}); (got == nil) != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	if err := unlessUsed(nil); err != nil {
		t.Error(err)
	}
}
