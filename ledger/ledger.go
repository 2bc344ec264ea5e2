package ledger

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
	"sync"
	"time"

	"github.com/riverqueue/river"

	"jcsnode/durable"
)

// Ledger is the open database. All methods may be called from any goroutine.
type Ledger struct {
	path     string
	write    *sql.DB // one connection: SQLite has one writer, and River must share it
	read     *sql.DB
	readOnly bool
	beside   bool
	lock     *fileLock // nil unless this process works on the ledger
	now      func() time.Time
	log      *slog.Logger
	retry    func(attempt int) time.Duration
	attempts int
	testOnly bool

	receivers  []Subscription
	confirming []string // destinations

	insert *river.Client[*sql.Tx] // enqueues; never started

	queue   chan entry
	closing chan struct{}
	senders sync.RWMutex // held for reading while something is put into queue
	written chan struct{}

	mu           sync.Mutex // guards the fields below
	closed       bool
	fault        error                  // why the newest batch could not be committed, nil when it was
	workers      *river.Client[*sql.Tx] // run between StartJobs and StopJobs, nil otherwise
	longestWait  time.Duration
	waking       chan struct{}   // guarded by mu; closed when the jobs stop
	destinations []string        // that have a queue of their own
	busy         map[string]bool // work that a job is at
}

// Options of Open. The zero value is for production.
type Options struct {
	Now      func() time.Time // time.Now
	Logger   *slog.Logger     // slog.Default()
	ReadOnly bool             // look only, beside a running node; nothing is migrated
	Beside   bool             // ask for work, beside a running node; nothing is migrated, and StartJobs refuses

	// Destinations have a queue of their own in the process that works on this ledger, which may be another one; StartJobs names
	// those of this process.
	Destinations []string

	// RetryDelay says how long a job waits after its failure number attempt (from 1).
	// Default: 10 s, 1 min, 5 min, then 15 min.
	RetryDelay func(attempt int) time.Duration
	// LongestWait is the longest wait that any handler asks for. Default and least: 6 h.
	LongestWait time.Duration
	// MaxAttempts is how often a failing job is tried. Default 4.
	MaxAttempts int
	// TestOnly leaves out the random waits of the job library's maintenance.
	TestOnly bool

	// Receivers are told of what happens, see Fact.
	Receivers []Subscription
	// Confirming names the destinations that are asked to confirm that they keep what they were sent.
	Confirming []string
}

// ErrClosed is returned by calls after Close.
var ErrClosed = errors.New("ledger is closed")

// ErrNotFound is returned when the study, revision or delivery asked for is not in the ledger.
var ErrNotFound = errors.New("not in the ledger")

const (
	busyTimeoutMS = 5000
	readers       = 4
)

// Open takes the ledger at path for this process, which is an error while another one has it, makes or migrates it, and starts
// its writer. With ReadOnly or Beside another process may have it, and the file must exist in the version of this program.
func Open(ctx context.Context, path string, opt Options) (*Ledger, error) {
	l := &Ledger{
		path:     path,
		readOnly: opt.ReadOnly,
		beside:   opt.Beside,
		now:      opt.Now,
		log:      opt.Logger,
		retry:    opt.RetryDelay,
		attempts: opt.MaxAttempts,

		longestWait: max(opt.LongestWait, defaultLongestWait),
		testOnly:    opt.TestOnly,

		destinations: opt.Destinations,
		receivers:    opt.Receivers,
		confirming:   opt.Confirming,
		busy:         map[string]bool{},
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.retry == nil {
		l.retry = defaultRetryDelay
	}
	if l.attempts <= 0 {
		l.attempts = defaultAttempts
	}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, l.inWords(err)), l.closeFiles())
	}
	return l, nil
}

func (l *Ledger) open(ctx context.Context) error {
	open := l.openOwn
	if l.readOnly || l.beside {
		open = l.openExisting
	}
	if err := open(ctx); err != nil || l.readOnly {
		return err
	}
	var err error
	if l.insert, err = l.newInserter(); err != nil {
		return err
	}
	l.queue = make(chan entry, queueLength)
	l.closing = make(chan struct{})
	l.written = make(chan struct{})
	go l.writeLoop()
	return nil
}

// mode is what connections do.
type mode int

const (
	writing mode = iota
	reading
	readingAtRest // a file that nobody has open
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
func (l *Ledger) openExisting(ctx context.Context) error {
	if _, err := os.Stat(l.path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (has the node ever been started with this data_dir?)", fs.ErrNotExist)
	} else if err != nil {
		return err
	}
	m := reading
	if l.readOnly {
		m = lookMode(l.path)
	}
	var err error
	if l.read, err = openPool(l.path, m, readers); err != nil {
		return err
	}
	if err := l.checkVersion(ctx); err != nil || l.readOnly {
		return err
	}
	l.write, err = openPool(l.path, writing, 1)
	return err
}

// openOwn opens a ledger for this process alone. The lock comes before the file is touched: a node of an older version may be
// running on it.
func (l *Ledger) openOwn(ctx context.Context) error {
	if err := durable.Folder(filepath.Dir(l.path)); err != nil {
		return err
	}
	var err error
	if l.lock, err = lockFile(l.path + ".lock"); err != nil {
		return err
	}
	if l.write, err = openPool(l.path, writing, 1); err != nil {
		return err
	}
	if err := l.migrate(ctx); err != nil {
		return err
	}
	l.read, err = openPool(l.path, reading, readers)
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

// Close stops the jobs if they still run, commits what was recorded and closes the file.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	var errs []error
	if !l.readOnly {
		if err := l.StopJobs(context.Background()); err != nil {
			errs = append(errs, err)
		}
		close(l.closing)
		l.senders.Lock() // nobody sends any more
		close(l.queue)
		l.senders.Unlock()
		<-l.written
		if err := l.Fault(); err != nil {
			errs = append(errs, fmt.Errorf("instances stay unrecorded until the next start rebuilds them from the inbox: %w", err))
		}
	}
	errs = append(errs, l.closeFiles())
	return errors.Join(errs...)
}

func (l *Ledger) closeFiles() error {
	var errs []error
	for _, db := range []*sql.DB{l.read, l.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if l.lock != nil {
		errs = append(errs, l.lock.release())
	}
	return errors.Join(errs...)
}

// Fault says why the ledger cannot commit at the moment, nil when it can.
func (l *Ledger) Fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// update runs f in a transaction of the writer; an error of f undoes everything.
func (l *Ledger) update(ctx context.Context, f func(tx *sql.Tx) error) error {
	if l.readOnly {
		return errors.New("ledger is open for reading only")
	}
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return l.inWords(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := f(tx); err != nil {
		return l.inWords(err)
	}
	if err := tx.Commit(); err != nil {
		return l.inWords(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// view runs f on one snapshot of the database.
func (l *Ledger) view(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := l.read.BeginTx(ctx, nil)
	if err != nil {
		return l.inWords(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback()
	return l.inWords(f(tx))
}

// ms is how times are stored; the zero time is 0.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at is the reverse of ms.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
