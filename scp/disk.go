package scp

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"jcsnode/durable"
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
	return disk{create: create, rename: os.Rename, remove: os.Remove, mkdir: mkdir, syncDir: durable.SyncFolder, freeDisk: freeDisk}
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

// Bytes is a size for people, in powers of 1024 as the configuration has them: "0 bytes", "52.5 MB", "2.0 GB".
func Bytes(n int64) string {
	if n < 1<<10 && n > -1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/(1<<10), "KB"
	for _, next := range []string{"MB", "GB", "TB"} {
		if math.Abs(value) < 1023.95 { // it would be written as 1024.0
			break
		}
		value, unit = value/(1<<10), next
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
