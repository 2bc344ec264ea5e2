package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Check tells whether Open would take the file at path for this process: ErrHeld while another one has it, or why its files cannot be
// used. It changes nothing, and a ledger that is not there is no error.
func Check(ctx context.Context, path string) error {
	d := &Database{path: path}
	if err := errors.Join(d.check(ctx), d.Close()); err != nil {
		return fmt.Errorf("open ledger %s: %w", path, d.inWords(err))
	}
	return nil
}

func (d *Database) check(ctx context.Context) error {
	there := map[string]bool{}
	for _, ending := range []string{".lock", "", "-wal", "-shm"} {
		f, err := os.OpenFile(d.path+ending, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		there[ending] = true
		f.Close()
		if ending == ".lock" {
			if d.lock, err = LockFile(d.path + ending); err != nil {
				return err
			}
		}
	}
	if !there[""] || there["-wal"] && !there["-shm"] { // the latter: only a writer can read it, and mends it
		return nil
	}
	var err error
	if d.read, err = openPool(d.path, lookMode(d.path), 1); err != nil {
		return err
	}
	version, err := userVersion(ctx, d.read)
	if err != nil {
		return err
	}
	texts, err := migrations()
	if err == nil && version > len(texts) {
		err = otherVersion(version, len(texts))
	}
	return err
}
