package postgres_test

import (
	"context"
	"os"
	"testing"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
	"jcsnode/pgtest"
)

// engine has its places as copies of a database that was migrated once.
var engine = ledgertest.Engine{
	Place: place,
	Open:  ledger.Open,
}

func TestMain(m *testing.M) {
	if ledgertest.Child(engine) {
		return
	}
	os.Exit(m.Run())
}

func TestLedger(t *testing.T) { ledgertest.Run(t, engine) }

func place(t *testing.T) string {
	t.Helper()
	return pgtest.Shared(t).Database(t, "ledger", func(address string) error {
		db, err := postgres.Open(context.Background(), address, postgres.Options{})
		if err != nil {
			return err
		}
		return db.Close()
	})
}
