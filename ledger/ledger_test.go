package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("LEDGER_TEST_CHILD"); role != "" {
		child(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func openTest(t *testing.T, path string, opt Options) *Ledger {
	t.Helper()
	opt.TestOnly = true
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func tempLedger(t *testing.T, opt Options) *Ledger {
	t.Helper()
	return openTest(t, filepath.Join(t.TempDir(), "ledger.db"), opt)
}

// slice is instance n of a study; n is also its content.
func slice(study string, n int) Instance {
	return Instance{
		StudyUID: study, SeriesUID: study + ".1", SOPInstanceUID: fmt.Sprintf("%s.1.%d", study, n),
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", TransferSyntaxUID: "1.2.840.10008.1.2.1",
		Path: fmt.Sprintf("inbox/%s/%d.dcm", study, n), Digest: fmt.Sprint(n), Size: 1000,
		CallingAE: "CT1", CalledAE: "JCS", RemoteAddr: "127.0.0.1:1", Association: "a1",
	}
}

func record(t *testing.T, l *Ledger, instances ...Instance) {
	t.Helper()
	for _, i := range instances {
		if err := l.Record(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func history(t *testing.T, l *Ledger, study string) *History {
	t.Helper()
	h, err := l.History(t.Context(), study)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func eventKinds(h *History) string {
	var kinds []string
	for _, e := range h.Events {
		kinds = append(kinds, e.Kind)
	}
	return strings.Join(kinds, ", ")
}

func TestOpen_MigratesOnceAndReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "ledger.db")
	for range 2 {
		l, err := Open(t.Context(), path, Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		texts, err := migrations()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := userVersion(t.Context(), l.write); err != nil || v != len(texts) {
			t.Errorf("version %d, %v; want %d", v, err, len(texts))
		}
		record(t, l, slice("1.2", 1))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := openTest(t, path, Options{})
	if h := history(t, l, "1.2"); len(h.Instances) != 1 || h.Instances[0].ReceivedAgain != 1 {
		t.Errorf("instances %+v, want one, received once again", h.Instances)
	}
}

func TestOpen_Durable(t *testing.T) {
	l := tempLedger(t, Options{})
	var mode string
	var synchronous int
	if err := l.write.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	if err := l.write.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil {
		t.Fatal(err)
	}
	if mode != "wal" || synchronous != 2 {
		t.Errorf("journal %s, synchronous %d; want wal and 2 (FULL)", mode, synchronous)
	}
}

func TestOpen_RefusesNewerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path, Options{})
	if _, err := l.write.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, opt := range []Options{{}, {ReadOnly: true}, {Beside: true}} {
		_, err := Open(t.Context(), path, opt)
		if err == nil || !strings.Contains(err.Error(), "version 99") {
			t.Errorf("%+v: %v, want an error about version 99", opt, err)
		}
	}
}

// A second node, of a newer version say, leaves a ledger alone that another one works on, and says so before it changes anything.
func TestOpen_OneProcessPerLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path, Options{})
	older(t, l)
	if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "another node") {
		t.Errorf("second node: %v", err)
	}
	if v, err := userVersion(t.Context(), l.read); err != nil || v != 1 {
		t.Errorf("version %d, %v: the second node migrated it", v, err)
	}
}

// Nobody but the node migrates.
func TestOpen_BesideNeedsTheVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if _, err := Open(t.Context(), path, Options{Beside: true}); err == nil || !strings.Contains(err.Error(), "ever been started") {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("made a ledger beside a node that never was")
	}
	l := openTest(t, path, Options{})
	older(t, l)
	for _, opt := range []Options{{Beside: true}, {ReadOnly: true}} {
		if _, err := Open(t.Context(), path, opt); err == nil || !strings.Contains(err.Error(), "start the node with this program first") {
			t.Errorf("%+v: %v", opt, err)
		}
	}
	if v, err := userVersion(t.Context(), l.read); err != nil || v != 1 {
		t.Errorf("version %d, %v: it was migrated", v, err)
	}
}

// A stopped node finds at its next start what it was asked for meanwhile.
func TestOpen_BesideAfterAStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openTest(t, path, Options{})
	must(t, l.NotProcessed(t.Context(), settle(t, l, "1.2").ID, Reason{Code: "test", Text: "test"}, nil))
	must(t, l.Close())
	beside := openTest(t, path, Options{Beside: true})
	must(t, beside.Requeue(t.Context(), "1.2"))
	must(t, beside.Close())
	if h := history(t, openTest(t, path, Options{}), "1.2"); h.State != StateSettled {
		t.Errorf("state %s, want settled", h.State)
	}
}

// older makes the ledger say that a program of its first version wrote it.
func older(t *testing.T, l *Ledger) {
	t.Helper()
	if _, err := l.write.Exec("PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_ReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a dir?with#odd%signs", "ledger.db")
	if _, err := Open(t.Context(), path, Options{ReadOnly: true}); err == nil {
		t.Fatal("opened a file that is not there")
	}
	l := openTest(t, path, Options{})
	record(t, l, slice("1.2", 1))
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	r := openTest(t, path, Options{ReadOnly: true})
	if c, err := r.Counts(t.Context()); err != nil || c.Instances != 1 {
		t.Errorf("counts %+v, %v; want one instance", c, err)
	}
	if err := r.Record(t.Context(), slice("1.2", 2)); err == nil {
		t.Error("recorded through a ledger opened for reading")
	}
	if err := r.Requeue(t.Context(), "1.2"); err == nil {
		t.Error("requeued through a ledger opened for reading")
	}
	if _, err := r.read.Exec("DELETE FROM instance"); err == nil {
		t.Error("deleted through a connection for reading")
	}
}

func TestClosed(t *testing.T) {
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "l.db"), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Record(t.Context(), slice("1", 1)); err != ErrClosed {
		t.Errorf("record after close: %v", err)
	}
	if err := l.Flush(t.Context()); err != ErrClosed {
		t.Errorf("flush after close: %v", err)
	}
}

func TestClose_CommitsWhatWasRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l, err := Open(t.Context(), path, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		if err := l.Record(t.Context(), slice("1.2", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openTest(t, path, Options{})
	if c, err := l.Counts(t.Context()); err != nil || c.Instances != 1000 {
		t.Errorf("%d instances, %v; want 1000", c.Instances, err)
	}
}

// While the writer is held up, rows gather; then they are committed together.
func TestRecord_GathersIntoOneCommit(t *testing.T) {
	l := tempLedger(t, Options{})
	record(t, l, slice("1.1", 0))
	hold := make(chan struct{})
	held := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- l.update(context.Background(), func(tx *sql.Tx) error {
			close(held)
			<-hold
			return nil
		})
	}()
	<-held
	// The first entry goes to the writer, which waits for the connection; the rest queue up.
	for n := range 300 {
		if err := l.Record(t.Context(), slice("1.2", n)); err != nil {
			t.Fatal(err)
		}
	}
	var before, after int
	conn, err := l.read.Conn(t.Context())
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
	if h := history(t, l, "1.2"); len(h.Instances) != 300 {
		t.Errorf("%d instances, want 300", len(h.Instances))
	}
}

// A full disk stops the ledger, not the node: rows wait, callers are told, and all is
// written when there is room again.
func TestRecord_DiskFullThenRoom(t *testing.T) {
	l := tempLedger(t, Options{})
	record(t, l, slice("1.2", 0))
	if _, err := l.write.Exec("PRAGMA max_page_count = 1"); err != nil { // as small as it is now
		t.Fatal(err)
	}
	recorded := 0
	err := error(nil)
	next := func(wait time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		if err = l.Record(ctx, slice("1.2", recorded+1)); err == nil {
			recorded++
		}
	}
	for range batchLength {
		next(time.Minute)
	}
	waitFor(t, "a commit to fail", func() bool { return l.Fault() != nil })
	for err == nil && recorded < queueLength+2*batchLength {
		next(100 * time.Millisecond)
	}
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("after %d rows: %v; want the reason why the ledger cannot write", recorded, err)
	}
	if l.Fault() == nil {
		t.Error("no fault shown")
	}
	if _, err := l.write.Exec("PRAGMA max_page_count = 1000000"); err != nil {
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

func TestConcurrentReadersAndWriters(t *testing.T) {
	l := tempLedger(t, Options{})
	ctx := t.Context()
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			study := fmt.Sprintf("1.2.%d", w)
			for n := range 100 {
				if err := l.Record(ctx, slice(study, n)); err != nil {
					t.Error(err)
				}
			}
			if _, err := l.Settle(ctx, study, "test"); err != nil {
				t.Error(err)
			}
		})
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := l.Receiving(ctx); err != nil {
					t.Error(err)
				}
				all, err := l.Studies(ctx, Filter{})
				if err != nil {
					t.Error(err)
				}
				for _, s := range all {
					if h, err := l.History(ctx, s.StudyUID); err != nil || len(h.Events) == 0 {
						t.Errorf("history of %s: %v", s.StudyUID, err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	c, err := l.Counts(ctx)
	if err != nil || c.Instances != 400 || c.Studies[StateSettled] != 4 {
		t.Errorf("counts %+v, %v; want 400 instances in 4 settled studies", c, err)
	}
}

func BenchmarkRecord(b *testing.B) {
	l, err := Open(b.Context(), filepath.Join(b.TempDir(), "l.db"), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ResetTimer()
	for n := range b.N {
		if err := l.Record(b.Context(), slice("1.2", n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}
