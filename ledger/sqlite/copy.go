package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"jcsnode/durable"
)

// Copy writes the ledger at path, as it is at one moment, to a file that is not there yet. A node may work on it meanwhile: it is neither
// stopped nor held up. What was written is durable.
func Copy(ctx context.Context, path, to string) (err error) {
	d := &Database{path: path}
	db, err := openPool(path, copying(path), 1)
	if err == nil {
		err = errors.Join(vacuumInto(ctx, db, to), db.Close())
	}
	if err != nil {
		return fmt.Errorf("copy ledger %s: %w", path, d.inWords(err))
	}
	return nil
}

// copying is reading, save that SQLite must be allowed to write the copy.
func copying(path string) mode {
	if lookMode(path) == readingAtRest {
		return copyingAtRest
	}
	return copyingBeside
}

// vacuumInto has the copy under its name when it is whole.
func vacuumInto(ctx context.Context, db *sql.DB, to string) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s: %w", to, fs.ErrExist), err)
	}
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, part); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(durable.Sync(f), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(to))
}

// beforeVersion is where the ledger is kept as it was under a version, for whoever has to go back to the program before.
func (d *Database) beforeVersion(version int) string {
	return fmt.Sprintf("%s.version-%d", d.path, version)
}

// keepVersion copies the ledger before it is changed for good, and removes copies of earlier versions.
func (d *Database) keepVersion(ctx context.Context, version, next int, log *slog.Logger) error {
	to := d.beforeVersion(version)
	switch _, err := os.Stat(to); {
	case err == nil: // of a migration that did not come to its end: the ledger is as it was
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if err := vacuumInto(ctx, d.write, to); err != nil {
			return fmt.Errorf("copy it before it is brought to version %d (it needs as much room again on that disk): %w", next, err)
		}
	}
	if log == nil {
		log = slog.Default()
	}
	log.Info("the ledger is brought to another version; a copy of it as it was is beside it",
		"from", version, "to", next, "copy", to, "to_go_back", "stop the node and put the copy in its place")
	older, err := filepath.Glob(d.path + ".version-*")
	if err != nil {
		return err
	}
	for _, path := range older {
		if path != to {
			if err := os.Remove(path); err != nil {
				log.Warn("an older copy of the ledger could not be removed", "copy", path, "error", err)
			}
		}
	}
	return nil
}
