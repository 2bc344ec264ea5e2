package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/durable"
	"jcsnode/store"
)

// Options of Open.
type Options struct {
	Reserve int64             // bytes; see store.Room
	Staging string            // folder below that of the store where files are that have no name yet; nobody else's
	Owner   string            // of what is staged: one living process alone, of all on the folder; "" where locks tell, as on a local disk
	Foreign func(path string) // told of each file and folder that List leaves out, for it has no name of the store; nil: nobody is
}

// Store implements store.Store in a folder.
type Store struct {
	root    string
	opt     Options
	sys     system
	mine    string   // folder of this process below Staging
	lock    *os.File // of mine, held while this process lives; with an owner, nil where it could not be had
	serial  atomic.Uint64
	names   store.NameLocks
	folders sync.RWMutex // held for writing by who removes empty folders, else for reading

	mu      sync.Mutex
	durable map[string]bool // folders whose own name is known to be durable
}

// Open opens the store in the folder root, which is made where it is missing, and removes what dead processes left half written.
// Several processes may have it open.
func Open(root string, opt Options) (*Store, error) {
	s := &Store{root: root, opt: opt, sys: realSystem(), durable: map[string]bool{}}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open the files of %s: %w", root, fault(err))
	}
	return s, nil
}

func (s *Store) open() error {
	if err := durable.Folder(s.root); err != nil {
		return err
	}
	if err := s.makeFolder(s.opt.Staging); err != nil {
		return err
	}
	if strings.Contains(s.opt.Owner, "/") {
		return fmt.Errorf("owner %q: want a name without slashes", s.opt.Owner)
	}
	if err := s.settleIn(); err != nil {
		return err
	}
	if err := s.removeDead(); err != nil {
		return fmt.Errorf("remove what dead processes left: %w", errors.Join(err, s.Close()))
	}
	return nil
}

// settleIn makes and locks a folder for what this process stages. Between the two another process that opens the store may take it for
// one of a dead process: then it is made again. An owner needs no lock, but programs before it look for one.
func (s *Store) settleIn() (err error) {
	for range foldersVanish {
		s.mine = filepath.Join(s.path(s.opt.Staging), folderOf(s.opt.Owner))
		if err = s.sys.mkdir(s.mine); err != nil {
			return err
		}
		if s.lock, err = lockDir(s.mine); err == nil {
			if _, err = os.Stat(s.mine); err == nil {
				return nil
			}
			s.lock.Close() // of a folder that is gone
		}
		switch {
		case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, fs.ErrNotExist): // another name
		case s.lock == nil && s.opt.Owner != "": // there are no locks here
			return nil
		default:
			return err
		}
	}
	return err
}

// settleAgain makes and locks the folder anew that is gone. Of several at a time one has the lock.
func (s *Store) settleAgain() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sys.mkdir(s.mine); err != nil {
		return err
	}
	if lock, err := lockDir(s.mine); err == nil {
		if s.lock != nil {
			s.lock.Close()
		}
		s.lock = lock
	}
	return nil
}

// Close drops what is staged. Nothing may be staged any more; files are still read.
func (s *Store) Close() error {
	err := removeAll(s.mine)
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// path is where a name, or a folder of names, lies.
func (s *Store) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// check checks a name, and that it does not lie among what is staged.
func (s *Store) check(name string) error {
	if err := store.CheckName(name); err != nil {
		return err
	}
	if name == s.opt.Staging || strings.HasPrefix(name, s.opt.Staging+"/") {
		return fmt.Errorf("%w: %q is where files are staged", store.ErrName, name)
	}
	return nil
}

// opened is a file that is being read.
type opened struct {
	file *os.File
	info fs.FileInfo
}

func (o *opened) Size() int64     { return o.info.Size() }
func (o *opened) Time() time.Time { return o.info.ModTime() }
func (o *opened) Close() error    { return fault(o.file.Close()) }

func (o *opened) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.file.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = fault(err)
	}
	return n, err
}

// Open implements store.Store.
func (s *Store) Open(_ context.Context, name string) (store.File, error) {
	if err := s.check(name); err != nil {
		return nil, err
	}
	o, err := open(s.path(name))
	if err != nil {
		return nil, fault(err)
	}
	return o, nil
}

func open(path string) (*opened, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &opened{f, info}, nil
}

// Has implements store.Store.
func (s *Store) Has(_ context.Context, name string) (bool, error) {
	if err := s.check(name); err != nil {
		return false, err
	}
	info, err := os.Stat(s.path(name))
	if err = fault(err); errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && info.Mode().IsRegular(), err
}

// Remove implements store.Store. Folders that it leaves empty go, too.
func (s *Store) Remove(_ context.Context, name string, before time.Time) (gone bool, err error) {
	if err := s.check(name); err != nil {
		return false, err
	}
	defer s.names.Lock(name)()
	full := s.path(name)
	info, err := os.Stat(full)
	if err = fault(err); errors.Is(err, store.ErrNotFound) || err == nil && !info.Mode().IsRegular() {
		return true, nil
	}
	if err != nil || !before.IsZero() && !info.ModTime().Before(before) {
		return false, err
	}
	if err := s.sys.remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fault(err)
	}
	s.prune(path.Dir(name))
	return true, nil
}

// prune removes a folder and those above it as far as they are empty, but for those next to the root. Errors are none: a folder that
// is not empty stays.
func (s *Store) prune(folder string) {
	s.folders.Lock()
	defer s.folders.Unlock()
	for ; strings.Contains(folder, "/"); folder = path.Dir(folder) {
		if os.Remove(s.path(folder)) != nil {
			return
		}
		s.mu.Lock()
		delete(s.durable, folder) // whoever finds it made anew waits until its name is durable
		s.mu.Unlock()
	}
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, folder string) iter.Seq2[string, error] {
	return s.ListSince(ctx, folder, time.Time{})
}

// ListSince implements store.Store. A name that comes into a folder makes the folder younger.
func (s *Store) ListSince(ctx context.Context, folder string, since time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.check(folder); err != nil {
			yield("", err)
			return
		}
		// fs.WalkDir, as against that of filepath, follows a folder that is a link.
		err := fs.WalkDir(os.DirFS(s.root), folder, func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone meanwhile
			}
			if err != nil {
				if name == folder {
					return fault(err)
				}
				if !yield(name, fault(err)) {
					return fs.SkipAll
				}
				return nil // what was read of it before comes yet
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			foreign := store.CheckName(name) != nil || !d.IsDir() && !d.Type().IsRegular()
			if foreign && s.opt.Foreign != nil && !strings.HasPrefix(d.Name(), openElsewhere) {
				s.opt.Foreign(s.path(name))
			}
			switch odd := foreign || s.check(name) != nil; {
			case odd && d.IsDir():
				return fs.SkipDir
			case d.IsDir() && !since.IsZero() && unchanged(d, since):
				return fs.SkipDir
			case !odd && !d.IsDir() && !yield(name, nil):
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", err)
		}
	}
}

// openElsewhere is how NFS names what was removed while a process of this machine had it open.
const openElsewhere = ".nfs"

// unchanged tells whether no name came into a folder or below it since a time. Only one without folders in it can tell: its number of links
// is two, where the file system counts them.
func unchanged(d fs.DirEntry, since time.Time) bool {
	info, err := d.Info()
	if err != nil || !info.ModTime().Before(since) {
		return false // one that is gone meanwhile is found out by whoever walks
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 2
}

// Room implements store.Store.
func (s *Store) Room(context.Context) (store.Room, error) {
	bytes, readOnly, err := s.sys.free(s.root)
	return store.Room{Free: bytes, Reserve: s.opt.Reserve, ReadOnly: readOnly}, fault(err)
}

// RoomIn measures the room of a store in the folder root without opening it.
func RoomIn(root string, reserve int64) (store.Room, error) {
	bytes, readOnly, err := free(root)
	return store.Room{Free: bytes, Reserve: reserve, ReadOnly: readOnly}, fault(err)
}
