package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"

	"jcsnode/ledger/jobs"
)

// Database is the open database. It is a ledger.Database. All methods may be called from any goroutine.
type Database struct {
	name     string
	db       *sql.DB
	sessions *sql.DB       // each holds one lock; not of db, whose connections are few
	listener *pgxpool.Pool // of the job library, nil for those who only look
	readOnly bool
	owned    bool
	owner    *owner // nil for those who only look, or work beside
}

// Options of Open. The zero value takes the ledger for this process.
type Options struct {
	// Password is asked for each connection. Nil or "": the one of the environment, if it has one.
	Password func() (string, error)
	ReadOnly bool         // look only; nothing is migrated
	Beside   bool         // read and write beside nodes; nothing is migrated
	Shared   bool         // one node of several, which see to it that no two do the same work
	Logger   *slog.Logger // of the migration of the job tables; slog.Default()
}

const (
	connections = 16
	// tries of a transaction that others got in the way of. With the locks in order that is rare.
	tries = 10
)

// Advisory locks have two numbers: that of this program, and what it is about. The migrations know lockShared by its number.
const (
	lockClass     = 4866899 // "JCS"
	lockMigration = 1
	lockOwner     = 2
	lockShared    = 3

	lockNames = 4866900 // apart from those of jobs that are enqueued
)

// ErrHeld says that another process works on the ledger, and that it or this one must have it for itself.
var ErrHeld = errors.New("another node works on this ledger: stop it, or give this one a database of its own; nodes that share one " +
	"all keep their files in an object store or a shared folder ([store] kind)")

// Open opens the database at an address and makes or migrates the ledger in it. Unless it is Shared no other process may have it that way,
// nor this way. With ReadOnly or Beside the ledger must exist in the version of this program.
func Open(ctx context.Context, address string, opt Options) (*Database, error) {
	d := &Database{name: Redacted(address), readOnly: opt.ReadOnly}
	if err := d.open(ctx, address, opt); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", d.name, inWords(err)), d.Close())
	}
	return d, nil
}

func (d *Database) open(ctx context.Context, address string, opt Options) error {
	config, err := configOf(address, opt.Password)
	if err != nil {
		return err
	}
	d.db = sql.OpenDB(connectorOf(config))
	d.db.SetMaxOpenConns(connections)
	d.db.SetMaxIdleConns(connections)
	d.sessions = sql.OpenDB(connectorOf(config))
	d.sessions.SetMaxIdleConns(0)
	if opt.ReadOnly {
		return d.checkVersion(ctx)
	}
	config.MaxConns, config.MinConns = 1, 0
	if d.listener, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	if opt.Beside {
		return d.checkVersion(ctx)
	}
	if d.owner, err = own(ctx, d.db, opt.Shared, opt.Logger); err != nil {
		return err
	}
	d.owned = true
	if err := d.holdsText(ctx); err != nil {
		return err
	}
	return d.migrate(ctx, opt.Logger)
}

// Check tells whether Open would take the database for this process, shared or not: ErrHeld while another one has it, or why it cannot be
// used. It changes nothing, and a database without a ledger is no error.
func Check(ctx context.Context, address string, opt Options) error {
	d := &Database{name: Redacted(address), readOnly: true}
	if err := errors.Join(d.check(ctx, address, opt), d.Close()); err != nil {
		return fmt.Errorf("open ledger %s: %w", d.name, inWords(err))
	}
	return nil
}

func (d *Database) check(ctx context.Context, address string, opt Options) error {
	config, err := configOf(address, opt.Password)
	if err != nil {
		return err
	}
	d.db = sql.OpenDB(connectorOf(config))
	if d.owner, err = own(ctx, d.db, opt.Shared, nil); err != nil {
		return err
	}
	var create, reads bool
	if err := d.db.QueryRowContext(ctx, `
		SELECT has_schema_privilege(current_schema(), 'CREATE'), current_setting('transaction_read_only')::boolean`,
	).Scan(&create, &reads); err != nil {
		return err
	}
	if reads { // a standby, or one that is set so
		return errors.New("this server only reads: name the one that writes in [ledger] url")
	}
	if !create {
		return errors.New("this user may not make tables there: let it own the database")
	}
	if err := d.holdsText(ctx); err != nil {
		return err
	}
	version, err := d.version(ctx)
	if err != nil {
		return err
	}
	texts, err := migrations()
	if err == nil && version > first+len(texts)-1 {
		err = d.checkNewer(ctx, version, first+len(texts)-1)
	}
	return err
}

// holdsText tells whether the database can hold what scanners write: text of any language.
func (d *Database) holdsText(ctx context.Context) error {
	var encoding string
	if err := d.db.QueryRowContext(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the encoding of this database is %s, and texts of scanners need UTF8: make one with it "+
			"(createdb NAME --owner USER --template template0 --encoding UTF8), "+
			"and if this one holds a ledger, take that over by pg_dump and pg_restore", encoding)
	}
	return nil
}

// Update runs f in a transaction; an error of f undoes everything. If other transactions got in the way it runs f again, from the start.
func (d *Database) Update(ctx context.Context, f func(tx *sql.Tx) error) error {
	if d.readOnly {
		return errors.New("ledger is open for reading only")
	}
	if d.owner != nil && d.owner.taken.Load() {
		lost := "where no other one runs, the server still keeps the lost session of this one, for some seconds"
		return &wordedError{remedy: lost, passing: true, err: ErrHeld}
	}
	for try := 1; ; try++ {
		err := d.update(ctx, f)
		if !again(err) || try == tries {
			return inWords(err)
		}
		select {
		case <-ctx.Done():
			return inWords(err)
		case <-time.After(rand.N(time.Duration(try) * 20 * time.Millisecond)):
		}
	}
}

func (d *Database) update(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// View runs f on one snapshot of the database.
func (d *Database) View(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return inWords(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback()
	return inWords(f(tx))
}

// Lock keeps others from changing what is of a study until the transaction ends.
func (d *Database) Lock(ctx context.Context, tx *sql.Tx, studyUID string) (waited bool, err error) {
	if _, err := tx.ExecContext(ctx, `SELECT 1 FROM study WHERE uid = ? FOR NO KEY UPDATE`, studyUID); err != nil {
		return true, fmt.Errorf("lock study %s: %w", studyUID, err)
	}
	return true, nil
}

// LockShared keeps others from changing what all studies share until the transaction ends. No study is locked after it.
func (d *Database) LockShared(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(?, ?)`, lockClass, lockShared)
	return err
}

// Alone keeps other processes from what has a name, by a session of its own.
func (d *Database) Alone(ctx context.Context, name string) (free func(), ok bool, err error) {
	session, err := d.sessions.Conn(ctx)
	if err != nil {
		return nil, false, inWords(err)
	}
	err = session.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtextextended(?, ?))`, name, lockNames).Scan(&ok)
	if err != nil || !ok {
		return nil, false, errors.Join(inWords(err), session.Close())
	}
	return func() { _ = session.Close() }, true, nil // no connection is kept: with it goes the lock
}

// JobDriver lets the job library work in transactions of Update. It is nil when the database is open for reading only.
func (d *Database) JobDriver() jobs.Driver {
	if d.readOnly {
		return nil
	}
	return riverdatabasesql.NewWithPgxListener(d.db, d.listener)
}

// JobDialect is how statements about jobs are written.
func (d *Database) JobDialect() jobs.Dialect { return jobs.PostgreSQL }

// Name is the address, without what is secret.
func (d *Database) Name() string { return d.name }

// Advice is what to look at when it does not work.
func (d *Database) Advice() string { return "check the database and the way to it" }

// ReadOnly says that nothing can be written.
func (d *Database) ReadOnly() bool { return d.readOnly }

// Owned says that this process works on the ledger, alone or as one node of several.
func (d *Database) Owned() bool { return d.owned }

// heldTimeout bounds the question whether a process works on the ledger.
const heldTimeout = 2 * time.Second

// Held says that a process works on the ledger for itself, this one or another, nil where that cannot be seen.
func (d *Database) Held() *bool {
	ctx, cancel := context.WithTimeout(context.Background(), heldTimeout)
	defer cancel()
	var held bool
	if err := d.db.QueryRowContext(ctx, `
		SELECT EXISTS (
			SELECT 1
			FROM pg_locks
			WHERE locktype = 'advisory' AND classid::bigint = ? AND objid::bigint = ? AND granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
		lockClass, lockOwner).Scan(&held); err != nil {
		return nil
	}
	return &held
}

// NoRoom tells an error of a full disk, which passes when somebody makes room.
func (d *Database) NoRoom(err error) bool {
	var w *wordedError
	return errors.As(err, &w) && w.noRoom
}

// InWords puts an error of the job library, which uses connections of its own, into words.
func (d *Database) InWords(err error) error { return inWords(err) }

// Passing tells an error of the database that says nothing about what was to be done: it was not there. It is in words: an error that is
// not may be of a file or of another connection.
func (d *Database) Passing(err error) bool {
	var w *wordedError
	return errors.As(err, &w) && w.passing
}

// Close closes the connections and lets others have the ledger.
func (d *Database) Close() error {
	var errs []error
	if d.owner != nil {
		errs = append(errs, d.owner.close())
	}
	for _, db := range []*sql.DB{d.db, d.sessions} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if d.listener != nil {
		d.listener.Close()
	}
	return errors.Join(errs...)
}
