package ledger

import (
	"context"
	"database/sql"

	"jcsnode/ledger/jobs"
)

// Database is what a ledger asks of its engine, which has made or migrated the tables. Errors are in the words of an operator.
type Database interface {
	// Update runs f in a transaction that may write; an error of f undoes everything. What is committed is on the disk. f may run again,
	// from the start, in a new transaction.
	Update(ctx context.Context, f func(tx *sql.Tx) error) error
	// View runs f on one snapshot.
	View(ctx context.Context, f func(tx *sql.Tx) error) error
	// Lock keeps others from changing what is of a study, until the transaction ends. If it waited, what was read before may be old. A
	// transaction about several locks them in the order of their UIDs, before anything else.
	Lock(ctx context.Context, tx *sql.Tx, studyUID string) (waited bool, err error)
	// LockShared keeps others from changing what all studies share: peers and refusals. No study is locked after it.
	LockShared(ctx context.Context, tx *sql.Tx) error
	// Alone keeps other processes from what has a name until it is freed, or this process ends; ok is false while another one has it.
	Alone(ctx context.Context, name string) (free func(), ok bool, err error)
	// JobDriver lets the job library work in transactions of Update.
	JobDriver() jobs.Driver
	// JobDialect is how statements about jobs are written.
	JobDialect() jobs.Dialect
	// Name is a path or an address, for logs.
	Name() string
	// Advice is what an operator looks at when it does not work.
	Advice() string
	// ReadOnly says that Update always fails.
	ReadOnly() bool
	// Owned says that this process may run jobs.
	Owned() bool
	// Held says that a process may run jobs, this one or another, nil where that cannot be seen.
	Held() *bool
	// NoRoom tells an error of a full disk, which passes when somebody makes room.
	NoRoom(err error) bool
	// InWords puts an error of the job library, outside Update and View, into words. Others' errors it may take for the database's.
	InWords(err error) error
	// Passing tells an error in words that says nothing about what was to be done: the database was not there.
	Passing(err error) bool
	Close() error
}
