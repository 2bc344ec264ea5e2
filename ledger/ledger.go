package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"jcsnode/ledger/jobs"
	"jcsnode/ledger/postgres"
	"jcsnode/ledger/sqlite"
)

// Ledger is the open ledger. All methods may be called from any goroutine.
type Ledger struct {
	db   Database
	now  func() time.Time
	log  *slog.Logger
	jobs *jobs.Jobs // nil when the database is open for reading only

	shared bool // other nodes work on it, too

	parties atomic.Pointer[Parties]
	pauses  diskPauses

	queue   chan entry
	closing chan struct{}
	senders sync.RWMutex // held for reading while something is put into queue
	written chan struct{}

	mu     sync.Mutex // guards the fields below
	closed bool
	fault  error // why the newest batch could not be committed, nil when it was
	holder holder
}

// Options of Open and New. The zero value is for production.
type Options struct {
	Now      func() time.Time // time.Now; of a node of several the time that all of them have
	JobsNow  func() time.Time // likewise, of what jobs wait for
	Logger   *slog.Logger     // slog.Default()
	ReadOnly bool             // Open: look only, beside a running node; nothing is migrated
	Beside   bool             // Open: ask for work, beside a running node; nothing is migrated, and StartJobs refuses
	// Password: of Open, of the database, asked for each connection. Nil or "": that of the environment.
	Password func() (string, error)

	// Shared: this is one node of several on the ledger, which see to it that a destination and a receiver belong to one at a time, and
	// that the jobs of one that died are set back (TakeDestination, TakeReceiver, RecoverJobs).
	Shared bool

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

	// Receivers are told of what happens, see Notice.
	Receivers []Subscription
	// CommitmentFrom names the destinations that are asked for storage commitment of what they were sent.
	CommitmentFrom []string
}

// ErrClosed is returned by calls after Close.
var ErrClosed = errors.New("ledger is closed")

// ErrNotFound is returned when the study, revision or delivery asked for is not in the ledger.
var ErrNotFound = errors.New("not in the ledger")

// Open opens the ledger at a place, which is the path of an SQLite file or the address of a PostgreSQL database, and starts its writer.
func Open(ctx context.Context, place string, opt Options) (*Ledger, error) {
	if postgres.IsAddress(place) {
		db, err := postgres.Open(ctx, place, postgres.Options{Password: opt.Password, ReadOnly: opt.ReadOnly, Beside: opt.Beside,
			Shared: opt.Shared, Logger: opt.Logger})
		if err != nil {
			return nil, err
		}
		return New(db, opt)
	}
	db, err := sqlite.Open(ctx, place, sqlite.Options{ReadOnly: opt.ReadOnly, Beside: opt.Beside, Logger: opt.Logger})
	if err != nil {
		return nil, err
	}
	return New(db, opt)
}

// New takes the ledger in a database, which is the ledger's from now on, and starts its writer. When it fails it closes the database.
func New(db Database, opt Options) (*Ledger, error) {
	l := &Ledger{
		db:     db,
		now:    opt.Now,
		log:    opt.Logger,
		shared: opt.Shared,
	}
	l.parties.Store(&Parties{
		Destinations:   opt.Destinations,
		CommitmentFrom: opt.CommitmentFrom,
		Receivers:      opt.Receivers,
		LongestWait:    opt.LongestWait,
	})
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if db.ReadOnly() {
		return l, nil
	}
	if err := l.takeJobs(opt); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", db.Name(), err), db.Close())
	}
	if !opt.Shared && db.Owned() {
		if err := l.freeAll(context.Background()); err != nil { // they settle at their limit
			l.log.Error("studies stay held by associations that are over", "ledger", db.Name(), "error", err)
		}
	}
	l.queue = make(chan entry, queueLength)
	l.closing = make(chan struct{})
	l.written = make(chan struct{})
	go l.writeLoop()
	return l, nil
}

// Close stops the jobs if they still run, commits what was recorded and closes the database.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	var errs []error
	if !l.db.ReadOnly() {
		errs = append(errs, l.jobs.Close(context.Background()))
		close(l.closing)
		l.senders.Lock() // nobody sends any more
		close(l.queue)
		l.senders.Unlock()
		<-l.written
		if err := l.Fault(); err != nil {
			errs = append(errs, fmt.Errorf("instances stay unrecorded until the next start rebuilds them from the inbox: %w", err))
		}
	}
	errs = append(errs, l.db.Close())
	return errors.Join(errs...)
}

// Fault says why the ledger cannot commit at the moment, nil when it can.
func (l *Ledger) Fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// Probe asks the database for nothing, by a reader and by the writer: it returns when both have answered, or ctx has ended.
func (l *Ledger) Probe(ctx context.Context) error {
	nothing := func(*sql.Tx) error { return nil }
	if err := l.view(ctx, nothing); err != nil {
		return err
	}
	return l.update(ctx, nothing)
}

// Reach asks the database on a connection of its own, which waits for none of those in use.
func (l *Ledger) Reach(ctx context.Context) error {
	free, ok, err := l.db.Alone(ctx, "reach")
	if ok {
		free()
	}
	return err
}

// update runs f in a transaction that may write; an error of f undoes everything.
func (l *Ledger) update(ctx context.Context, f func(tx *sql.Tx) error) error {
	return l.db.Update(ctx, f)
}

// view runs f on one snapshot of the database.
func (l *Ledger) view(ctx context.Context, f func(tx *sql.Tx) error) error { return l.db.View(ctx, f) }
