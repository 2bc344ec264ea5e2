package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
	"jcsnode/pgtest"
)

// A password that is changed, at the server first, is taken from its file at the next connection. What fails in between is not the fault
// of what was being done.
func TestPassword_IsReadAgain(t *testing.T) {
	server := pgtest.Start(t)
	address := server.Database(t, "", nil)
	admin, err := sql.Open("pgx", address)
	ledgertest.Must(t, err)
	defer admin.Close()
	rules := filepath.Join(server.Folder(), "data", "pg_hba.conf")
	ledgertest.Must(t, os.WriteFile(rules, []byte("host all node all scram-sha-256\nhost all all all trust\n"), 0o644))
	reload := func(statements ...string) {
		for _, s := range append(statements, `SELECT pg_reload_conf()`) {
			if _, err := admin.ExecContext(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	reload(`CREATE ROLE node LOGIN SUPERUSER PASSWORD 'first'`)
	file := atomic.Pointer[string]{}
	write := func(text string) { file.Store(&text) }
	opt := ledger.Options{Password: func() (string, error) {
		if text := *file.Load(); text != "" {
			return text, nil
		}
		return "", errors.New("the file is gone")
	}}
	at := strings.Replace(address, "postgres@", "node@", 1)
	write("wrong")
	ledgertest.WaitFor(t, "the rules", func() bool {
		_, err := ledger.Open(t.Context(), at, opt)
		return err != nil && strings.Contains(err.Error(), "check user, password_file")
	})
	write("first")
	l, db := opened(t, at, opt)
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))

	const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'node'`
	reload(`ALTER ROLE node PASSWORD 'second'`, cut)
	for _, text := range []string{"first", ""} {
		write(text)
		ledgertest.WaitFor(t, "it is refused", func() bool { return l.Probe(t.Context()) != nil })
		if err := l.Probe(t.Context()); !db.Passing(err) || !strings.Contains(err.Error(), "(") {
			t.Errorf("with %q: %v", text, err)
		}
	}
	ledgertest.Must(t, l.Record(t.Context(), ledgertest.Slice("1.2", 2)))
	write("second")
	ledgertest.WaitFor(t, "all is recorded", func() bool { return l.Flush(t.Context()) == nil && l.Fault() == nil })
	if h := ledgertest.History(t, l, "1.2"); len(h.Instances) != 2 {
		t.Errorf("%d instances", len(h.Instances))
	}
}

// Only what the database said, or did not, passes: errors of files and of other connections look like those of a lost one.
func TestPassing_IsOfTheDatabaseAlone(t *testing.T) {
	db := &postgres.Database{}
	for _, err := range []error{
		nil, &os.PathError{Op: "open", Path: "1.dcm", Err: syscall.ENOENT}, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded,
		syscall.ECONNREFUSED, db.InWords(errors.New("no such column")),
	} {
		if db.Passing(err) {
			t.Errorf("%v passes", err)
		}
	}
	if err := db.InWords(io.ErrUnexpectedEOF); !db.Passing(fmt.Errorf("write: %w", err)) {
		t.Errorf("%v does not pass", err)
	}
}

// Who cannot change for whom the ledger works, since the database is away or was a moment ago, learns that this is why.
func TestSetParties_WhileTheDatabaseIsAway(t *testing.T) {
	server := pgtest.Start(t)
	l, _ := opened(t, server.Database(t, "", nil), ledger.Options{})
	start := func() {
		ledgertest.Must(t, l.StartJobs(t.Context(), ledger.Handlers{
			Process:       func(context.Context, int64) error { return nil },
			Deliver:       func(context.Context, int64, string) error { return nil },
			Notify:        func(context.Context, int64) error { return nil },
			CommitmentSCU: func(context.Context, int64) error { return nil },
		}, 1))
	}
	start()
	parties := ledger.Parties{Destinations: []string{"pacs"}}
	server.Stop(t, syscall.SIGINT)
	if err := l.SetParties(parties); !errors.Is(err, ledger.ErrAway) {
		t.Errorf("away: %v", err)
	}
	server.Again(t)
	ledgertest.WaitFor(t, "the ledger", func() bool { return l.Probe(t.Context()) == nil })
	ledgertest.Must(t, l.SetParties(parties))
	stopping, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ledgertest.Must(t, l.StopJobs(stopping))
	if err := l.SetParties(ledger.Parties{}); !errors.Is(err, ledger.ErrAway) {
		t.Errorf("between two lives: %v", err)
	}
}

// A process that stands still in a transaction keeps nobody from the study for longer than the server waits for it. When it goes on it has
// changed nothing, and takes the database for lost.
func TestUpdate_OfAProcessThatStandsStill(t *testing.T) {
	address := pgtest.Shared(t).Database(t, "", nil)
	frozen, db := opened(t, address+"&idle_in_transaction_session_timeout=1000", ledger.Options{Shared: true})
	heir, _ := opened(t, address, ledger.Options{Shared: true})
	ledgertest.Record(t, frozen, ledgertest.Slice("1.2", 1))
	goOn, has, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- db.Update(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `UPDATE study SET state = 'settled' WHERE uid = ?`, "1.2"); err != nil {
				return err
			}
			close(has)
			<-goOn
			return nil
		})
	}()
	<-has
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ledgertest.Must(t, heir.Record(ctx, ledgertest.Slice("1.2", 2)), heir.Flush(ctx))
	t.Logf("the heir goes on after %v", time.Since(began).Round(time.Millisecond))
	close(goOn)
	if err := <-ended; !db.Passing(err) || !strings.Contains(err.Error(), "stood still") {
		t.Errorf("it ends with %v", err)
	}
	if h := ledgertest.History(t, heir, "1.2"); h.State != ledger.StateReceiving || len(h.Instances) != 2 {
		t.Errorf("%s, %d instances", h.State, len(h.Instances))
	}
	ledgertest.Record(t, frozen, ledgertest.Slice("1.2", 3))
}

// What a site does not set fits the times after which others take over.
func TestOpen_IdleInTransaction(t *testing.T) {
	_, db := opened(t, pgtest.Shared(t).Database(t, "", nil), ledger.Options{Shared: true})
	if got := ledgertest.Rows(t, db.Pool(), `SHOW idle_in_transaction_session_timeout`); got[0] != "8s" {
		t.Errorf("%v, want 8s", got)
	}
}
