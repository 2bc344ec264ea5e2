package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// rename moves a file, whose content is durable, from path to path. No name can go from one file system to another, as where a folder
// below the root is a mount of its own: there the content goes first, to a name that no file of the store can have.
func (s *Store) rename(from, to string) error {
	if err := s.sys.rename(from, to); !errors.Is(err, unix.EXDEV) {
		return err
	}
	beside := filepath.Join(filepath.Dir(to), "."+filepath.Base(to))
	err := s.copy(from, beside)
	if err == nil {
		err = s.sys.rename(beside, to)
	}
	if err != nil {
		os.Remove(beside) // best effort: the next attempt takes the same name
		return err
	}
	if err := s.sys.remove(from); err != nil {
		return errors.Join(err, s.sys.remove(to)) // one file, one name
	}
	return nil
}

// copy copies a file durably, save for the name of the copy. What a dead process left of an earlier attempt is replaced.
func (s *Store) copy(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	target, err := s.sys.create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Datasync()
}
