package cache

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/store"
	"jcsnode/store/s3"
	"jcsnode/store/s3test"
	"jcsnode/store/storetest"
)

const head = 64 << 10

// open makes a cache over a store of its own in a server's bucket.
func open(t *testing.T, endpoint, prefix, folder string, limit int64) *Cache {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	remote, err := s3.Open(s3.Options{Endpoint: endpoint, Bucket: s3test.Bucket, Prefix: prefix, Spool: t.TempDir(),
		Patience: 5 * time.Second, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(remote, Options{Folder: folder, Limit: limit, Head: head})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestStore(t *testing.T) {
	server := s3test.Start(t)
	storetest.Run(t, func(t *testing.T) *storetest.Subject {
		prefix, folder := strings.ToLower(rand.Text()), filepath.Join(t.TempDir(), "cache")
		c := open(t, server.Endpoint(), prefix, folder, 3<<20)
		return &storetest.Subject{
			Store: c,
			Break: func(storetest.Fault) bool { return false },
			Mend:  func() {},
			Crash: func(t *testing.T) store.Store { return open(t, server.Endpoint(), prefix, folder, 3<<20) },
			Left:  func(*testing.T) []string { return nil },
		}
	})
}

// fixture is a cache on a line that counts, with files of 500 kB.
type fixture struct {
	*Cache
	server *s3test.Server
	line   *s3test.Proxy
	folder string
	all    map[string][]byte
}

const size = 500_000

func newFixture(t *testing.T, limit int64, names ...string) *fixture {
	t.Helper()
	f := &fixture{server: s3test.Start(t), folder: filepath.Join(t.TempDir(), "cache"), all: map[string][]byte{}}
	f.line = s3test.Through(t, f.server)
	f.Cache = open(t, "http://"+f.line.Address, "", f.folder, limit)
	for _, name := range names {
		content := make([]byte, size)
		rand.Read(content)
		f.all[name] = content
		if err := store.Put(t.Context(), f.Cache, name, content); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// cost reads a file whole, and tells how much came over the line for it.
func (f *fixture) cost(t *testing.T, name string) int64 {
	t.Helper()
	before := f.line.Read()
	got, err := store.Get(t.Context(), f.Cache, name)
	if err != nil || !bytes.Equal(got, f.all[name]) {
		t.Errorf("%s: %d bytes, %v", name, len(got), err)
	}
	return f.line.Read() - before
}

func (f *fixture) files(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// What is read whole is kept, as far as there is room, and what was not read for longest goes first.
func TestOpen_KeepsWhatWasReadLast(t *testing.T) {
	f := newFixture(t, 2*size+size/2, "a", "b", "c")
	for step, c := range []struct {
		name string
		far  bool
	}{{"a", true}, {"a", false}, {"b", true}, {"a", false}, {"c", true}, {"a", false}, {"b", true}, {"c", true}} {
		if cost := f.cost(t, c.name); (cost > size) != c.far {
			t.Errorf("step %d, %s: %d bytes over the line, want far %v", step, c.name, cost, c.far)
		}
	}
	if f.files(t) != 2 || f.Cache.size != 2*size {
		t.Errorf("%d files kept, %d bytes", f.files(t), f.Cache.size)
	}
}

// A header is no reason to fetch all.
func TestOpen_BeginningAlone(t *testing.T) {
	f := newFixture(t, 10*size, "a")
	before := f.line.Read()
	file, err := f.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ReadAt(make([]byte, 4096), 1000); err != nil {
		t.Error(err)
	}
	if cost := f.line.Read() - before; cost > head+8<<10 || f.files(t) > 0 {
		t.Errorf("%d bytes over the line, %d files kept", cost, f.files(t))
	}
}

// Many who read one file have it fetched once.
func TestOpen_ManyReaders(t *testing.T) {
	f := newFixture(t, 10*size, "a")
	before := f.line.Read()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := store.Get(t.Context(), f.Cache, "a"); err != nil || !bytes.Equal(got, f.all["a"]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	all.Wait()
	if cost := f.line.Read() - before; cost > 3*size { // each has the beginning, one has the rest
		t.Errorf("%d bytes over the line", cost)
	}
}

// Who reads a file reads it to its end, whatever becomes of the folder.
func TestOpen_DroppedWhileItIsRead(t *testing.T) {
	f := newFixture(t, size+size/2, "a", "b")
	f.cost(t, "a")
	file, err := f.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f.cost(t, "b") // takes its room
	got := make([]byte, size)
	if _, err := file.ReadAt(got, 0); err != nil || !bytes.Equal(got, f.all["a"]) {
		t.Errorf("%v", err)
	}
}

// A folder that takes nothing makes reading slower, not impossible.
func TestOpen_FolderIsGone(t *testing.T) {
	f := newFixture(t, 10*size, "a")
	f.cost(t, "a")
	if err := os.RemoveAll(f.folder); err != nil {
		t.Fatal(err)
	}
	f.cost(t, "a")
	f.cost(t, "a")
	if f.Cache.size != 0 {
		t.Errorf("%d bytes in the books", f.Cache.size)
	}
}

// Nothing of an earlier process is read, and what a store gives wrongly is neither read nor kept.
func TestOpen_TrustsNothing(t *testing.T) {
	f := newFixture(t, 10*size, "a")
	f.cost(t, "a")
	again := open(t, f.server.Endpoint(), "", f.folder, 10*size)
	if f.files(t) != 0 {
		t.Error("files of an earlier process are kept")
	}
	path := filepath.Join(f.server.Folder, "a")
	if err := os.Truncate(path, size-1); err != nil {
		t.Fatal(err)
	}
	var told *store.Error
	if _, err := store.Get(t.Context(), again, "a"); !errors.As(err, &told) || f.files(t) != 0 {
		t.Errorf("%v, %d files kept", err, f.files(t))
	}
}

// Whoever needs the disk more gets it, from what was not read for longest.
func TestShrink(t *testing.T) {
	f := newFixture(t, 10*size, "a", "b", "c")
	for name := range f.all {
		f.cost(t, name)
	}
	f.cost(t, "b")
	if made := f.Shrink(size + 1); made != 2*size || f.files(t) != 1 || f.cost(t, "b") > 0 {
		t.Errorf("%d bytes of room, %d files kept", made, f.files(t))
	}
	if made := f.Shrink(10 * size); made != size || f.files(t) != 0 {
		t.Errorf("%d bytes of room, %d files kept", made, f.files(t))
	}
}

// What gets another content, or goes, is not given as it was.
func TestChanges(t *testing.T) {
	f := newFixture(t, 10*size, "a")
	f.cost(t, "a")
	other := bytes.Repeat([]byte("other"), 100_000)
	f.all["a"] = other
	if _, err := f.Upload(t.Context(), "a", bytes.NewReader(other), size, nil); err != nil {
		t.Fatal(err)
	}
	f.cost(t, "a")
	if gone, err := f.Remove(t.Context(), "a", time.Time{}); !gone || err != nil {
		t.Fatal(gone, err)
	}
	if _, err := f.Open(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) || f.files(t) != 0 {
		t.Errorf("%v, %d files", err, f.files(t))
	}
}

// One who does not wait any more does not spoil it for the others.
func TestOpen_OneGivesUp(t *testing.T) {
	f := newFixture(t, 10*size, "a")
	ctx, cancel := context.WithCancel(t.Context())
	first, err := f.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	f.line.Delay(20 * time.Millisecond)
	var all sync.WaitGroup
	all.Go(func() { first.ReadAt(make([]byte, 10), size-10) })
	all.Go(func() {
		if got, err := store.Get(t.Context(), f.Cache, "a"); err != nil || !bytes.Equal(got, f.all["a"]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	time.Sleep(30 * time.Millisecond)
	cancel()
	f.line.Delay(0)
	all.Wait()
}
