package disk

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"jcsnode/durable"
	"jcsnode/store"
)

// file is an open file that is being staged.
type file interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Datasync() error
}

// system is what the store asks of the file system to change. Tests replace single fields to inject faults.
type system struct {
	create   func(path string) (file, error) // for writing and reading back; the file must not exist
	rename   func(from, to string) error
	remove   func(path string) error
	mkdir    func(path string) error // an existing one is no error
	syncDir  func(path string) error
	freeDisk func(path string) (int64, error) // bytes that this user may still write
}

func realSystem() system {
	return system{create: create, rename: os.Rename, remove: os.Remove, mkdir: mkdir, syncDir: durable.SyncFolder, freeDisk: freeDisk}
}

type osFile struct{ *os.File }

// Datasync makes the content durable.
func (f osFile) Datasync() error { return durable.Sync(f.File) }

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

func freeDisk(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// fault makes an error of the file system one of the store; nil stays nil.
func fault(err error) error { return store.FileFault(err) }
