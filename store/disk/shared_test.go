package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/store"
)

// views are two ways to one new folder, as two nodes have it. JCSNODE_SHARED=A:B has it on a file system over the network, of which A and B
// are two mounts.
func views(t *testing.T) [2]string {
	t.Helper()
	a, b, ok := strings.Cut(os.Getenv("JCSNODE_SHARED"), ":")
	if !ok {
		dir := t.TempDir()
		return [2]string{dir, dir}
	}
	dir, err := os.MkdirTemp(a, "shared-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return [2]string{dir, filepath.Join(b, filepath.Base(dir))}
}

// Nodes that share a folder know nothing of each other's locks: what one commits is there, whatever folders the other removes.
func TestShared_FoldersComeAndGo(t *testing.T) {
	dirs := views(t)
	nodes := []*Store{openAs(t, dirs[0], "a"), openAs(t, dirs[1], "b")}
	var all sync.WaitGroup
	for i, s := range nodes {
		for k := range 2 {
			all.Go(func() {
				name := fmt.Sprintf("in/study/%d-%d", i, k)
				for n := range 150 {
					if err := store.Put(t.Context(), s, name, []byte("content")); err != nil {
						t.Errorf("commit %d: %v", n, err)
						return
					}
					if has, err := nodes[1-i].Has(t.Context(), name); !has || err != nil {
						t.Errorf("commit %d: the other node sees it: %v, %v", n, has, err)
					}
					if gone, err := s.Remove(t.Context(), name, time.Time{}); !gone || err != nil {
						t.Errorf("remove %d: gone %v, %v", n, gone, err)
					}
				}
			})
		}
	}
	all.Wait()
}

// Nodes that start at the same time leave each other's folders alone, and take away those of the dead.
func TestShared_ManyStartAtOnce(t *testing.T) {
	dir := t.TempDir()
	kill(t, openIn(t, dir))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := Open(dir, Options{Staging: staging})
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Put(t.Context(), s, "in/study/"+filepath.Base(s.mine), []byte("content")); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if left := filesBelow(t, filepath.Join(dir, staging)); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// Both may commit to one name: it is whole, whoever comes last, and neither fails.
func TestShared_OneName(t *testing.T) {
	dirs := views(t)
	nodes := []*Store{openAs(t, dirs[0], "a"), openAs(t, dirs[1], "b")}
	var all sync.WaitGroup
	for _, s := range nodes {
		all.Go(func() {
			for n := range 100 {
				f, err := s.Stage(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := f.Write([]byte("content")); err != nil {
					t.Error(err)
				}
				if _, err := f.Commit(t.Context(), "in/study/file", func(old store.File) bool { return old.Size() == 7 }); err != nil {
					t.Errorf("commit %d: %v", n, err)
				}
				if err := f.Abort(); err != nil {
					t.Error(err)
				}
				if got, err := store.Get(t.Context(), s, "in/study/file"); err != nil || string(got) != "content" {
					t.Errorf("commit %d: %q, %v", n, got, err)
				}
			}
		})
	}
	all.Wait()
}
