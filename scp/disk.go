package scp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// file is an open file of the inbox.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Datasync() error
}

// disk is what the inbox asks of the file system. Tests replace single fields to inject faults.
type disk struct {
	create   func(path string) (file, error) // for writing and reading back; the file must not exist
	rename   func(from, to string) error
	remove   func(path string) error
	mkdir    func(path string) error // an existing one is no error
	syncDir  func(path string) error
	freeDisk func(path string) (int64, error) // bytes that this user may still write
}

func realDisk() disk {
	return disk{create: create, rename: os.Rename, remove: os.Remove, mkdir: mkdir, syncDir: syncDir, freeDisk: freeDisk}
}

type osFile struct{ *os.File }

// Datasync makes the content durable.
func (f osFile) Datasync() error {
	if err := datasync(f.File); err != nil {
		return fmt.Errorf("sync %s: %w", f.Name(), err)
	}
	return nil
}

func create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func mkdir(path string) error {
	if err := os.Mkdir(path, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

func freeDisk(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// makeDurable makes the folder path, its parents where they are missing, and their names
// durable. A folder that is there is taken as it is: its parent may not be ours to open.
func makeDurable(d disk, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := makeDurable(d, parent); err != nil {
		return err
	}
	if err := d.mkdir(path); err != nil {
		return err
	}
	return d.syncDir(parent)
}
