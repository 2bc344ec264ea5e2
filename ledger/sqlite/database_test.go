package sqlite_test

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/sqlite"
)

var engine = ledgertest.Engine{
	Place: func(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger.db") },
	Open:  ledger.Open,
}

func TestMain(m *testing.M) {
	if asAnotherUser(os.Getenv(ledgertest.RoleVariable)) || ledgertest.Child(engine) {
		return
	}
	goleak.VerifyTestMain(m)
}

// What every engine promises.
func TestLedger(t *testing.T) { ledgertest.Run(t, engine) }

// opened is a ledger with the database that it is in, until the test ends.
func opened(t *testing.T, path string, opt ledger.Options) (*ledger.Ledger, *sqlite.Database) {
	t.Helper()
	opt.TestOnly = true
	opt.Logger = slog.New(slog.DiscardHandler)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: opt.ReadOnly, Beside: opt.Beside, Logger: opt.Logger})
	ledgertest.Must(t, err)
	l, err := ledger.New(db, opt)
	ledgertest.Must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, db
}

func openTest(t *testing.T, path string, opt ledger.Options) *ledger.Ledger {
	t.Helper()
	l, _ := opened(t, path, opt)
	return l
}

func TestOpen_MigratesOnceAndReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "ledger.db")
	for range 2 {
		l, db := opened(t, path, ledger.Options{})
		texts, err := sqlite.Migrations()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := sqlite.UserVersion(t.Context(), db.Writer()); err != nil || v != len(texts) {
			t.Errorf("version %d, %v; want %d", v, err, len(texts))
		}
		ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := openTest(t, path, ledger.Options{})
	if h := ledgertest.History(t, l, "1.2"); len(h.Instances) != 1 || h.Instances[0].ReceivedAgain != 1 {
		t.Errorf("instances %+v, want one, received once again", h.Instances)
	}
}

func TestOpen_Durable(t *testing.T) {
	_, db := opened(t, filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	var mode string
	var synchronous int
	if err := db.Writer().QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	if err := db.Writer().QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil {
		t.Fatal(err)
	}
	if mode != "wal" || synchronous != 2 {
		t.Errorf("journal %s, synchronous %d; want wal and 2 (FULL)", mode, synchronous)
	}
}

func TestOpen_RefusesNewerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, db := opened(t, path, ledger.Options{})
	if _, err := db.Writer().Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, opt := range []ledger.Options{{}, {ReadOnly: true}, {Beside: true}} {
		_, err := ledger.Open(t.Context(), path, opt)
		if err == nil || !strings.Contains(err.Error(), "version 99") {
			t.Errorf("%+v: %v, want an error about version 99", opt, err)
		}
	}
}

// A second node, of a newer version say, leaves a ledger alone that another one works on, and says so before it changes anything.
func TestOpen_OneProcessPerLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	_, db := opened(t, path, ledger.Options{})
	older(t, db)
	if _, err := ledger.Open(t.Context(), path, ledger.Options{}); err == nil || !strings.Contains(err.Error(), "another node") {
		t.Errorf("second node: %v", err)
	}
	if v, err := sqlite.UserVersion(t.Context(), db.Reader()); err != nil || v != 1 {
		t.Errorf("version %d, %v: the second node migrated it", v, err)
	}
}

// Nobody but the node migrates.
func TestOpen_BesideNeedsTheVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	_, err := ledger.Open(t.Context(), path, ledger.Options{Beside: true})
	if err == nil || !strings.Contains(err.Error(), "ever been started") {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("made a ledger beside a node that never was")
	}
	_, db := opened(t, path, ledger.Options{})
	older(t, db)
	for _, opt := range []ledger.Options{{Beside: true}, {ReadOnly: true}} {
		_, err := ledger.Open(t.Context(), path, opt)
		if err == nil || !strings.Contains(err.Error(), "start the node with this program first") {
			t.Errorf("%+v: %v", opt, err)
		}
	}
	if v, err := sqlite.UserVersion(t.Context(), db.Reader()); err != nil || v != 1 {
		t.Errorf("version %d, %v: it was migrated", v, err)
	}
}

// older makes the ledger say that a program of its first version wrote it.
func older(t *testing.T, db *sqlite.Database) {
	t.Helper()
	if _, err := db.Writer().Exec("PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_ReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a dir?with#odd%signs", "ledger.db")
	if _, err := ledger.Open(t.Context(), path, ledger.Options{ReadOnly: true}); err == nil {
		t.Fatal("opened a file that is not there")
	}
	l := openTest(t, path, ledger.Options{})
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	r, db := opened(t, path, ledger.Options{ReadOnly: true})
	if c, err := r.Counts(t.Context()); err != nil || c.Instances != 1 {
		t.Errorf("counts %+v, %v; want one instance", c, err)
	}
	if err := r.Record(t.Context(), ledgertest.Slice("1.2", 2)); err == nil {
		t.Error("recorded through a ledger opened for reading")
	}
	if err := r.Requeue(t.Context(), "1.2"); err == nil {
		t.Error("requeued through a ledger opened for reading")
	}
	if _, err := db.Reader().Exec("DELETE FROM instance"); err == nil {
		t.Error("deleted through a connection for reading")
	}
}

// While the writer is held up, rows gather; then they are committed together.
func TestRecord_GathersIntoOneCommit(t *testing.T) {
	l, db := opened(t, filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	ledgertest.Record(t, l, ledgertest.Slice("1.1", 0))
	hold := make(chan struct{})
	held := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- db.Update(context.Background(), func(tx *sql.Tx) error {
			close(held)
			<-hold
			return nil
		})
	}()
	<-held
	// The first entry goes to the writer, which waits for the connection; the rest queue up.
	for n := range 300 {
		if err := l.Record(t.Context(), ledgertest.Slice("1.2", n)); err != nil {
			t.Fatal(err)
		}
	}
	var before, after int
	conn, err := db.Reader().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	count := func(n *int) {
		if err := conn.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(n); err != nil {
			t.Fatal(err)
		}
	}
	count(&before)
	close(hold)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	count(&after)
	if after == before {
		t.Fatal("no commit seen")
	}
	if h := ledgertest.History(t, l, "1.2"); len(h.Instances) != 300 {
		t.Errorf("%d instances, want 300", len(h.Instances))
	}
}

// A full disk stops the ledger, not the node: rows wait, callers are told, and all is
// written when there is room again.
func TestRecord_DiskFullThenRoom(t *testing.T) {
	l, db := opened(t, filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 0))
	if _, err := db.Writer().Exec("PRAGMA max_page_count = 1"); err != nil { // as small as it is now
		t.Fatal(err)
	}
	recorded := 0
	err := error(nil)
	next := func(wait time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		if err = l.Record(ctx, ledgertest.Slice("1.2", recorded+1)); err == nil {
			recorded++
		}
	}
	for range 512 { // a batch
		next(time.Minute)
	}
	ledgertest.WaitFor(t, "a commit to fail", func() bool { return l.Fault() != nil })
	for err == nil && recorded < 10_000 {
		next(100 * time.Millisecond)
	}
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("after %d rows: %v; want the reason why the ledger cannot write", recorded, err)
	}
	if l.Fault() == nil {
		t.Error("no fault shown")
	}
	if _, err := db.Writer().Exec("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Fault(); err != nil {
		t.Errorf("fault stays: %v", err)
	}
	if c, err := l.Counts(t.Context()); err != nil || c.Instances != recorded+1 {
		t.Errorf("%d instances, %v; want %d", c.Instances, err, recorded+1)
	}
}

func BenchmarkRecord(b *testing.B) {
	l, err := ledger.Open(b.Context(), filepath.Join(b.TempDir(), "l.db"), ledger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ResetTimer()
	for n := range b.N {
		if err := l.Record(b.Context(), ledgertest.Slice("1.2", n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func TestCommitments_TriedAMomentAgo(t *testing.T) {
	_, db := opened(t, filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{})
	ledgertest.FindsTriedRequests(t, db.Reader(), `EXPLAIN QUERY PLAN`)
}

func TestJobs_AreFoundAmongMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, db := opened(t, path, ledger.Options{})
	ledgertest.FindsWaitingJob(t, db.Reader(), db.Update, `jsonb(?)`, `EXPLAIN QUERY PLAN`)
	// The index is gone now, as when a newer job library makes its table anew.
	ledgertest.Must(t, l.Close())
	_, db = opened(t, path, ledger.Options{})
	if got := ledgertest.Rows(t, db.Reader(), `SELECT COUNT(*) FROM sqlite_master WHERE name = 'river_job_key'`); got[0] != "1" {
		t.Error("the next start does not make the index again")
	}
}
