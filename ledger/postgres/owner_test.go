package postgres_test

import (
	"database/sql"
	"errors"
	"testing"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
)

// A node that loses the session by which it has the ledger takes it again; if another one was quicker, it writes no more.
func TestOwner_SessionIsLost(t *testing.T) {
	at := place(t)
	_, db := opened(t, at, ledger.Options{})
	end := func() {
		t.Helper()
		if n := ledgertest.Rows(t, db.Pool(), `
			SELECT pg_terminate_backend(pid) FROM pg_locks
			WHERE locktype = 'advisory' AND objid::bigint = 2 AND classid::bigint = 4866899 AND granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`); len(n) != 1 {
			t.Fatalf("%d sessions hold the ledger", len(n))
		}
	}
	held := func() bool { is := db.Held(); return is != nil && *is }
	end()
	ledgertest.WaitFor(t, "the ledger to be let go", func() bool { return !held() })
	ledgertest.WaitFor(t, "the ledger to be taken again", held)

	end()
	other, err := postgres.Open(t.Context(), at, postgres.Options{})
	if errors.Is(err, postgres.ErrHeld) {
		t.Skip("the first was quicker") // it looks once a second
	}
	ledgertest.Must(t, err)
	nothing := func(*sql.Tx) error { return nil }
	ledgertest.WaitFor(t, "the first to stop writing", func() bool { return errors.Is(db.Update(t.Context(), nothing), postgres.ErrHeld) })
	if err := db.Update(t.Context(), nothing); !db.Passing(err) {
		t.Errorf("a job that meets it has failed: %v", err)
	}
	ledgertest.Must(t, other.Close())
	ledgertest.WaitFor(t, "the first to have it again", func() bool { return db.Update(t.Context(), nothing) == nil })
}
