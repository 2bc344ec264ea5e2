package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process has the ledger.
var ErrHeld = errors.New("another node works on this data_dir: stop it, or give this one its own")

// Whoever looks whether a process has the ledger has the lock for a moment; that is no reason not to start.
const (
	lockTries = 5
	lockPause = 20 * time.Millisecond
)

// LockFile takes a file for this process until it is closed, or the process ends, however it ends. ErrHeld: another one has it.
func LockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for try := 1; errors.Is(err, unix.EWOULDBLOCK) && try < lockTries; try++ {
		time.Sleep(lockPause)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrHeld
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// heldAt says whether a process has the lock, nil where that cannot be seen.
func heldAt(path string) *bool {
	f, err := os.Open(path)
	held := false
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &held
	case err != nil:
		return nil
	}
	defer f.Close()
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		held = true
	case err != nil:
		return nil
	}
	return &held
}
