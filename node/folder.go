package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/durable"
	"jcsnode/ledger/sqlite"
)

// folderLock is the file in data_dir by which one node alone has that folder.
const folderLock = "node.lock"

// lockFolder takes data_dir for this process until the returned file is closed, or the process ends. A ledger that is a file there has a
// lock of its own; in a database, or in two, it says nothing about the folder.
func lockFolder(dataDir string) (*os.File, error) {
	if err := durable.Folder(dataDir); err != nil {
		return nil, fmt.Errorf("make data_dir: %w", err)
	}
	f, err := sqlite.LockFile(filepath.Join(dataDir, folderLock))
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: give the whole of data_dir to the service's user", err)
	}
	if err != nil {
		return nil, fmt.Errorf("take data_dir: %w", err)
	}
	return f, nil
}

// noteRecorded keeps in data_dir up to when the ledger was complete, as the time of the lock, which never goes back: not before what a
// ledger that was put back from a backup lacks was looked for.
func noteRecorded(lock *os.File, recorded time.Time) error {
	info, err := lock.Stat()
	if err != nil || !recorded.After(info.ModTime()) {
		return err
	}
	return os.Chtimes(lock.Name(), time.Time{}, recorded)
}

// putBack says whether a ledger that is complete up to a time may be older than data_dir, as after a restore. A new folder may stand for
// one that was lost.
func putBack(lock *os.File, recorded time.Time) (bool, error) {
	info, err := lock.Stat()
	if err != nil {
		return false, fmt.Errorf("look how old the ledger is: %w", err)
	}
	return info.ModTime().After(recorded.Add(time.Second)), nil // some file systems count in seconds
}

// folderHeld says whether a node has data_dir now. An error would keep one from taking it.
func folderHeld(dataDir string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(dataDir, folderLock), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK), nil
}
