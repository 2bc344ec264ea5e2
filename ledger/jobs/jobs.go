package jobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// Driver is how River works on a database.
type Driver = riverdriver.Driver[*sql.Tx]

// Job is one piece of work, as its kind's callbacks see it.
type Job struct {
	Kind        string
	Key         []byte // JSON: what it is about
	Attempt     int    // from 1
	MaxAttempts int

	id int64
}

// Last says that no further attempt follows.
func (j *Job) Last() bool { return j.Attempt >= j.MaxAttempts }

// Kind is a kind of job and what is done about one.
type Kind struct {
	Name    string
	Workers int      // that work on each of its queues; 0: this process knows the kind and does nothing of it
	Own     []string // who has a queue of their own, so that one that is slow delays nobody; all others share one
	// Taken: several processes work on the jobs, whoever they are for has a queue, and each process works on those alone that it took with
	// Take. Whose says whom a job is for.
	Taken bool
	Whose func(ctx context.Context, tx *sql.Tx, key []byte) (who string, err error)
	// Work is one attempt. It may run again for work that is done already. RetryAfter puts the job off, any other error is a failure.
	Work func(ctx context.Context, j Job) error
	// Lane says what a job has to itself while it runs. Nil: what its key names.
	Lane func(key []byte) string
	// LongestWait is the longest that a job of the kind is put off.
	LongestWait time.Duration
	// Suspect: an attempt during which the process was killed counts, and a job that was running at each of its attempts ends, since it
	// may be the cause. Otherwise only its own failures count.
	Suspect bool
	// Interrupted is told of each job that a process left running, which was killed, or lives and had lost the database; may be nil.
	Interrupted func(ctx context.Context, tx *sql.Tx, j Job, killed bool) error
}

// RetryAfter is returned by Work when it wants to run again later. It is no failure.
type RetryAfter struct {
	Delay time.Duration
	Err   error // why, may be nil
}

func (r *RetryAfter) Error() string {
	return fmt.Sprintf("again in %s: %v", r.Delay, r.Err)
}

func (r *RetryAfter) Unwrap() error { return r.Err }

// ErrStopped says that jobs do not run here, or not now.
var ErrStopped = errors.New("jobs do not run")

// Options of New. All must be set, but for the last ones.
type Options struct {
	Driver      Driver
	Dialect     Dialect
	Update      func(ctx context.Context, f func(tx *sql.Tx) error) error // runs f in a transaction
	Logger      *slog.Logger
	Now         func() time.Time                // which other processes on the jobs have, too; nil: time.Now
	RetryDelay  func(attempt int) time.Duration // how long a job waits after its failure number attempt, from 1
	MaxAttempts int                             // of a job that is enqueued from now on
	TestOnly    bool                            // leaves out River's random waits
	// Alone keeps the other processes from a lane until it is freed; ok is false while one of them is in it. Nil: there are no others.
	Alone  func(ctx context.Context, lane string) (free func(), ok bool, err error)
	Shared bool // other processes work on the jobs, too: only theirs who are named are set back
}

// Jobs are those of one database. All methods may be called from any goroutine.
type Jobs struct {
	opt    Options
	insert *river.Client[*sql.Tx] // enqueues; never started

	mu      sync.Mutex // guards the fields below
	closed  bool
	own     map[string][]string    // by kind: who has a queue of their own
	workers *river.Client[*sql.Tx] // between Start and Stop, nil otherwise
	kinds   []Kind                 // of the workers
	waking  chan struct{}          // closed when the jobs stop
	lanes   map[string]bool        // that a job is in
}

// New takes the jobs of a database. own says by kind who has a queue of their own in the process that works on them; Start says it again
// for this process.
func New(opt Options, own map[string][]string) (*Jobs, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	insert, err := river.NewClient(opt.Driver, &river.Config{Logger: quiet(opt.Logger), PollOnly: true, TestOnly: opt.TestOnly})
	if err != nil {
		return nil, err
	}
	j := &Jobs{opt: opt, insert: insert, own: map[string][]string{}, lanes: map[string]bool{}}
	maps.Copy(j.own, own)
	return j, nil
}

// Migrate brings the tables of jobs to the version of this program.
func Migrate(ctx context.Context, driver Driver, log *slog.Logger) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet(log)})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	return nil
}

// Index makes what Enqueue and Due find the job of a key by. It is of this program, not of the library, which may leave it out when it
// makes its table anew: engines make it at each start that lacks it. Its condition is that of the statements.
const Index = `CREATE INDEX IF NOT EXISTS river_job_key ON river_job (kind, args) WHERE state IN ` + sleeping

// sleeping are the states of a job that waits for its turn or its time.
const sleeping = `('available', 'scheduled', 'retryable')`

// Enqueue makes sure that a job of the kind and key will start, now if it waited for its time. A job that runs does not count: it may be
// past the point where it would see the change. A new one goes to the queue of who is named, if that has its own; where processes share the
// jobs everybody has.
func (j *Jobs) Enqueue(ctx context.Context, tx *sql.Tx, kind string, key any, who string) error {
	text, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("key of a %s job: %w", kind, err)
	}
	d := j.opt.Dialect
	if d.one != "" {
		if _, err := tx.ExecContext(ctx, d.one, kind, string(text)); err != nil {
			return err
		}
	}
	result, err := tx.ExecContext(ctx, `
		UPDATE river_job
		SET state = 'available', scheduled_at = `+d.sooner+`
		WHERE kind = ? AND args = `+d.key+` AND state IN `+sleeping, kind, string(text))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = j.insert.InsertTx(ctx, tx, args{kind, text}, &river.InsertOpts{Queue: j.queueFor(kind, who), MaxAttempts: j.opt.MaxAttempts})
	return err
}

func (j *Jobs) queueFor(kind, who string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if slices.Contains(j.own[kind], who) || j.opt.Shared && who != "" {
		return queueOf(kind, who)
	}
	return kind
}

// queueOf names the queue of somebody's own; a name from the configuration is not fit for one.
func queueOf(kind, who string) string {
	sum := sha256.Sum256([]byte(who))
	return kind + "_" + hex.EncodeToString(sum[:8])
}

// Due is when the job of a kind and key is due; zero when it runs, and when there is none.
func (d Dialect) Due(ctx context.Context, tx *sql.Tx, kind string, key any) (time.Time, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return time.Time{}, fmt.Errorf("key of a %s job: %w", kind, err)
	}
	var due sql.NullInt64
	err = tx.QueryRowContext(ctx, `
		SELECT `+d.dueMS+`
		FROM river_job
		WHERE kind = ? AND args = `+d.key+` AND state IN `+sleeping, kind, string(text)).Scan(&due)
	if err != nil || !due.Valid {
		return time.Time{}, err
	}
	return time.UnixMilli(due.Int64).UTC(), nil
}

// args are a job's arguments in River's eyes.
type args struct {
	kind string
	key  json.RawMessage
}

// Kind implements river.JobArgs.
func (a args) Kind() string { return a.kind }

// MarshalJSON implements json.Marshaler.
func (a args) MarshalJSON() ([]byte, error) { return a.key, nil }

// UnmarshalJSON implements json.Unmarshaler.
func (a *args) UnmarshalJSON(text []byte) error {
	var compact bytes.Buffer // PostgreSQL writes it with spaces
	err := json.Compact(&compact, text)
	a.key = compact.Bytes()
	return err
}

// quiet lets River speak of its own troubles only: failures of jobs are told by whoever works on them.
func quiet(log *slog.Logger) *slog.Logger {
	if log == nil {
		log = slog.Default()
	}
	return slog.New(&onlyErrors{log.With("part", "jobs").Handler()})
}

type onlyErrors struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h *onlyErrors) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *onlyErrors) WithAttrs(a []slog.Attr) slog.Handler {
	return &onlyErrors{h.Handler.WithAttrs(a)}
}

// WithGroup implements slog.Handler.
func (h *onlyErrors) WithGroup(name string) slog.Handler {
	return &onlyErrors{h.Handler.WithGroup(name)}
}
