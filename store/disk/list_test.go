package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/store"
)

// Who looks for what is new is spared the folders in which nothing is.
func TestListSince_LeavesOutFoldersWithoutNews(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	put := func(name string) {
		t.Helper()
		if err := store.Put(t.Context(), s, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	age := func(folder string) {
		t.Helper()
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, folder), old, old); err != nil {
			t.Fatal(err)
		}
	}
	listed := func(since time.Time) (all []string) {
		t.Helper()
		for name, err := range s.ListSince(t.Context(), "in", since) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}
	for _, name := range []string{"in/deep/new/1", "in/new/1", "in/old/1"} {
		put(name)
	}
	age("in/old")
	age("in/deep") // what is below it is new
	age("in")
	if got, want := listed(time.Now().Add(-time.Hour)), []string{"in/deep/new/1", "in/new/1"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if got := listed(time.Time{}); len(got) != 3 {
		t.Errorf("listed %v, want all", got)
	}
	put("in/old/2")
	if got := listed(time.Now().Add(-time.Hour)); len(got) != 4 {
		t.Errorf("listed %v, want all of the folder with news", got)
	}
}

// A folder that cannot be read is told of by its name, and keeps nobody from the others.
func TestList_GoesOnAfterAFolderThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	for _, name := range []string{"in/a/1", "in/b/1", "in/c/1"} {
		if err := store.Put(t.Context(), s, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	unread := filepath.Join(dir, "in", "b")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Chmod(unread, 0)); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(unread, 0o700)
	if os.Geteuid() == 0 { // root may read everything
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer unix.Setfsuid(0)
	}
	var all []string
	for name, err := range s.List(t.Context(), "in") {
		switch {
		case err == nil:
			all = append(all, name)
		case name != "in/b" || !errors.Is(err, fs.ErrPermission):
			t.Errorf("%q: %v", name, err)
		default:
			all = append(all, "no "+name)
		}
	}
	if want := []string{"in/a/1", "no in/b", "in/c/1"}; !slices.Equal(all, want) {
		t.Errorf("listed %v, want %v", all, want)
	}
}
