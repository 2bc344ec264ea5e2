package disk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

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
