package tier

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"jcsnode/store"
)

// Remote is the store that is far away.
type Remote interface {
	store.Store
	// Upload gives content a name, as store.Staged.Commit does.
	Upload(ctx context.Context, name string, content io.ReaderAt, size int64, same func(old store.File) bool) (kept bool, err error)
	Close() error
}

// Local is the disk.
type Local interface {
	store.Store
	Close() error
}

// Options of New.
type Options struct {
	Later     []string // folders whose files go up after Commit
	Behind    bool     // the ledger may not know all that went up
	Meanwhile []string // folders whose files may wait here while the store does not take them: of a node that is the only one to read them
	Folders   []string // all folders of files: what lies here of them goes up
	Stay      []string // folders among these whose files stay here
	// Recorded tells whether a file that is here may be only there: not before the ledger knows it, since a start looks for those that
	// it does not know here alone. Nil: any may.
	Recorded func(ctx context.Context, name string) (bool, error)
	// Stored is told of each file that went up and was read back, before it goes from here; may be nil. After an error it stays.
	Stored func(ctx context.Context, name string) error
	// Shrink makes room on this machine's disk for so many bytes, where it can, and tells how many; nil: there is nothing that could go.
	Shrink func(bytes int64) int64
	Logger *slog.Logger
}

// Store implements store.Store.
type Store struct {
	local  Local
	remote Remote
	opt    Options
	wake   chan struct{}
	names  store.NameLocks // what goes up and what is removed meet here

	trial string // name of the file by which the store is asked whether it takes any

	mu      sync.Mutex // guards what follows
	oddity  string     // what odd said last
	waiting Waiting
	doubt   int64 // size of a file that it did not take before somebody was answered; 0: none since it took one
}

// Places of a file.
const (
	AtNode  = "node"
	InStore = "store"
)

// Waiting is what has still to go up, as of the last look, and how the store is.
type Waiting struct {
	Files int
	Away  string    // why the store does not take files, "" if it does
	Since time.Time // of that
}

// New makes a store of two. Run takes files up.
func New(local Local, remote Remote, opt Options) *Store {
	return &Store{local: local, remote: remote, opt: opt, wake: make(chan struct{}, 1), trial: "check/" + strings.ToLower(rand.Text())}
}

// Close closes both.
func (s *Store) Close() error { return errors.Join(s.remote.Close(), s.local.Close()) }

func under(folders []string, name string) bool {
	for _, f := range folders {
		if name == f || strings.HasPrefix(name, f+"/") {
			return true
		}
	}
	return false
}

// Here tells whether a file is on the disk. It asks no other machine.
func (s *Store) Here(ctx context.Context, name string) (bool, error) { return s.local.Has(ctx, name) }

// At tells where a file is, "" if there is none. One that is in both places counts as here until it was compared.
func (s *Store) At(ctx context.Context, name string) (string, error) {
	has, err := s.local.Has(ctx, name)
	if err != nil || has {
		return AtNode, err
	}
	if has, err = s.remote.Has(ctx, name); err != nil || !has {
		return "", err
	}
	return InStore, nil
}

// Open implements store.Reader. A file that goes up meanwhile is found there.
func (s *Store) Open(ctx context.Context, name string) (store.File, error) {
	f, err := s.local.Open(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return s.remote.Open(ctx, name)
	}
	return f, err
}

// Has implements store.Reader.
func (s *Store) Has(ctx context.Context, name string) (bool, error) {
	if has, err := s.local.Has(ctx, name); has || err != nil {
		return has, err
	}
	return s.remote.Has(ctx, name)
}

// Remove implements store.Store.
func (s *Store) Remove(ctx context.Context, name string, before time.Time) (gone bool, err error) {
	defer s.names.Lock(name)()
	if gone, err = s.local.Remove(ctx, name, before); err != nil || !gone {
		return gone, err
	}
	return s.remote.Remove(ctx, name, before)
}

// Move implements store.Store.
func (s *Store) Move(ctx context.Context, from, to string) error {
	defer s.names.Lock(from)()
	err := s.local.Move(ctx, from, to)
	if errors.Is(err, store.ErrNotFound) {
		return s.remote.Move(ctx, from, to)
	}
	return err
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, folder string) iter.Seq2[string, error] {
	return s.ListSince(ctx, folder, time.Time{})
}

// ListSince implements store.Store. New files of a folder that goes up later are here, or the ledger knows them unless it is behind.
func (s *Store) ListSince(ctx context.Context, folder string, since time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		here := map[string]bool{}
		for name, err := range s.local.ListSince(ctx, folder, since) {
			here[name] = true
			if !yield(name, err) || err != nil && name == "" {
				return
			}
		}
		if !since.IsZero() && !s.opt.Behind && under(s.opt.Later, folder) {
			return
		}
		for name, err := range s.remote.ListSince(ctx, folder, since) {
			if here[name] {
				continue
			}
			if !yield(name, err) {
				return
			}
		}
	}
}

// Room implements store.Store: the free space is that of the disk, which everything comes through. Before it runs short, what can go does.
func (s *Store) Room(ctx context.Context) (store.Room, error) {
	r, err := s.local.Room(ctx)
	if err != nil || s.opt.Shrink == nil {
		return r, err
	}
	if lacks := r.Lacks(); lacks > 0 && s.opt.Shrink(lacks) > 0 {
		return s.local.Room(ctx)
	}
	return r, nil
}

// Stage implements store.Store.
func (s *Store) Stage(ctx context.Context) (store.Staged, error) {
	f, err := s.local.Stage(ctx)
	if err != nil {
		return nil, err
	}
	return &staged{Staged: f, store: s}, nil
}

type staged struct {
	store.Staged
	store *Store
	size  int64
}

func (f *staged) Write(p []byte) (int, error) {
	n, err := f.Staged.Write(p)
	f.size += int64(n)
	return n, err
}

// Commit implements store.Staged.
func (f *staged) Commit(ctx context.Context, name string, same func(old store.File) bool) (kept bool, err error) {
	s := f.store
	meanwhile := under(s.opt.Meanwhile, name)
	if under(s.opt.Later, name) || meanwhile && s.Waiting().Away != "" {
		return f.here(ctx, name, same)
	}
	defer s.names.Lock(name)()
	kept, err = s.remote.Upload(ctx, name, f.Staged, f.size, same)
	s.heard(ctx, f.size, err)
	if meanwhile && passes(err) && ctx.Err() == nil {
		return f.here(ctx, name, same)
	}
	if err != nil {
		return false, err
	}
	// What a node that was on its own disk had under the name would be read first.
	_, err = s.local.Remove(ctx, name, time.Time{})
	return kept, err
}

// here gives the file its name on this machine, for now.
func (f *staged) here(ctx context.Context, name string, same func(old store.File) bool) (kept bool, err error) {
	if kept, err = f.Staged.Commit(ctx, name, same); err == nil {
		f.store.awake()
	}
	return kept, err
}

// awake has Run look before its time.
func (s *Store) awake() {
	select {
	case s.wake <- struct{}{}:
	default: // it will
	}
}

// Waiting tells what has still to go up.
func (s *Store) Waiting() Waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}
