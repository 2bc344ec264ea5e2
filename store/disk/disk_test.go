package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/store"
	"jcsnode/store/storetest"
)

const staging = "in/tmp"

func openIn(t *testing.T, dir string) *Store { t.Helper(); return openAs(t, dir, "") }

// openAs opens a store for an owner of what is staged.
func openAs(t *testing.T, dir, owner string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Staging: staging, Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.lock == nil || s.lock.Fd() != ^uintptr(0) { // not killed
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// kill ends a store as the end of its process would: the lock is gone, what it staged stays.
func kill(t *testing.T, s *Store) {
	t.Helper()
	if s.lock == nil { // there are none on this file system
		return
	}
	if err := s.lock.Close(); err != nil {
		t.Fatal(err)
	}
}

// filesBelow are all files below a folder, with slashes.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStore(t *testing.T) {
	for name, owner := range map[string]string{"a disk": "", "a folder of many nodes": "node.1"} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) *storetest.Subject {
				dir := t.TempDir()
				s := openAs(t, dir, owner)
				return &storetest.Subject{
					Store: s,
					Break: func(f storetest.Fault) bool { return breakSystem(&s.sys, f) },
					Mend:  func() { s.sys = realSystem() },
					Crash: func(t *testing.T) store.Store { kill(t, s); return openAs(t, dir, owner) },
					Left: func(t *testing.T) []string {
						return slices.DeleteFunc(filesBelow(t, dir), func(path string) bool { return !strings.HasPrefix(path, staging) })
					},
				}
			})
		})
	}
}

// A folder may be a mount of its own, or a link to another disk: no name goes there from where files are staged, and all is as ever.
func TestStore_OverSeveralFileSystems(t *testing.T) {
	parted := func(s *Store) {
		s.sys.rename = func(from, to string) error {
			if filepath.Dir(from) != filepath.Dir(to) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: unix.EXDEV}
			}
			return os.Rename(from, to)
		}
	}
	storetest.Run(t, func(t *testing.T) *storetest.Subject {
		dir := t.TempDir()
		s := openIn(t, dir)
		parted(s)
		return &storetest.Subject{
			Store: s,
			Break: func(f storetest.Fault) bool { return breakSystem(&s.sys, f) },
			Mend:  func() { s.sys = realSystem(); parted(s) },
			Crash: func(t *testing.T) store.Store { kill(t, s); return openIn(t, dir) },
			Left: func(t *testing.T) []string {
				return slices.DeleteFunc(filesBelow(t, dir), func(path string) bool {
					return !strings.HasPrefix(path, staging) && filepath.Base(path)[0] != '.'
				})
			},
		}
	})
}

// What a process left that died between copy and name is replaced by the next attempt.
func TestCommit_OverAHalfWrittenCopy(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	s.sys.rename = func(from, to string) error {
		if strings.Contains(from, staging) {
			return unix.EXDEV
		}
		return os.Rename(from, to)
	}
	if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "objects", ".file"), []byte("longer than what comes"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), s, "objects/file", []byte("content")); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Get(t.Context(), s, "objects/file"); string(got) != "content" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got := filesBelow(t, dir); !slices.Equal(got, []string{"objects/file"}) {
		t.Errorf("files %v", got)
	}
}

// faultyFile fails at one place.
type faultyFile struct {
	file
	room       int // bytes until the disk is full, -1: any
	sync, read error
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.room >= 0 && len(p) > f.room {
		n, _ := f.file.Write(p[:f.room])
		f.room = 0
		return n, unix.ENOSPC
	}
	if f.room >= 0 {
		f.room -= len(p)
	}
	return f.file.Write(p)
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if f.read != nil {
		return 0, f.read
	}
	return f.file.ReadAt(p, off)
}

func (f *faultyFile) Datasync() error {
	if f.sync != nil {
		return f.sync
	}
	return f.file.Datasync()
}

func breakSystem(s *system, fault storetest.Fault) bool {
	real := *s
	wrap := func(change func(*faultyFile)) {
		s.create = func(path string) (file, error) {
			f, err := real.create(path)
			ff := &faultyFile{file: f, room: -1}
			change(ff)
			return ff, err
		}
	}
	notSynced := func(which func(dir string) bool) {
		s.syncDir = func(path string) error {
			if which(path) {
				return unix.EIO
			}
			return real.syncDir(path)
		}
	}
	top := func(dir string) bool { return filepath.Base(dir) == "in" }
	switch fault {
	case storetest.CannotBegin:
		s.create = func(string) (file, error) { return nil, unix.EMFILE }
	case storetest.FullAtOnce:
		wrap(func(f *faultyFile) { f.room = 10 })
	case storetest.FullLater:
		wrap(func(f *faultyFile) { f.room = 400 })
	case storetest.NotRead:
		wrap(func(f *faultyFile) { f.read = unix.EIO })
	case storetest.NotSynced:
		wrap(func(f *faultyFile) { f.sync = unix.EIO })
	case storetest.NoFolder:
		s.mkdir = func(string) error { return unix.ENOSPC }
	case storetest.FolderNotSynced:
		notSynced(top)
	case storetest.NoName:
		s.rename = func(string, string) error { return unix.EIO }
	case storetest.NameNotSynced:
		notSynced(func(dir string) bool { return !top(dir) })
	case storetest.RoomNotKnown:
		s.free = func(string) (int64, bool, error) { return 0, false, unix.EIO }
	case storetest.NotRemovedStaged:
		s.remove = func(string) error { return unix.EIO }
	default:
		return false
	}
	return true
}

// A process that is alive keeps what it staged when another opens the store; what dead ones left is removed.
func TestOpen_RemovesWhatDeadProcessesLeft(t *testing.T) {
	dir := t.TempDir()
	alive := openIn(t, dir)
	if err := os.Mkdir(filepath.Join(dir, staging, "dead"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"dead/1", filepath.Base(alive.mine) + "/1", "stray"} {
		if err := os.WriteFile(filepath.Join(dir, staging, path), []byte("half"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	openIn(t, dir)
	if got := filesBelow(t, dir); len(got) != 1 || !strings.Contains(got[0], filepath.Base(alive.mine)) {
		t.Errorf("files %v, want that of the living process alone", got)
	}
}

// What is staged has no name, not even the one of its file, and what others put into the folder is not the store's.
func TestStore_KnowsItsOwnFilesAlone(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	var told []string
	s.opt.Foreign = func(path string) { told = append(told, strings.TrimPrefix(path, dir+"/")) }
	if err := store.Put(t.Context(), s, staging+"/file", nil); err == nil {
		t.Error("a file was committed among those that are staged")
	}
	if err := store.Put(t.Context(), s, "in/a/file", nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"in/a/.DS_Store", "in/a/copy (1).dcm", "in/.hidden/file", "in/a/.nfs0000000000000103"} {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "in", "link")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, err := range s.List(t.Context(), "in") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	if !slices.Equal(got, []string{"in/a/file"}) {
		t.Errorf("listed %v", got)
	}
	if want := []string{"in/.hidden", "in/a/.DS_Store", "in/a/copy (1).dcm", "in/link"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

// Folders go with their last file, and with it the memory that they are durable.
func TestRemove_TakesEmptyFoldersAlong(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	for range 2 {
		if err := store.Put(t.Context(), s, "objects/study/1/file", nil); err != nil {
			t.Fatal(err)
		}
		if gone, err := s.Remove(t.Context(), "objects/study/1/file", time.Time{}); !gone || err != nil {
			t.Fatalf("gone %v, %v", gone, err)
		}
		if left, err := os.ReadDir(filepath.Join(dir, "objects")); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v; want the folder next to the root, empty", left, err)
		}
		if s.durable["objects/study"] || s.durable["objects/study/1"] || !s.durable["objects"] {
			t.Errorf("taken for durable: %v", s.durable)
		}
	}
}

// What is kept is as young as what comes.
func TestCommit_KeepingRenews(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if err := store.Put(t.Context(), s, "in/a/file", []byte("content")); err != nil {
		t.Fatal(err)
	}
	lastYear := time.Now().AddDate(-1, 0, 0)
	if err := os.Chtimes(filepath.Join(dir, "in/a/file"), lastYear, lastYear); err != nil {
		t.Fatal(err)
	}
	f, err := s.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := f.Commit(t.Context(), "in/a/file", func(store.File) bool { return true }); !kept || err != nil {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if gone, err := s.Remove(t.Context(), "in/a/file", lastYear.AddDate(0, 1, 0)); gone || err != nil {
		t.Errorf("gone %v, %v; want it young", gone, err)
	}
}

// The order is the contract: content, folders of the name, name, folder of the name.
func TestCommit_SyncsBeforeItReturns(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	real := s.sys
	var calls []string
	s.sys.create = func(path string) (file, error) {
		f, err := real.create(path)
		return &loggedFile{f, &calls}, err
	}
	s.sys.mkdir = func(path string) error {
		calls = append(calls, "mkdir "+filepath.Base(path))
		return real.mkdir(path)
	}
	s.sys.rename = func(from, to string) error {
		calls = append(calls, "rename")
		return real.rename(from, to)
	}
	s.sys.syncDir = func(path string) error {
		calls = append(calls, "sync "+strings.TrimPrefix(strings.TrimPrefix(path, dir), "/"))
		return real.syncDir(path)
	}
	for _, c := range []struct {
		name string
		want []string
	}{
		{"in/a/1", []string{"sync content", "mkdir a", "sync in", "rename", "sync in/a"}},
		{"in/a/2", []string{"sync content", "rename", "sync in/a"}},
		{"in/a/1", []string{"sync in/a"}}, // the same again
		{"objects/a/1", []string{"sync content", "mkdir objects", "sync ", "mkdir a", "sync objects", "rename", "sync objects/a"}},
	} {
		calls = nil
		f, err := s.Stage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Commit(t.Context(), c.name, func(store.File) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(calls, c.want) {
			t.Errorf("%s: %v, want %v", c.name, calls, c.want)
		}
	}
}

type loggedFile struct {
	file
	calls *[]string
}

func (f *loggedFile) Datasync() error {
	*f.calls = append(*f.calls, "sync content")
	return f.file.Datasync()
}
