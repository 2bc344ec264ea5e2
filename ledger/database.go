package ledger

import (
	"context"
	"database/sql"

	"jcsnode/ledger/jobs"
)

// Database is what a ledger asks of its engine, which has made or migrated the tables. Errors are in the words of an operator.
type Database interface {
	// Update runs f in a transaction that may write; an error of f undoes everything. What is committed is on the disk.
	Update(ctx context.Context, f func(tx *sql.Tx) error) error
	// View runs f on one snapshot.
	View(ctx context.Context, f func(tx *sql.Tx) error) error
	// JobDriver lets the job library work in transactions of Update.
	JobDriver() jobs.Driver
	// Name is a path or an address, for logs.
	Name() string
	// ReadOnly says that Update always fails.
	ReadOnly() bool
	// Owned says that this process may run jobs.
	Owned() bool
	// Held says that a process may run jobs, this one or another, nil where that cannot be seen.
	Held() *bool
	// NoRoom tells an error of a full disk, which passes when somebody makes room.
	NoRoom(err error) bool
	Close() error
}
