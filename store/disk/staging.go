package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stale is how old what another owner staged must be to be nobody's: an instance that is received is written to all the time.
const stale = 24 * time.Hour

// folderOf is a new name for the folder of what an owner stages. The last part has no full stop, an owner may have some.
func folderOf(owner string) string {
	if owner == "" {
		return rand.Text()
	}
	return owner + "." + rand.Text()
}

// ownerOf is the owner of such a folder; "" for one that a lock tells apart.
func ownerOf(folder string) string {
	return folder[:max(strings.LastIndexByte(folder, '.'), 0)]
}

// removeDead removes what dead processes staged beside mine. Without an owner that are the folders whose lock can be had, and whatever else
// lies about. With one it is what was the owner's before, under whose name nobody else lives, and of what others staged that which nothing
// was written to for long: no lock tells whether they live, since a file system over the network may keep locks to each machine, and
// those that a database keeps are lost while their owner goes on receiving.
func (s *Store) removeDead() error {
	own, err := os.Stat(s.mine)
	if err != nil {
		return err
	}
	before := own.ModTime().Add(-stale) // by the clock that the other times are of
	dir := s.path(s.opt.Staging)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path, owner := filepath.Join(dir, e.Name()), ownerOf(e.Name())
		switch {
		case path == s.mine:
		case owner != "" && owner == s.opt.Owner:
			err = removeAll(path)
		case owner != "" || s.opt.Owner != "":
			err = removeStale(path, before)
		default:
			err = removeUnlocked(path, e.IsDir())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeUnlocked removes a file, or a folder that no living process has locked.
func removeUnlocked(path string, isDir bool) error {
	if isDir {
		lock, err := lockDir(path)
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
			return nil // alive, or removed by another process that opens the store
		}
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	return removeAll(path)
}

// removeAll removes a file or a folder with all in it.
func removeAll(path string) error { return unlessUsed(os.RemoveAll(path)) }

// unlessUsed leaves out the error of a folder that stays for the next one that looks: something came into it, or NFS keeps a file that a
// process of this machine has open under another name until that closes it, and lets nobody remove that.
func unlessUsed(err error) error {
	for _, used := range []error{fs.ErrNotExist, unix.ENOTEMPTY, unix.EEXIST, unix.EBUSY} {
		if errors.Is(err, used) {
			return nil
		}
	}
	return err
}

// removeStale removes a file that was not written to since a time, or those of a folder, and then the folder, if it is empty. Nothing that
// comes meanwhile is touched.
func removeStale(path string, before time.Time) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if err := removeStale(filepath.Join(path, e.Name()), before); err != nil {
				return err
			}
		}
	}
	if !info.ModTime().Before(before) {
		return nil
	}
	return unlessUsed(os.Remove(path))
}

// lockDir locks a folder as long as the returned file is open or this process lives.
func lockDir(path string) (*os.File, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), d.Close())
	}
	return d, nil
}
