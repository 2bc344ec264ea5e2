package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mattn/go-sqlite3"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"jcsnode/durable"
	"jcsnode/ledger/jobs"
)

// Database is the open file. It is a ledger.Database. All methods may be called from any goroutine.
type Database struct {
	path     string
	write    *sql.DB // one connection: SQLite has one writer, and River must share it; nil when open for reading only
	read     *sql.DB
	readOnly bool
	lock     *os.File // nil unless this process works on the ledger
}

// Options of Open. The zero value takes the file for this process.
type Options struct {
	ReadOnly bool         // look only, beside a running node; nothing is migrated
	Beside   bool         // read and write beside a running node; nothing is migrated
	Logger   *slog.Logger // of the migration of the job tables; slog.Default()
}

const (
	busyTimeoutMS = 5000
	readers       = 4
)

// Open takes the file at path for this process, which is an error while another one has it, and makes or migrates it. With ReadOnly or
// Beside another process may have it, and the file must exist in the version of this program.
func Open(ctx context.Context, path string, opt Options) (*Database, error) {
	d := &Database{path: path, readOnly: opt.ReadOnly}
	var err error
	if opt.ReadOnly || opt.Beside {
		err = d.openExisting(ctx)
	} else {
		err = d.openOwn(ctx, opt.Logger)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, d.inWords(err)), d.Close())
	}
	return d, nil
}

// mode is what connections do.
type mode int

const (
	writing mode = iota
	reading
	readingAtRest // a file that nobody has open
	copyingBeside // reading, and writing a copy of it
	copyingAtRest
)

// lookMode is how to look into the ledger of another process. While that runs, and after it died, there is a -wal file beside the
// database, and SQLite needs its -shm file. After a clean stop there is neither, and SQLite would make both, which a user who may only
// read cannot; a file that is taken for immutable needs none. A node that starts in this moment writes to a new -wal first, so what is
// read here stays as it is for long enough.
func lookMode(path string) mode {
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		return readingAtRest
	}
	return reading
}

// openExisting opens a ledger that another process may be working on. Its version is known before anything can write.
func (d *Database) openExisting(ctx context.Context) error {
	if _, err := os.Stat(d.path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (has the node ever been started with this data_dir?)", fs.ErrNotExist)
	} else if err != nil {
		return err
	}
	m := reading
	if d.readOnly {
		m = lookMode(d.path)
	}
	var err error
	if d.read, err = openPool(d.path, m, readers); err != nil {
		return err
	}
	if err := d.checkVersion(ctx); err != nil || d.readOnly {
		return err
	}
	d.write, err = openPool(d.path, writing, 1)
	return err
}

// openOwn opens a ledger for this process alone. The lock comes before the file is touched: a node of an older version may be
// running on it.
func (d *Database) openOwn(ctx context.Context, log *slog.Logger) error {
	if err := durable.Folder(filepath.Dir(d.path)); err != nil {
		return err
	}
	var err error
	if d.lock, err = LockFile(d.path + ".lock"); err != nil {
		return err
	}
	if d.write, err = openPool(d.path, writing, 1); err != nil {
		return err
	}
	if err := d.migrate(ctx, log); err != nil {
		return err
	}
	d.read, err = openPool(d.path, reading, readers)
	return err
}

// openPool opens connections with the settings that the durability of the ledger
// rests on: WAL with a sync per commit, and writers that queue up instead of failing.
func openPool(path string, m mode, connections int) (*sql.DB, error) {
	q := url.Values{
		"_busy_timeout": {strconv.Itoa(busyTimeoutMS)},
		"_foreign_keys": {"1"},
	}
	switch m {
	case writing:
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "FULL")
		q.Set("_txlock", "immediate")
	case copyingAtRest:
		q.Set("immutable", "1")
		fallthrough
	case copyingBeside:
		q.Set("mode", "ro")
	case readingAtRest:
		q.Set("immutable", "1")
		fallthrough
	case reading:
		q.Set("mode", "ro")
		q.Set("_query_only", "1")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Update runs f in a transaction of the writer; an error of f undoes everything.
func (d *Database) Update(ctx context.Context, f func(tx *sql.Tx) error) error {
	if d.readOnly {
		return errors.New("ledger is open for reading only")
	}
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.inWords(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := f(tx); err != nil {
		return d.inWords(err)
	}
	if err := tx.Commit(); err != nil {
		return d.inWords(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// View runs f on one snapshot of the database.
func (d *Database) View(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.read.BeginTx(ctx, nil)
	if err != nil {
		return d.inWords(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback()
	return d.inWords(f(tx))
}

// JobDriver lets the job library work in transactions of Update. It is nil when the file is open for reading only.
func (d *Database) JobDriver() jobs.Driver {
	if d.readOnly {
		return nil
	}
	return riversqlite.New(d.write)
}

// JobDialect is how statements about jobs are written.
func (d *Database) JobDialect() jobs.Dialect { return jobs.SQLite }

// Lock does nothing: there is one writer.
func (d *Database) Lock(context.Context, *sql.Tx, string) (waited bool, err error) { return false, nil }

// LockShared does nothing: there is one writer.
func (d *Database) LockShared(context.Context, *sql.Tx) error { return nil }

// Alone has nothing to do: no other process works on the ledger.
func (d *Database) Alone(context.Context, string) (free func(), ok bool, err error) {
	return func() {}, true, nil
}

// Advice is what to look at when it does not work.
func (d *Database) Advice() string { return "check the disk of data_dir" }

// Name is the path of the file.
func (d *Database) Name() string { return d.path }

// ReadOnly says that nothing can be written.
func (d *Database) ReadOnly() bool { return d.readOnly }

// Owned says that this process alone works on the ledger.
func (d *Database) Owned() bool { return d.lock != nil }

// Held says that a process works on the ledger, this one or another, nil where that cannot be seen.
func (d *Database) Held() *bool {
	if d.Owned() {
		held := true
		return &held
	}
	return heldAt(d.path + ".lock")
}

// NoRoom tells an error of a full disk, which passes when somebody makes room.
func (d *Database) NoRoom(err error) bool {
	var code sqlite3.Error
	return errors.As(err, &code) && code.Code == sqlite3.ErrFull
}

// InWords puts an error of the job library into words.
func (d *Database) InWords(err error) error { return d.inWords(err) }

// Passing tells nothing: a file does not go and come.
func (d *Database) Passing(error) bool { return false }

// Close closes the file and lets others have it.
func (d *Database) Close() error {
	var errs []error
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}
