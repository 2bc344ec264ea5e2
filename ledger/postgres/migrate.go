package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"jcsnode/ledger/jobs"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// first is the number of the first file: it holds what that many migrations of the SQLite engine lead to. From then on each has its pair
// there.
const first = 9

// bears is the oldest version whose programs can work on the newest one: what they write is right there, and all that they ask is there.
// Nodes of both run side by side, and one of the older program that is started again goes on. The migrations from there on add columns and
// tables, but for one: since 19 what older programs ask for totals lags behind (tally). It is raised to the newest when one does more.
const bears = 17

// migrations returns the texts in order; text i leads to version first+i.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(names))
	for i, name := range names {
		if want := fmt.Sprintf("migrations/%04d_", first+i); len(name) < len(want) || name[:len(want)] != want {
			return nil, fmt.Errorf("migration %s: expected number %d", name, first+i)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts[i] = string(text)
	}
	return texts, nil
}

// migrate brings the job tables to the version of this program, then the database. One node does so at a time.
func (d *Database) migrate(ctx context.Context, log *slog.Logger) (err error) {
	session, err := d.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if _, err := session.ExecContext(ctx, `SELECT pg_advisory_lock(?, ?)`, lockClass, lockMigration); err != nil {
		return err
	}
	defer func() {
		_, e := session.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(?, ?)`, lockClass, lockMigration)
		err = errors.Join(err, e)
	}()
	texts, err := migrations()
	if err != nil {
		return err
	}
	if _, err := session.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS ledger_version (version BIGINT NOT NULL);
		ALTER TABLE ledger_version ADD COLUMN IF NOT EXISTS bears BIGINT NOT NULL DEFAULT 0`); err != nil {
		return err
	}
	version, err := d.version(ctx)
	if err != nil {
		return err
	}
	if newest := first + len(texts) - 1; version > newest {
		return d.checkNewer(ctx, version, newest)
	}
	if err := jobs.Migrate(ctx, d.JobDriver(), log); err != nil {
		return err
	}
	// Where the index is already nobody is to wait for those who write jobs, as the statement itself does.
	if _, err := session.ExecContext(ctx, `
		DO $$ BEGIN
			IF to_regclass('river_job_key') IS NULL THEN `+jobs.Index+`; END IF;
		END $$`); err != nil {
		return fmt.Errorf("index the jobs: %w", err)
	}
	for i := max(version-first+1, 0); i < len(texts); i++ {
		err := d.Update(ctx, func(tx *sql.Tx) error {
			for _, text := range []string{texts[i], `DELETE FROM ledger_version`} {
				if _, err := tx.ExecContext(ctx, text); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO ledger_version (version, bears) VALUES (?, ?)`, first+i, bears)
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %d: %w", first+i, err)
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
	version, err := d.version(ctx)
	if err != nil {
		return err
	}
	switch newest := first + len(texts) - 1; {
	case version > newest:
		return d.checkNewer(ctx, version, newest)
	case version < newest:
		return otherVersion(version, newest)
	}
	return nil
}

// checkNewer is for a ledger that a newer program has migrated: nodes of two versions run side by side where that bears it.
func (d *Database) checkNewer(ctx context.Context, version, newest int) error {
	var oldest int
	if err := d.db.QueryRowContext(ctx, `SELECT bears FROM ledger_version`).Scan(&oldest); err != nil {
		return err
	}
	if oldest == 0 || oldest > newest {
		return otherVersion(version, newest)
	}
	return nil
}

// version is 0 in a database without a ledger.
func (d *Database) version(ctx context.Context) (version int, err error) {
	var there bool
	if err := d.db.QueryRowContext(ctx, `SELECT to_regclass('ledger_version') IS NOT NULL`).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = d.db.QueryRowContext(ctx, `SELECT version FROM ledger_version`).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// otherVersion says what to do about a ledger that this program cannot work with as it is.
func otherVersion(version, known int) error {
	switch {
	case version == 0:
		return errors.New("there is no ledger in it (has the node ever been started with this database?)")
	case version > known:
		return fmt.Errorf("it was written by a newer program (version %d, this one knows %d): update the program", version, known)
	}
	return fmt.Errorf("it was written by an older program (version %d, this one needs %d): "+
		"start a node with this program first, or use the program that runs there", version, known)
}
