package cache

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"jcsnode/store"
)

// Remote is the store behind a cache.
type Remote interface {
	store.Store
	// Upload gives content a name, as store.Staged.Commit does.
	Upload(ctx context.Context, name string, content io.ReaderAt, size int64, same func(old store.File) bool) (kept bool, err error)
	Close() error
}

// Options of Open.
type Options struct {
	Folder string // nobody else's
	Limit  int64  // bytes of all files in it
	Head   int64  // reads within so many bytes from the beginning keep nothing
}

// Cache is a Remote over another one.
type Cache struct {
	Remote
	opt Options

	mu       sync.Mutex // guards what follows
	kept     map[string]*list.Element
	order    *list.List // of *entry, the last read first
	size     int64
	serial   uint64
	fetching map[string]chan struct{} // closed when it is over
	versions map[string]int           // of names that are being fetched, and changed meanwhile
}

// entry is a file in the folder.
type entry struct {
	name, path string
	size       int64
	time       time.Time
}

// Open makes a cache in an empty folder.
func Open(remote Remote, opt Options) (*Cache, error) {
	if err := os.RemoveAll(opt.Folder); err != nil {
		return nil, fmt.Errorf("empty the cache of files: %w", err)
	}
	if err := os.MkdirAll(opt.Folder, 0o750); err != nil {
		return nil, fmt.Errorf("make the cache of files: %w", err)
	}
	return &Cache{Remote: remote, opt: opt, kept: map[string]*list.Element{}, order: list.New(), fetching: map[string]chan struct{}{},
		versions: map[string]int{}}, nil
}

// Open implements store.Reader.
func (c *Cache) Open(ctx context.Context, name string) (store.File, error) {
	if local, at := c.local(name); local != nil {
		return &file{ctx: ctx, cache: c, name: name, local: local, size: at.size, time: at.time}, nil
	}
	far, err := c.Remote.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return &file{ctx: ctx, cache: c, name: name, far: far, size: far.Size(), time: far.Time()}, nil
}

// Has implements store.Reader.
func (c *Cache) Has(ctx context.Context, name string) (bool, error) {
	if c.keeps(name) {
		return true, nil
	}
	return c.Remote.Has(ctx, name)
}

func (c *Cache) keeps(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, kept := c.kept[name]
	return kept
}

// Shrink makes room for so many bytes on the disk of the folder, as far as it can: others need it more. It tells how many.
func (c *Cache) Shrink(bytes int64) (made int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.size
	for before-c.size < bytes && c.order.Len() > 0 {
		c.drop(c.order.Back())
	}
	return before - c.size
}

// local opens a file that is kept; nil if it is not.
func (c *Cache) local(name string) (*os.File, entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, kept := c.kept[name]
	if !kept {
		return nil, entry{}
	}
	at := e.Value.(*entry)
	f, err := os.Open(at.path)
	if err != nil {
		c.drop(e) // removed by hand
		return nil, entry{}
	}
	c.order.MoveToFront(e)
	return f, *at
}

// fetch keeps the whole of a file that the store gives, and opens it; nil where the folder cannot have it. One who comes while another
// fetches it waits.
func (c *Cache) fetch(ctx context.Context, name string, far store.File) (*os.File, error) {
	if far.Size() > c.opt.Limit {
		return nil, nil
	}
	for {
		if local, at := c.local(name); local != nil {
			if at.size == far.Size() && at.time.Equal(far.Time()) {
				return local, nil
			}
			local.Close() // another file by now: this reader stays with the one that it opened
			return nil, nil
		}
		c.mu.Lock()
		over, busy := c.fetching[name]
		if !busy {
			over = make(chan struct{})
			c.fetching[name] = over
			c.versions[name] = 0
		}
		c.serial++
		path := filepath.Join(c.opt.Folder, strconv.FormatUint(c.serial, 10))
		c.mu.Unlock()
		if !busy {
			f, err := copyTo(path, far)
			c.fetched(&entry{name: name, path: path, size: far.Size(), time: far.Time()}, f != nil)
			close(over)
			return f, err
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// copyTo copies a file of the store. An error is one of the store; nil and none where the folder cannot have it.
func copyTo(path string, far store.File) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, nil
	}
	w := &writer{file: f}
	_, err = io.CopyBuffer(w, io.NewSectionReader(far, 0, far.Size()), make([]byte, 256<<10))
	if err == nil && w.size == far.Size() {
		return f, nil
	}
	f.Close()
	os.Remove(path) // at the latest when the folder is emptied
	if w.failed {
		return nil, nil
	}
	return nil, err
}

// writer tells errors of the folder from those of the store.
type writer struct {
	file   *os.File
	size   int64
	failed bool
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.size += int64(n)
	w.failed = err != nil
	return n, err
}

// fetched takes a file into the books, if it was fetched and its name has not changed meanwhile, and makes room.
func (c *Cache) fetched(at *entry, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.versions[at.name] > 0
	delete(c.versions, at.name)
	delete(c.fetching, at.name)
	if !whole {
		return
	}
	if changed {
		os.Remove(at.path) // who fetched it reads on
		return
	}
	c.kept[at.name] = c.order.PushFront(at)
	c.size += at.size
	for c.size > c.opt.Limit {
		c.drop(c.order.Back())
	}
}

// drop takes a file out of the books and the folder. Who reads it reads on.
func (c *Cache) drop(e *list.Element) {
	at := c.order.Remove(e).(*entry)
	delete(c.kept, at.name)
	c.size -= at.size
	os.Remove(at.path) // at the latest when the folder is emptied
}

// forget is for a name that changes.
func (c *Cache) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, kept := c.kept[name]; kept {
		c.drop(e)
	}
	if _, busy := c.fetching[name]; busy {
		c.versions[name]++
	}
}

// Upload implements Remote.
func (c *Cache) Upload(
	ctx context.Context, name string, content io.ReaderAt, size int64, same func(old store.File) bool,
) (kept bool, err error) {
	defer c.forget(name)
	return c.Remote.Upload(ctx, name, content, size, same)
}

// Remove implements store.Store.
func (c *Cache) Remove(ctx context.Context, name string, before time.Time) (gone bool, err error) {
	defer c.forget(name)
	return c.Remote.Remove(ctx, name, before)
}

// Move implements store.Store.
func (c *Cache) Move(ctx context.Context, from, to string) error {
	defer c.forget(from)
	defer c.forget(to)
	return c.Remote.Move(ctx, from, to)
}

// Stage implements store.Store.
func (c *Cache) Stage(ctx context.Context) (store.Staged, error) {
	f, err := c.Remote.Stage(ctx)
	if err != nil {
		return nil, err
	}
	return &staged{f, c}, nil
}

type staged struct {
	store.Staged
	cache *Cache
}

// Commit implements store.Staged.
func (f *staged) Commit(ctx context.Context, name string, same func(old store.File) bool) (kept bool, err error) {
	defer f.cache.forget(name)
	return f.Staged.Commit(ctx, name, same)
}
