package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"jcsnode/store"
)

// staged implements store.Staged.
type staged struct {
	store *Store
	file  file
	path  string
	done  bool // it has a name, or nothing is left of it
}

// Stage implements store.Store.
func (s *Store) Stage(context.Context) (store.Staged, error) {
	path := filepath.Join(s.mine, fmt.Sprintf("%d", s.serial.Add(1)))
	f, err := s.sys.create(path)
	if errors.Is(err, fs.ErrNotExist) { // who was silent for long, or is thought dead, finds its folder gone
		if err = s.settleAgain(); err == nil {
			f, err = s.sys.create(path)
		}
	}
	if err != nil {
		return nil, fault(err)
	}
	return &staged{store: s, file: f, path: path}, nil
}

func (f *staged) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	return n, fault(err)
}

func (f *staged) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.file.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = fault(err)
	}
	return n, err
}

// Abort implements store.Staged.
func (f *staged) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	f.file.Close() // Commit has told of its errors, and nobody wants the content
	if err := f.store.sys.remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault(err)
	}
	return nil
}

// Commit implements store.Staged. The order is the contract: content, folders, name, folder of the name.
func (f *staged) Commit(_ context.Context, name string, same func(old store.File) bool) (kept bool, err error) {
	s := f.store
	if err := s.check(name); err != nil {
		return false, err
	}
	defer s.names.Lock(name)()
	if same != nil && s.isSame(name, same) {
		return true, s.renew(name)
	}
	if err := f.file.Datasync(); err != nil {
		return false, fault(err)
	}
	if err := f.file.Close(); err != nil {
		return false, fault(err)
	}
	if err := s.name(f.path, name); err != nil {
		return false, fault(err)
	}
	f.done = true
	return false, nil
}

// isSame asks whether the file of a name is as good as the staged one. One that cannot be read is not.
func (s *Store) isSame(name string, same func(old store.File) bool) bool {
	old, err := open(s.path(name))
	if err != nil {
		return false
	}
	defer old.Close()
	return same(old)
}

// renew makes a file as young as one that is committed now, and its name durable: who committed it may still be on the way to that.
func (s *Store) renew(name string) error {
	now := time.Now()
	return fault(errors.Join(os.Chtimes(s.path(name), now, now), s.sys.syncDir(s.path(path.Dir(name)))))
}

// name gives a file, whose content is durable, its name.
func (s *Store) name(from, name string) error {
	s.folders.RLock()
	defer s.folders.RUnlock()
	full := s.path(name)
	if err := s.inFolder(path.Dir(name), func() error { return s.rename(from, full) }); err != nil {
		return err
	}
	if err := s.sys.syncDir(filepath.Dir(full)); err != nil {
		// It may not survive a power cut, so it must not be found by anybody.
		if e := s.sys.remove(full); e != nil {
			err = fmt.Errorf("%w (and %w)", err, e)
		}
		return err
	}
	return nil
}

// Move implements store.Store.
func (s *Store) Move(ctx context.Context, from, to string) error {
	if err := errors.Join(s.check(from), s.check(to)); err != nil {
		return err
	}
	defer s.names.Lock(from)()
	s.folders.RLock()
	defer s.folders.RUnlock()
	if has, err := s.Has(ctx, from); err != nil || !has {
		return cmp.Or(err, fault(&fs.PathError{Op: "move", Path: s.path(from), Err: fs.ErrNotExist}))
	}
	err := s.inFolder(path.Dir(to), func() error { return s.rename(s.path(from), s.path(to)) })
	if err == nil {
		err = errors.Join(s.sys.syncDir(s.path(path.Dir(to))), s.sys.syncDir(s.path(path.Dir(from))))
	}
	return fault(err)
}

// foldersVanish is how often a folder may go again before a file is in it: another node that shares the folder, whose locks are not ours,
// removes those that it finds empty.
const foldersVanish = 10

// inFolder makes a folder and does something that needs it.
func (s *Store) inFolder(folder string, do func() error) (err error) {
	for range foldersVanish {
		if err = s.makeFolder(folder); err == nil {
			err = do()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.forget(folder)
	}
	return err
}

// forget has a folder, and those above it, made anew and their names made durable again.
func (s *Store) forget(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; folder != "."; folder = path.Dir(folder) {
		delete(s.durable, folder)
	}
}

// durableFolders bounds the memory of folders: a folder that is forgotten costs one more sync.
const durableFolders = 10_000

// makeFolder makes a folder of names, those above it and their names durable, once per process and folder.
func (s *Store) makeFolder(folder string) error {
	if folder == "." {
		return nil
	}
	s.mu.Lock()
	known := s.durable[folder]
	s.mu.Unlock()
	full := s.path(folder)
	if known {
		if _, err := os.Stat(full); err == nil {
			return nil // and not removed by hand meanwhile
		}
	}
	if err := s.makeFolder(path.Dir(folder)); err != nil {
		return err
	}
	if err := s.sys.mkdir(full); err != nil {
		return err
	}
	if err := s.sys.syncDir(filepath.Dir(full)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.durable) >= durableFolders {
		clear(s.durable)
	}
	s.durable[folder] = true
	return nil
}
