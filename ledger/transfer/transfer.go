package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"jcsnode/ledger/postgres"
	"jcsnode/ledger/sqlite"
)

// Options of Copy. Both functions may be nil.
type Options struct {
	Progress func(table string, rows int) // called now and then
	Copied   func() error                 // called when all is copied and compared, before it is committed; its error undoes everything
}

// Result is what there was to move.
type Result struct {
	Tables  map[string]Count
	Already bool // it was there before
}

// Rows counts them all.
func (r Result) Rows() int {
	n := 0
	for _, c := range r.Tables {
		n += c.Rows
	}
	return n
}

// ErrOther says that the database holds studies that are not those of the file.
var ErrOther = errors.New("the database holds another ledger, or one that has gone on since it was moved: name an empty database")

// Copy moves all rows. Both must be this process's own, in the version of this program. A database to which these rows were moved before is
// compared with them.
func Copy(ctx context.Context, from *sqlite.Database, to *postgres.Database, opt Options) (Result, error) {
	var r Result
	err := from.View(ctx, func(source *sql.Tx) error {
		return to.Update(ctx, func(tx *sql.Tx) (err error) {
			if err := patiently(ctx, tx); err != nil {
				return err
			}
			m := &move{source: source, tx: tx, opt: opt, result: Result{Tables: map[string]Count{}}}
			if m.tables, err = tablesOf(ctx, tx); err != nil {
				return err
			}
			if err := m.run(ctx); err != nil {
				return err
			}
			r = m.result
			return nil
		})
	})
	if err != nil {
		return r, fmt.Errorf("move the ledger from %s to %s: %w", from.Name(), to.Name(), err)
	}
	return r, nil
}

// Check says beforehand whether Copy would refuse, with ErrOther, since the database holds another ledger.
func Check(ctx context.Context, from *sqlite.Database, to *postgres.Database) error {
	err := from.View(ctx, func(source *sql.Tx) error {
		return to.View(ctx, func(tx *sql.Tx) (err error) {
			if err := patiently(ctx, tx); err != nil {
				return err
			}
			m := &move{source: source, tx: tx, result: Result{Tables: map[string]Count{}}}
			if m.result.Already, err = m.holds(ctx); err != nil || !m.result.Already {
				return err
			}
			if m.tables, err = tablesOf(ctx, tx); err != nil {
				return err
			}
			return m.compare(ctx)
		})
	})
	if err != nil {
		return fmt.Errorf("move the ledger from %s to %s: %w", from.Name(), to.Name(), err)
	}
	return nil
}

// patiently has the database wait: while the file is read it hears nothing.
func patiently(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`)
	return err
}

// move is one attempt.
type move struct {
	source, tx *sql.Tx
	tables     []table
	opt        Options
	result     Result
	said       time.Time
}

func (m *move) run(ctx context.Context) error {
	var err error
	if m.result.Already, err = m.holds(ctx); err != nil {
		return err
	}
	if m.result.Already {
		return m.compare(ctx)
	}
	// What the triggers would count is among the rows.
	for _, t := range m.tables {
		if _, err := m.tx.ExecContext(ctx, `ALTER TABLE `+t.name+` DISABLE TRIGGER USER`); err != nil {
			return err
		}
	}
	for i := len(m.tables) - 1; i >= 0; i-- { // what a node of the empty ledger wrote
		if _, err := m.tx.ExecContext(ctx, `DELETE FROM `+m.tables[i].name); err != nil {
			return err
		}
	}
	if _, err := m.tx.ExecContext(ctx, `DELETE FROM tally`); err != nil {
		return err
	}
	for _, t := range m.tables {
		if err := m.fill(ctx, t); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	if err := m.compare(ctx); err != nil {
		return err
	}
	for _, t := range m.tables {
		if _, err := m.tx.ExecContext(ctx, `ALTER TABLE `+t.name+` ENABLE TRIGGER USER`); err != nil {
			return err
		}
	}
	if m.opt.Copied != nil {
		return m.opt.Copied()
	}
	return nil
}

// holds says whether a ledger is in the database.
func (m *move) holds(ctx context.Context) (holds bool, err error) {
	err = m.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM study) OR EXISTS (SELECT 1 FROM event)`).Scan(&holds)
	return holds, err
}

// compare wants every table to hold the same here and there.
func (m *move) compare(ctx context.Context) error {
	for _, t := range m.tables {
		want, err := t.count(ctx, m.source)
		if err != nil {
			return fmt.Errorf("table %s of the file: %w", t.name, err)
		}
		got, err := t.count(ctx, m.tx)
		if err != nil {
			return fmt.Errorf("table %s of the database: %w", t.name, err)
		}
		if got != want && m.result.Already {
			return fmt.Errorf("%w (table %s: %d rows here, %d there)", ErrOther, t.name, want.Rows, got.Rows)
		}
		if got != want {
			return fmt.Errorf("table %s has %d rows in the file and %d in the database, or they differ: nothing was moved", t.name,
				want.Rows, got.Rows)
		}
		m.result.Tables[t.name] = want
	}
	return nil
}

// PostgreSQL takes 65,535 parameters in a statement.
const rowsAtATime = 500

func (m *move) fill(ctx context.Context, t table) error {
	var values []any
	rows := 0
	flush := func() error {
		if len(values) == 0 {
			return nil
		}
		n := len(values) / len(t.columns)
		one := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(t.columns)), ", ") + "), "
		_, err := m.tx.ExecContext(ctx, `INSERT INTO `+t.name+` (`+strings.Join(t.columns, ", ")+`) VALUES `+
			strings.TrimSuffix(strings.Repeat(one, n), ", "), values...)
		rows += n
		values = values[:0]
		if m.opt.Progress != nil && time.Since(m.said) > time.Second {
			m.said = time.Now()
			m.opt.Progress(t.name, rows)
		}
		return err
	}
	err := t.read(ctx, m.source, func(row []any) error {
		values = append(values, row...)
		if len(values) < rowsAtATime*len(t.columns) {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil || t.counted == "" {
		return err
	}
	// Where nothing was, the first number is 1.
	_, err = m.tx.ExecContext(ctx, `
		SELECT setval(pg_get_serial_sequence(?, ?), coalesce(MAX(`+t.counted+`), 1), COUNT(*) > 0)
		FROM `+t.name, t.name, t.counted)
	return err
}
