package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
	"jcsnode/ledger/sqlite"
	"jcsnode/pgtest"
)

// opened opens a ledger until the test ends, and its database.
func opened(t *testing.T, at string, opt ledger.Options) (*ledger.Ledger, *postgres.Database) {
	t.Helper()
	opt.TestOnly = true
	opt.Logger = slog.New(slog.DiscardHandler)
	db, err := postgres.Open(t.Context(), at, postgres.Options{Password: opt.Password, Shared: opt.Shared, Logger: opt.Logger})
	ledgertest.Must(t, err)
	l, err := ledger.New(db, opt)
	ledgertest.Must(t, err)
	t.Cleanup(func() { ledgertest.Must(t, l.Close()) })
	return l, db
}

func TestCounters_AreWhatCountingGives(t *testing.T) {
	now := time.UnixMilli(1_770_000_000_000)
	opt := ledgertest.Work()
	opt.Now = func() time.Time { now = now.Add(7 * time.Minute); return now }
	l, db := opened(t, place(t), opt)
	ledgertest.Happen(t, l, db.Pool(), 1, func(column string) string {
		return `CAST(nullif(` + column + `, '') AS jsonb) #>> '{decision,positive}' = 'true'`
	})
}

// So they do when several nodes change what they count at once; and what is counted beside them gets into them.
func TestCounters_OfSeveralNodes(t *testing.T) {
	at := place(t)
	var handles []*ledger.Ledger
	var db *postgres.Database
	var mu sync.Mutex
	now := time.UnixMilli(1_770_000_000_000)
	for range 3 {
		opt := ledgertest.Work()
		opt.Shared = true
		opt.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(7 * time.Minute)
			return now
		}
		var l *ledger.Ledger
		l, db = opened(t, at, opt)
		handles = append(handles, l)
	}
	ledgertest.HappenTogether(t, handles, db.Pool(), func(column string) string {
		return `CAST(nullif(` + column + `, '') AS jsonb) #>> '{decision,positive}' = 'true'`
	})
	const beside = `SELECT (SELECT COUNT(*) FROM tally) < 200, (SELECT instances FROM received) > 0, (SELECT SUM(n) FROM counter) > 0`
	if got := ledgertest.Rows(t, db.Pool(), beside)[0]; got != "true|true|true" {
		t.Errorf("few beside the counters, some in them: %s", got)
	}
}

// A door whose transaction is not over, though it has counted and folded what is counted, keeps no other door waiting that folds, too.
func TestCounters_KeepNobodyWaiting(t *testing.T) {
	at := place(t)
	l, db := opened(t, at, ledger.Options{Shared: true})
	ledgertest.Record(t, l, ledgertest.Slice("1.1", 1))
	ledgertest.Rows(t, db.Pool(), `SELECT setval('tally_id_seq', 62)`) // slow folds
	slow, err := db.Pool().BeginTx(t.Context(), nil)
	ledgertest.Must(t, err)
	defer slow.Rollback()
	for _, statement := range []string{
		`INSERT INTO instance SELECT 'other', study_uid, series_uid, '1.1.1.2', class_uid, syntax_uid, digest, size, calling_ae, called_ae,
			remote_addr, association, received_at FROM instance`,
		`UPDATE study SET state = 'settled'`,
		`SET CONSTRAINTS ALL IMMEDIATE`, // as a commit that waits for the disk
	} {
		_, err := slow.ExecContext(t.Context(), statement)
		ledgertest.Must(t, err)
	}
	var folded int
	ledgertest.Must(t, slow.QueryRowContext(t.Context(), `SELECT instances FROM received`).Scan(&folded))
	if folded != 2 {
		t.Errorf("%d are folded by the slow one, want 2", folded)
	}
	ledgertest.Rows(t, db.Pool(), `SELECT setval('tally_id_seq', 126)`) // and the other one would
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ledgertest.Must(t, l.Record(ctx, ledgertest.Slice("1.2", 1)), l.Flush(ctx))
	ledgertest.Must(t, slow.Commit())
	if c, err := l.Counts(t.Context()); err != nil || c.Instances != 3 || c.Studies[ledger.StateReceiving] != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestCounters_StayWhenRowsGo(t *testing.T) {
	now := time.UnixMilli(1_770_000_000_000)
	opt := ledgertest.Work()
	opt.Receivers, opt.CommitmentFrom = nil, nil // that nobody answers here
	opt.Now = func() time.Time { now = now.Add(7 * time.Minute); return now }
	l, db := opened(t, place(t), opt)
	ledgertest.Thinning(t, l, db.Pool(), opt.Now)
}

func TestCommitments_TriedAMomentAgo(t *testing.T) {
	_, db := opened(t, place(t), ledger.Options{})
	ledgertest.FindsTriedRequests(t, db.Pool(), `EXPLAIN`)
}

func TestJobs_AreFoundAmongMany(t *testing.T) {
	at := place(t)
	l, db := opened(t, at, ledger.Options{})
	ledgertest.FindsWaitingJob(t, db.Pool(), db.Update, `CAST(? AS jsonb)`, `EXPLAIN`)
	// The index is gone now, as when a newer job library makes its table anew.
	ledgertest.Must(t, l.Close())
	_, db = opened(t, at, ledger.Options{})
	if got := ledgertest.Rows(t, db.Pool(), `SELECT COUNT(*) FROM pg_indexes WHERE indexname = 'river_job_key'`); got[0] != "1" {
		t.Error("the next start does not make the index again")
	}
}

// Both engines have the same tables with the same columns, and know which may be NULL.
func TestTables_AreThoseOfSQLite(t *testing.T) {
	_, db := opened(t, place(t), ledger.Options{})
	here := ledgertest.Rows(t, db.Pool(), `
		SELECT c.table_name, c.column_name, CASE c.data_type WHEN 'bigint' THEN 'INTEGER' ELSE upper(c.data_type) END
		FROM information_schema.columns c
		WHERE c.table_schema = current_schema() AND c.table_name NOT LIKE 'river%' AND c.table_name NOT IN ('ledger_version', 'tally')
			AND c.table_name NOT LIKE '%\_now'
			AND c.column_name <> 'rowid'
		ORDER BY c.table_name COLLATE "C", c.column_name COLLATE "C"`)
	file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{Logger: slog.New(slog.DiscardHandler)})
	ledgertest.Must(t, err)
	defer file.Close()
	var there []string
	ledgertest.Must(t, file.View(t.Context(), func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(t.Context(), `
			SELECT t.name || '|' || c.name || '|' || c.type
			FROM sqlite_master t, pragma_table_info(t.name) c
			WHERE t.type = 'table' AND t.name NOT LIKE 'river%' AND t.name NOT LIKE 'sqlite%'
			ORDER BY t.name, c.name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			there = append(there, line)
		}
		return rows.Err()
	}))
	if diff := cmp.Diff(there, here); diff != "" || len(here) < 100 {
		t.Errorf("%d columns (-SQLite +PostgreSQL):\n%s", len(here), diff)
	}
}

// What PostgreSQL cannot hold comes from the network, and must not keep other rows from being written.
func TestRecord_StringsThatAreNone(t *testing.T) {
	l, _ := opened(t, place(t), ledger.Options{})
	i := ledgertest.Slice("1.2", 1)
	i.CallingAE, i.Accession = "CT\x001", "M\xfcller"
	ledgertest.Must(t, l.Called(t.Context(), "CT\x001", "\xff", "", time.Now()))
	ledgertest.Record(t, l, i, ledgertest.Slice("1.2", 2))
	if h := ledgertest.History(t, l, "1.2"); len(h.Instances) != 2 || h.Instances[0].CallingAE != "CT\uFFFD1" {
		t.Errorf("instances %+v", h.Instances)
	}
	rev, err := l.Settle(t.Context(), "1.2", "test")
	ledgertest.Must(t, err)
	_, err = l.SaveFindings(t.Context(), rev.ID, ledger.Reading{Findings: []byte(`{"decision": {"positive": true}, "text": "\u0000"}`)})
	ledgertest.Must(t, err)
}

// Several nodes record the same studies at once, in orders of their own, while they settle: nobody waits in a circle, nothing is lost or
// counted twice.
func TestShared_SeveralWriters(t *testing.T) {
	at := place(t)
	const nodes, studies, slices = 3, 5, 40
	var work sync.WaitGroup
	for n := range nodes {
		l, _ := opened(t, at, ledger.Options{Shared: true})
		work.Go(func() {
			for s := range slices {
				for i := range studies {
					study := fmt.Sprintf("1.2.%d", (i*(n+1)+s)%studies)
					if err := l.Record(t.Context(), ledgertest.Slice(study, 100*n+s%(slices/2))); err != nil {
						t.Error(err)
					}
				}
				if s%10 == 0 {
					_, err := l.Settle(t.Context(), fmt.Sprintf("1.2.%d", s%studies), "test")
					if err != nil && !errors.Is(err, ledger.ErrNotFound) {
						t.Error(err)
					}
				}
			}
			if err := l.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	l, db := opened(t, at, ledger.Options{Shared: true})
	c, err := l.Counts(t.Context())
	ledgertest.Must(t, err)
	if want := nodes * studies * slices / 2; c.Instances != want || c.Bytes != int64(want)*1000 {
		t.Errorf("%d instances, %d bytes; want %d of 1000", c.Instances, c.Bytes, want)
	}
	ledgertest.CountersHold(t, db.Pool(), func(column string) string { return `false` })
	if n := ledgertest.Rows(t, db.Pool(), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n[0] != "0" {
		t.Errorf("%s deadlocks", n[0])
	}
}

// Transactions that meet run again, from the start.
func TestUpdate_RunsAgainAfterADeadlock(t *testing.T) {
	_, db := opened(t, place(t), ledger.Options{})
	ctx := t.Context()
	ledgertest.Must(t, db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO destination (name) VALUES ('a'), ('b')`)
		return err
	}))
	var tries atomic.Int32
	var both, done sync.WaitGroup
	both.Add(2)
	for n, names := range [][]string{{"a", "b"}, {"b", "a"}} {
		done.Go(func() {
			first := true
			err := db.Update(ctx, func(tx *sql.Tx) error {
				tries.Add(1)
				for i, name := range names {
					if i == 1 && first {
						first = false
						both.Done()
						both.Wait()
					}
					if _, err := tx.ExecContext(ctx, `UPDATE destination SET sent_at = sent_at + 1 WHERE name = ?`, name); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("transaction %d: %v", n, err)
			}
		})
	}
	done.Wait()
	got := ledgertest.Rows(t, db.Pool(), `SELECT name, sent_at FROM destination ORDER BY 1`)
	if !cmp.Equal(got, []string{"a|2", "b|2"}) || tries.Load() < 3 {
		t.Errorf("rows %v after %d tries", got, tries.Load())
	}
}

// While the database is away rows wait, and jobs do not fail for it.
func TestRestart(t *testing.T) {
	server := pgtest.Start(t)
	l, db := opened(t, server.Database(t, "", nil), ledger.Options{MaxAttempts: 1, Shared: true})
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))
	_, err := l.Settle(t.Context(), "1.2", "test")
	ledgertest.Must(t, err)
	server.Stop(t, syscall.SIGINT)
	ledgertest.Must(t, l.Record(t.Context(), ledgertest.Slice("1.2", 2)))
	ledgertest.WaitFor(t, "a commit to fail", func() bool { return l.Fault() != nil })
	if text := l.Fault().Error(); !strings.Contains(text, "see whether the database runs") {
		t.Errorf("fault %q", text)
	}
	server.Again(t)
	ledgertest.Must(t, l.Flush(t.Context()))
	if h := ledgertest.History(t, l, "1.2"); len(h.Instances) != 2 {
		t.Errorf("%d instances, want 2", len(h.Instances))
	}
	ledgertest.Must(t, l.StartJobs(t.Context(), ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			server.Stop(t, syscall.SIGINT)
			defer server.Again(t)
			return l.Begin(ctx, id)
		},
		Deliver: func(context.Context, int64, string) error { return nil },
	}, 1))
	ledgertest.WaitFor(t, "the job to wait", func() bool {
		jobs, err := db.Pool().QueryContext(t.Context(), `
			SELECT 1 FROM river_job WHERE kind = 'process' AND state = 'scheduled' AND coalesce(cardinality(errors), 0) = 0`)
		if err != nil {
			return false
		}
		defer jobs.Close()
		return jobs.Next()
	})
}

// One node has a ledger for itself unless it says otherwise.
func TestOpen_ForItself(t *testing.T) {
	at := place(t)
	l, db := opened(t, at, ledger.Options{})
	if held := db.Held(); held == nil || !*held {
		t.Error("not held")
	}
	if _, err := ledger.Open(t.Context(), at, ledger.Options{}); !errors.Is(err, postgres.ErrHeld) {
		t.Errorf("second node: %v", err)
	}
	if err := postgres.Check(t.Context(), at, postgres.Options{}); !errors.Is(err, postgres.ErrHeld) {
		t.Errorf("check: %v", err)
	}
	ledgertest.Must(t, l.Close(), postgres.Check(t.Context(), at, postgres.Options{}))
}

// inLatin1 makes a database beside another one that holds the letters of Western Europe alone.
func inLatin1(t *testing.T, beside string) (address string) {
	t.Helper()
	db, err := sql.Open("pgx", beside)
	ledgertest.Must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE DATABASE western TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`)
	ledgertest.Must(t, err)
	u, err := url.Parse(beside)
	ledgertest.Must(t, err)
	u.Path = "/western"
	return u.String()
}

func TestOpen_Refusals(t *testing.T) {
	empty := pgtest.Shared(t).Database(t, "", nil)
	newer := place(t)
	_, db := opened(t, newer, ledger.Options{Shared: true})
	_, err := db.Pool().ExecContext(t.Context(), `UPDATE ledger_version SET version = 99, bears = 98`)
	ledgertest.Must(t, err)
	adds := place(t)
	_, db = opened(t, adds, ledger.Options{Shared: true})
	_, err = db.Pool().ExecContext(t.Context(), `UPDATE ledger_version SET version = 99`) // whose migrations have only added
	ledgertest.Must(t, err)
	for _, opt := range []ledger.Options{{Shared: true}, {ReadOnly: true}} {
		l, err := ledger.Open(t.Context(), adds, opt)
		ledgertest.Must(t, err)
		ledgertest.Must(t, l.Close())
	}
	nowhere := strings.Replace(empty, "/test", "/nowhere", 1)
	western := inLatin1(t, empty)
	if err := postgres.Check(t.Context(), western, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "LATIN1") {
		t.Errorf("check of a database for Western Europe: %v", err)
	}
	standby := empty + "&default_transaction_read_only=on"
	if err := postgres.Check(t.Context(), standby, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "only reads") {
		t.Errorf("check of a server that only reads: %v", err)
	}
	secret := func() (string, error) { return "geheim", nil }
	for _, c := range []struct {
		name, at, want string
		opt            ledger.Options
	}{
		{"no ledger", empty, "has the node ever been started", ledger.Options{ReadOnly: true}},
		{"newer", newer, "written by a newer program", ledger.Options{Shared: true}},
		{"newer, to look", newer, "written by a newer program", ledger.Options{ReadOnly: true}},
		{"Western Europe", western, "--encoding UTF8", ledger.Options{}},
		{"only reads", standby, "name the one that writes", ledger.Options{}},
		{"no database", nowhere, "create the database", ledger.Options{}},
		{"no server", "postgres://u:secret@127.0.0.1:1/db", "see whether the database runs", ledger.Options{Password: secret}},
	} {
		_, err := ledger.Open(t.Context(), c.at, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		} else if text := err.Error(); strings.Contains(text, "secret") || strings.Contains(text, "geheim") {
			t.Errorf("%s: %v names the password", c.name, err)
		}
	}
}
