package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// Handlers do the work. A handler may be called again for work that it has done already
// and must then do nothing twice: a crash can come between its last write and the job's end.
type Handlers struct {
	Process func(ctx context.Context, revisionID int64) error
	Deliver func(ctx context.Context, revisionID int64, destination string) error
}

// RetryAfter is returned by a handler that wants to run again later. It is no failure.
type RetryAfter struct {
	Delay time.Duration
	Err   error // why, may be nil
}

func (r *RetryAfter) Error() string {
	return fmt.Sprintf("again in %s: %v", r.Delay, r.Err)
}

func (r *RetryAfter) Unwrap() error { return r.Err }

// Two queues, so that a slow destination never delays a study.
const (
	queueProcess = "process"
	queueDeliver = "deliver"
)

const (
	defaultAttempts = 4
	// postponed is the wait of a delivery job whose handler left deliveries waiting without
	// saying until when, and of a job that met a ledger out of order.
	postponed = 10 * time.Second
	// pollInterval is how late a job may start; each poll is one small statement.
	pollInterval = 250 * time.Millisecond
	// never is for the job library's own rescue of running jobs: ours is exact, at the
	// start, and a study on a slow machine may take hours.
	never = 100 * 365 * 24 * time.Hour
)

func defaultRetryDelay(attempt int) time.Duration {
	switch attempt {
	case 1:
		return 10 * time.Second
	case 2:
		return time.Minute
	case 3:
		return 5 * time.Minute
	}
	return 15 * time.Minute
}

type processArgs struct {
	RevisionID int64 `json:"revision_id"`
}

func (processArgs) Kind() string { return "process" }

type deliverArgs struct {
	RevisionID  int64  `json:"revision_id"`
	Destination string `json:"destination"`
}

func (deliverArgs) Kind() string { return "deliver" }

func (l *Ledger) newInserter() (*river.Client[*sql.Tx], error) {
	return river.NewClient(riversqlite.New(l.write), &river.Config{Logger: l.jobLogger(), PollOnly: true, TestOnly: l.testOnly})
}

// enqueueProcess makes sure that a process job of the revision will start, now if it waited for
// its time. A job that runs does not count: it may be past the point where it would see the change.
func (l *Ledger) enqueueProcess(ctx context.Context, tx *sql.Tx, revisionID int64) error {
	if err := l.enqueueJob(ctx, tx, processArgs{RevisionID: revisionID}, queueProcess, revisionID, ""); err != nil {
		return fmt.Errorf("enqueue processing: %w", err)
	}
	return nil
}

// enqueueDeliver does the same for a delivery job.
func (l *Ledger) enqueueDeliver(ctx context.Context, tx *sql.Tx, revisionID int64, destination string) error {
	if err := l.enqueueJob(ctx, tx, deliverArgs{RevisionID: revisionID, Destination: destination}, queueDeliver, revisionID, destination); err != nil {
		return fmt.Errorf("enqueue delivery to %s: %w", destination, err)
	}
	return nil
}

func (l *Ledger) enqueueJob(ctx context.Context, tx *sql.Tx, args river.JobArgs, queue string, revisionID int64, destination string) error {
	result, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = min(scheduled_at, datetime('now', 'subsec'))
		WHERE kind = ? AND state IN ('available', 'scheduled', 'retryable')
		AND json_extract(args, '$.revision_id') = ? AND coalesce(json_extract(args, '$.destination'), '') = ?`, args.Kind(), revisionID, destination)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = l.insert.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: queue, MaxAttempts: l.attempts})
	return err
}

// workers is what runs between StartJobs and StopJobs.
type workers struct {
	client *river.Client[*sql.Tx]
	lock   *fileLock
}

// StartJobs sets back what a killed process left running and starts the workers. Only one
// process may do so on one ledger.
func (l *Ledger) StartJobs(ctx context.Context, h Handlers, processWorkers, deliverWorkers int) error {
	if h.Process == nil || h.Deliver == nil || processWorkers < 1 || deliverWorkers < 1 {
		return errors.New("start jobs: needs both handlers and at least one worker each")
	}
	lock, err := lockFile(l.path + ".lock")
	if err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	w := &workers{lock: lock}
	if err := l.startJobs(ctx, w, h, processWorkers, deliverWorkers); err != nil {
		return errors.Join(fmt.Errorf("start jobs: %w", err), lock.release())
	}
	return nil
}

func (l *Ledger) startJobs(ctx context.Context, w *workers, h Handlers, processWorkers, deliverWorkers int) error {
	if err := l.recoverJobs(ctx); err != nil {
		return err
	}
	bundle := river.NewWorkers()
	river.AddWorker(bundle, &processWorker{l: l, handle: h.Process})
	river.AddWorker(bundle, &deliverWorker{l: l, handle: h.Deliver})
	var err error
	w.client, err = river.NewClient(riversqlite.New(l.write), &river.Config{
		Logger:               l.jobLogger(),
		Workers:              bundle,
		Queues:               map[string]river.QueueConfig{queueProcess: {MaxWorkers: processWorkers}, queueDeliver: {MaxWorkers: deliverWorkers}},
		FetchPollInterval:    pollInterval,
		JobTimeout:           -1,
		RescueStuckJobsAfter: never,
		RetryPolicy:          retryPolicy{l.retry},
		PollOnly:             true,
		TestOnly:             l.testOnly,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if l.workers != nil {
		return errors.New("they run already")
	}
	// The workers live until StopJobs, not as long as the caller's context.
	if err := w.client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	l.workers = w
	return nil
}

// StopJobs cancels the contexts of running handlers and waits for them, at most until ctx
// ends. What was interrupted runs again at the next start, and that does not count as a failure.
func (l *Ledger) StopJobs(ctx context.Context) error {
	l.mu.Lock()
	w := l.workers
	l.workers = nil
	l.mu.Unlock()
	if w == nil {
		return nil
	}
	if err := w.client.StopAndCancel(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop jobs: %w", err), w.lock.release())
	}
	return w.lock.release()
}

type retryPolicy struct {
	delay func(attempt int) time.Duration
}

// NextRetry implements river.ClientRetryPolicy. The job library compares it with its own clock.
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(p.delay(job.Attempt))
}

type processWorker struct {
	river.WorkerDefaults[processArgs]
	l      *Ledger
	handle func(ctx context.Context, revisionID int64) error
}

// Work implements river.Worker.
func (w *processWorker) Work(ctx context.Context, job *river.Job[processArgs]) error {
	id := job.Args.RevisionID
	rev, _, err := w.l.Revision(ctx, id)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	if rev.State != StateSettled && rev.State != StateProcessing {
		return nil // superseded, or a crash came after its last write
	}
	free, ok := w.l.occupy(job.Kind, id, "")
	if !ok {
		return river.JobSnooze(pollInterval)
	}
	defer free()
	err = guard(func() error { return w.handle(ctx, id) })
	return w.l.conclude(ctx, job.JobRow, rev, err, func(ctx context.Context, tx *sql.Tx, why Reason) error {
		return w.l.giveUpRevision(ctx, tx, id, why)
	})
}

type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	l      *Ledger
	handle func(ctx context.Context, revisionID int64, destination string) error
}

// Work implements river.Worker. The job is over when no delivery waits.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	id, destination := job.Args.RevisionID, job.Args.Destination
	rev, _, err := w.l.Revision(ctx, id)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	waiting, err := w.l.Pending(ctx, id, destination)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	if len(waiting) == 0 {
		return nil
	}
	free, ok := w.l.occupy(job.Kind, id, destination)
	if !ok {
		return river.JobSnooze(pollInterval)
	}
	defer free()
	err = guard(func() error { return w.handle(ctx, id, destination) })
	if err == nil {
		waiting, err = w.l.Pending(ctx, id, destination)
		if err == nil && len(waiting) > 0 {
			err = &RetryAfter{Delay: w.l.untilNext(waiting)}
		}
	}
	return w.l.conclude(ctx, job.JobRow, rev, err, func(ctx context.Context, tx *sql.Tx, why Reason) error {
		return w.l.giveUpDeliveries(ctx, tx, id, destination, why)
	})
}

// occupy keeps two jobs of the same work from running at once: the second waits, and then
// finds it done.
func (l *Ledger) occupy(kind string, revisionID int64, destination string) (free func(), ok bool) {
	key := fmt.Sprintf("%s %d %s", kind, revisionID, destination)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[key] {
		return nil, false
	}
	l.busy[key] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.busy, key)
	}, true
}

// postpone is for a job that the ledger itself could not be read for: it is not used up by that.
func (l *Ledger) postpone(ctx context.Context, job *rivertype.JobRow, err error) error {
	if ctx.Err() == nil {
		l.log.Error("job waits for the ledger: check the disk of data_dir", "job", job.Kind, "error", err)
	}
	return river.JobSnooze(postponed)
}

// untilNext is the time to the earliest attempt asked for.
func (l *Ledger) untilNext(waiting []Delivery) time.Duration {
	delay := time.Duration(-1)
	for _, d := range waiting {
		one := postponed
		if wait := d.NextAt.Sub(l.now()); wait > 0 {
			one = wait
		}
		if delay < 0 || one < delay {
			delay = one
		}
	}
	return delay
}

// panicError is a handler's panic as an error.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return f()
}

// conclude turns a handler's error into what the job library shall do, and into the
// ledger's own record when it was the last attempt.
func (l *Ledger) conclude(ctx context.Context, job *rivertype.JobRow, rev Revision, err error, giveUp func(context.Context, *sql.Tx, Reason) error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return river.JobSnooze(0) // StopJobs: not the job's fault
	}
	if retry := (*RetryAfter)(nil); errors.As(err, &retry) {
		return river.JobSnooze(max(retry.Delay, 0))
	}
	log := l.log.With("job", job.Kind, "study", rev.StudyUID, "revision", rev.Number, "attempt", job.Attempt, "of", job.MaxAttempts)
	why := Reason{Code: ReasonFailed, Text: err.Error(), Remedy: "look at the log of the node, remove the cause, then have the study processed again"}
	if p := (*panicError)(nil); errors.As(err, &p) {
		why.Code = ReasonCrashed
		why.Remedy = "this is a fault of the program: report it with the log, then have the study processed again"
		log.Error("job crashed", "error", err, "stack", string(p.stack))
	} else {
		log.Error("job failed", "error", err)
	}
	last := job.Attempt >= job.MaxAttempts
	dbErr := l.update(ctx, func(tx *sql.Tx) error {
		text := fmt.Sprintf("%s, attempt %d of %d: %v", job.Kind, job.Attempt, job.MaxAttempts, err)
		if e := l.event(ctx, tx, rev.StudyUID, EventJobFailed, text, map[string]any{"revision": rev.Number}); e != nil || !last {
			return e
		}
		return giveUp(ctx, tx, why)
	})
	if dbErr != nil && last {
		// Nothing was written: try again rather than end in silence.
		log.Error("outcome of a failed job not written", "error", dbErr)
		return river.JobSnooze(postponed)
	}
	return err
}

// jobLogger lets the job library speak of its own troubles only: failures of jobs are logged here.
func (l *Ledger) jobLogger() *slog.Logger {
	return slog.New(&onlyErrors{l.log.With("part", "jobs").Handler()})
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
