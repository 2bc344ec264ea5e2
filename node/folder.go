package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	f, err := os.OpenFile(filepath.Join(dataDir, folderLock), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("take data_dir: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = sqlite.ErrHeld
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

// folderHeld says whether a node has data_dir now.
func folderHeld(dataDir string) bool {
	f, err := os.Open(filepath.Join(dataDir, folderLock))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
