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
	create  func(path string) (file, error) // for writing and reading back; the file must not exist
	rename  func(from, to string) error
	remove  func(path string) error
	mkdir   func(path string) error // an existing one is no error
	syncDir func(path string) error
	free    func(path string) (bytes int64, readOnly bool, err error) // bytes that this user may still write
}

func realSystem() system {
	return system{create: create, rename: os.Rename, remove: os.Remove, mkdir: mkdir, syncDir: durable.SyncFolder, free: free}
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

func free(path string) (bytes int64, readOnly bool, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, false, fmt.Errorf("free space of %s: %w", path, err)
	}
	// Mounted so, made so by Linux after a fault of the disk, or by the server of a folder elsewhere.
	if errors.Is(unix.Access(path, unix.W_OK), unix.EROFS) {
		return 0, true, nil
	}
	return int64(s.Bavail) * int64(s.Bsize), false, nil
}

// fault makes an error of the file system one of the store; nil stays nil.
func fault(err error) error { return store.FileFault(err) }
