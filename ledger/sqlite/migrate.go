package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"jcsnode/ledger/jobs"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the texts in order: number n of PRAGMA user_version is after text n-1.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(names))
	for i, name := range names {
		if want := fmt.Sprintf("migrations/%04d_", i+1); len(name) < len(want) || name[:len(want)] != want {
			return nil, fmt.Errorf("migration %s: expected number %d", name, i+1)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts[i] = string(text)
	}
	return texts, nil
}

// migrate brings the job tables to the version of this program, then the file.
func (d *Database) migrate(ctx context.Context, log *slog.Logger) error {
	texts, err := migrations()
	if err != nil {
		return err
	}
	version, err := userVersion(ctx, d.write)
	if err != nil {
		return err
	}
	if version > len(texts) {
		return otherVersion(version, len(texts))
	}
	if version > 0 && version < len(texts) {
		if err := d.keepVersion(ctx, version, len(texts), log); err != nil {
			return err
		}
	}
	if err := jobs.Migrate(ctx, d.JobDriver(), log); err != nil {
		return err
	}
	if _, err := d.write.ExecContext(ctx, jobs.Index); err != nil {
		return fmt.Errorf("index the jobs: %w", err)
	}
	for i := version; i < len(texts); i++ {
		err := d.Update(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, texts[i]); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
	}
	return nil
}

// checkVersion is for whoever comes beside a node, instead of migrating.
func (d *Database) checkVersion(ctx context.Context) error {
	texts, err := migrations()
	if err != nil {
		return err
	}
	version, err := userVersion(ctx, d.read)
	if err != nil {
		return err
	}
	if version != len(texts) {
		return otherVersion(version, len(texts))
	}
	return nil
}

// otherVersion says what to do about a ledger that this program cannot work with as it is.
func otherVersion(version, known int) error {
	if version > known {
		return fmt.Errorf("it was written by a newer program (version %d, this one knows %d): "+
			"update the program or use another data_dir", version, known)
	}
	return fmt.Errorf("it was written by an older program (version %d, this one needs %d): "+
		"start the node with this program first, or use the program that runs there", version, known)
}

func userVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, fmt.Errorf("read version: %w", err)
	}
	return version, nil
}
