package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// removeDead removes what dead processes staged: the folders whose lock can be had, and whatever else lies about.
func removeDead(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			lock, err := lockDir(path)
			if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
				continue // alive, or removed by another process that opens the store
			}
			if err != nil {
				return err
			}
			defer lock.Close()
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
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
