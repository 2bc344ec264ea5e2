package sqlite_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/sqlite"
)

// positive is a condition: that the decision in a column of findings is.
func positive(column string) string { return `json_extract(` + column + `, '$.decision.positive') = 1` }

// The counters say at any time what counting would say, whatever happens to studies; and a migration fills them with the same.
func TestCounters_AreWhatCountingGives(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			now := time.UnixMilli(1_770_000_000_000)
			opt := ledgertest.Work()
			opt.Now = func() time.Time { now = now.Add(7 * time.Minute); return now }
			l, db := opened(t, path, opt)
			ledgertest.Happen(t, l, db.Reader(), seed, positive)
			before := ledgertest.Counters(t, db.Reader())
			ledgertest.Must(t, l.Close())
			forgetStanding(t, path)
			_, db = opened(t, path, ledger.Options{})
			if diff := cmp.Diff(before, ledgertest.Counters(t, db.Reader())); diff != "" {
				t.Errorf("the migration (-kept +filled):\n%s", diff)
			}
		})
	}
}

// An old ledger gets counters that fit its rows.
func TestCounters_OfOlderLedgers(t *testing.T) {
	packed, err := filepath.Glob("../../testdata/ledgers/*.db.gz")
	if err != nil || len(packed) == 0 {
		t.Fatalf("%d ledgers, %v", len(packed), err)
	}
	for _, from := range packed {
		path := filepath.Join(t.TempDir(), "ledger.db")
		unzip(t, from, path)
		_, db := opened(t, path, ledger.Options{})
		t.Log(from)
		ledgertest.CountersHold(t, db.Reader(), positive)
	}
}

// Thinning out takes rows and no count.
func TestCounters_StayWhenRowsGo(t *testing.T) {
	now := time.UnixMilli(1_770_000_000_000)
	opt := ledgertest.Work()
	opt.Receivers, opt.CommitmentFrom = nil, nil // that nobody answers here
	opt.Now = func() time.Time { now = now.Add(7 * time.Minute); return now }
	l, db := opened(t, filepath.Join(t.TempDir(), "ledger.db"), opt)
	ledgertest.Thinning(t, l, db.Reader(), opt.Now)
}

func unzip(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	ledgertest.Must(t, err)
	defer f.Close()
	content, err := gzip.NewReader(f)
	ledgertest.Must(t, err)
	text, err := io.ReadAll(content)
	ledgertest.Must(t, err)
	ledgertest.Must(t, os.WriteFile(to, text, 0o600))
}

// forgetStanding takes a ledger back to the version before its counters.
func forgetStanding(t *testing.T, path string) {
	t.Helper()
	db, err := sqlite.OpenPool(path)
	ledgertest.Must(t, err)
	defer db.Close()
	statements := []string{`CREATE INDEX delivery_state ON delivery (state, created_at)`, `PRAGMA user_version = 8`}
	for _, trigger := range ledgertest.Rows(t, db, `SELECT name FROM sqlite_master WHERE type = 'trigger'`) {
		statements = append(statements, `DROP TRIGGER `+trigger)
	}
	for _, view := range []string{"received", "day", "peer", "counter", "study_count"} {
		statements = append(statements, `DROP VIEW `+view+`_now`)
	}
	for _, index := range []string{"study_state", "study_calling_ae", "study_result", "study_accession", "study_missing", "revision_open",
		"delivery_waiting", "delivery_failed", "study_to_thin",
		"study_delivery_waiting", "study_delivery_failed", "instance_at", "river_job_key", "confirmation_tried"} {
		statements = append(statements, `DROP INDEX `+index)
	}
	for _, table := range []string{"node", "peer", "destination", "received", "day", "counter", "study_count", "study_delivery", "brief",
		"hold"} {
		statements = append(statements, `DROP TABLE `+table)
	}
	for _, column := range []string{"calling_ae", "accession", "flagged", "result", "newest", "thinned_at", "thinned", "again_at"} {
		statements = append(statements, `ALTER TABLE study DROP COLUMN `+column)
	}
	statements = append(statements, `ALTER TABLE delivery DROP COLUMN begun_at`, `ALTER TABLE instance DROP COLUMN at`,
		`ALTER TABLE instance DROP COLUMN gone`)
	for _, s := range append(statements, `CREATE INDEX study_state ON study (state)`) {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// What the only node said of itself stays its own when there may be several.
func TestMigrate_KeepsTheSignOfLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, _ := opened(t, path, ledger.Options{})
	recorded := time.UnixMilli(1_770_000_000_000).UTC()
	ledgertest.Must(t, l.SignOfLife(t.Context(), ledger.Alive{RecordedAt: recorded, PID: 7}))
	ledgertest.Must(t, l.Close())
	forgetNodes(t, path)
	l, _ = opened(t, path, ledger.Options{})
	a, err := l.Alive(t.Context(), "")
	ledgertest.Must(t, err)
	if !a.RecordedAt.Equal(recorded) || a.PID != 7 {
		t.Errorf("%+v", a)
	}
}

// forgetNodes takes a ledger back to the version in which there is one node.
func forgetNodes(t *testing.T, path string) {
	t.Helper()
	db, err := sqlite.OpenPool(path)
	ledgertest.Must(t, err)
	defer db.Close()
	for _, s := range []string{
		`DROP VIEW received_now`, `DROP VIEW day_now`, `DROP VIEW peer_now`, `DROP VIEW counter_now`, `DROP VIEW study_count_now`,
		`ALTER TABLE study DROP COLUMN again_at`, `ALTER TABLE instance DROP COLUMN gone`, `DROP INDEX river_job_key`,
		`DROP INDEX confirmation_tried`,
		`CREATE TABLE alive AS SELECT 1 AS id, * FROM (SELECT started_at, seen_at, stopped_at, recorded_at, pid, version, config_path,
			config_hash, device, weights, free, reserve, work FROM node)`,
		`DROP TABLE node`, `ALTER TABLE delivery DROP COLUMN begun_at`, `DROP TABLE hold`, `DROP INDEX instance_at`,
		`ALTER TABLE instance DROP COLUMN at`,
		`PRAGMA user_version = 12`,
	} {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
