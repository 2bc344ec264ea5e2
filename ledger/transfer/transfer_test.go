package transfer_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
	"jcsnode/ledger/sqlite"
	"jcsnode/ledger/transfer"
	"jcsnode/pgtest"
)

var quiet = slog.New(slog.DiscardHandler)

// lived is the file of a ledger in which much has happened, and what is in it.
func lived(t *testing.T) (path string, counters map[string][]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ledger.db")
	opt := ledgertest.Work()
	opt.Logger = quiet
	now := time.UnixMilli(1_770_000_000_000)
	opt.Now = func() time.Time { now = now.Add(7 * time.Minute); return now }
	l, err := ledger.Open(t.Context(), path, opt)
	ledgertest.Must(t, err)
	// A string that PostgreSQL does not hold.
	ledgertest.Must(t, l.Called(t.Context(), "CT\x001", "10.0.0.1", "", now))
	db := pool(t, "sqlite3", (&url.URL{Scheme: "file", Opaque: path, RawQuery: "mode=ro"}).String())
	ledgertest.Happen(t, l, db, 7, func(column string) string { return `json_extract(` + column + `, '$.decision.positive') = 1` })
	counters = ledgertest.Counters(t, db)
	delete(counters, "callers") // the string
	ledgertest.Must(t, l.Close())
	return path, counters
}

func pool(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	ledgertest.Must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// move copies, with the file and the database open no longer than that takes.
func move(t *testing.T, path, address string, opt transfer.Options) (r transfer.Result, err error) {
	t.Helper()
	from, err := sqlite.Open(t.Context(), path, sqlite.Options{Logger: quiet})
	ledgertest.Must(t, err)
	defer from.Close()
	to, err := postgres.Open(t.Context(), address, postgres.Options{Logger: quiet})
	ledgertest.Must(t, err)
	defer to.Close()
	refused := transfer.Check(t.Context(), from, to)
	r, err = transfer.Copy(t.Context(), from, to, opt)
	if errors.Is(refused, transfer.ErrOther) != errors.Is(err, transfer.ErrOther) || refused != nil && err == nil {
		t.Errorf("said beforehand: %v; then: %v", refused, err)
	}
	return r, err
}

// All that was recorded is there, counters included, though the first attempt ended just before its end. The ledger then goes on: numbers
// follow those that were given, and what waited gets its job.
func TestCopy(t *testing.T) {
	path, counters := lived(t)
	address := pgtest.Shared(t).Database(t, "", nil)
	db := pool(t, "pgx", address)
	positive := func(column string) string {
		return `CAST(nullif(` + column + `, '') AS jsonb) #>> '{decision,positive}' = 'true'`
	}
	gone := errors.New("the lights went out")
	if _, err := move(t, path, address, transfer.Options{Copied: func() error { return gone }}); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	if left := ledgertest.Rows(t, db, `SELECT COUNT(*) FROM study`); left[0] != "0" {
		t.Errorf("%s studies of half a move", left[0])
	}
	first, err := move(t, path, address, transfer.Options{})
	ledgertest.Must(t, err)
	if first.Already || first.Rows() < 300 || first.Tables["instance"].Rows == 0 || first.Tables["notification"].Rows == 0 {
		t.Errorf("moved %+v", first)
	}
	got := ledgertest.Counters(t, db)
	delete(got, "callers")
	if diff := cmp.Diff(counters, got); diff != "" {
		t.Errorf("counters (-file +database):\n%s", diff)
	}
	ledgertest.CountersHold(t, db, positive)
	again, err := move(t, path, address, transfer.Options{})
	ledgertest.Must(t, err)
	if !again.Already || cmp.Diff(first.Tables, again.Tables) != "" {
		t.Errorf("the second time: %+v", again)
	}

	opt := ledgertest.Work()
	opt.Logger, opt.TestOnly = quiet, true
	l, err := ledger.Open(t.Context(), address, opt)
	ledgertest.Must(t, err)
	waiting := ledgertest.Rows(t, db, `SELECT DISTINCT r.id, d.destination FROM delivery d JOIN object o ON o.id = d.object_id
		JOIN revision r ON r.id = o.revision_id WHERE d.state = 'waiting'`)
	var asked atomic.Int64
	ledgertest.Must(t, l.StartJobs(t.Context(), ledger.Handlers{
		Process: func(context.Context, int64) error { return nil },
		Deliver: func(context.Context, int64, string) error { asked.Add(1); return nil },
	}, 1, opt.Destinations...))
	ledgertest.WaitFor(t, "each that waits is delivered", func() bool { return int(asked.Load()) >= len(waiting) })
	if len(waiting) == 0 {
		t.Error("nothing waits")
	}
	ledgertest.Record(t, l, ledgertest.Slice("1.3", 1))
	_, err = l.Settle(t.Context(), "1.3", "test")
	ledgertest.Must(t, err)
	ledgertest.CountersHold(t, db, positive)
	ledgertest.Must(t, l.Close())
	if _, err := move(t, path, address, transfer.Options{}); !errors.Is(err, transfer.ErrOther) {
		t.Errorf("a ledger that has gone on: %v", err)
	}
}

// A ledger that somebody works on, or that is another, is left alone.
func TestCopy_Refuses(t *testing.T) {
	path, _ := lived(t)
	address := pgtest.Shared(t).Database(t, "", nil)
	l, err := ledger.Open(t.Context(), address, ledger.Options{Logger: quiet})
	ledgertest.Must(t, err)
	if _, err := postgres.Open(t.Context(), address, postgres.Options{Logger: quiet}); !errors.Is(err, postgres.ErrHeld) {
		t.Errorf("a ledger that a node works on: %v", err)
	}
	ledgertest.Record(t, l, ledgertest.Slice("1.9", 1))
	ledgertest.Must(t, l.Close())
	if _, err := move(t, path, address, transfer.Options{}); !errors.Is(err, transfer.ErrOther) {
		t.Errorf("another ledger: %v", err)
	}
}
