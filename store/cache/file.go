package cache

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"jcsnode/store"
)

// file is read from the store until somebody wants more than its beginning, and from the folder then.
type file struct {
	ctx   context.Context
	cache *Cache
	name  string
	size  int64
	time  time.Time

	mu    sync.Mutex // guards what follows
	far   store.File // nil of one that was in the folder already
	local *os.File   // nil until it is in the folder
	stays bool       // the folder cannot have it
}

func (f *file) Size() int64     { return f.size }
func (f *file) Time() time.Time { return f.time }

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	local, far, err := f.source(off + int64(len(p)))
	if err != nil {
		return 0, err
	}
	if local == nil {
		return far.ReadAt(p, off)
	}
	n, err := local.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = store.FileFault(err)
	}
	return n, err
}

// source is where to read up to an end from.
func (f *file) source(end int64) (*os.File, store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.local != nil || f.stays || min(end, f.size) <= f.cache.opt.Head {
		return f.local, f.far, nil
	}
	local, err := f.cache.fetch(f.ctx, f.name, f.far)
	if err != nil {
		return nil, nil, err
	}
	f.local, f.stays = local, local == nil
	return f.local, f.far, nil
}

func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	if f.far != nil {
		errs = append(errs, f.far.Close())
	}
	if f.local != nil {
		errs = append(errs, store.FileFault(f.local.Close()))
	}
	return errors.Join(errs...)
}
