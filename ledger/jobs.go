package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
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
	// Commit reports on a storage commitment request. Nil leaves the requests waiting.
	Commit func(ctx context.Context, commitmentID int64) error
	// Notify tells a receiver. Nil leaves notifications waiting.
	Notify func(ctx context.Context, notificationID int64) error
	// Confirm asks a destination for storage commitment. Nil leaves confirmations waiting.
	Confirm func(ctx context.Context, confirmationID int64) error
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

// Queues of their own, so that a slow destination delays neither a study nor another
// destination. queueDeliver is for destinations that StartJobs was not told about.
const (
	queueProcess = "process"
	queueDeliver = "deliver"
)

// queueOf names the queue of a destination or a receiver; a name from the configuration is not fit for one.
func queueOf(queue, name string) string {
	sum := sha256.Sum256([]byte(name))
	return queue + "_" + hex.EncodeToString(sum[:8])
}

const (
	defaultAttempts = 4
	// postponed is the wait of a delivery job whose handler left deliveries waiting without
	// saying until when, and of a job that met a ledger out of order.
	postponed = 10 * time.Second
	// diskPause is the wait of a job for which the disk had no room.
	diskPause = time.Minute
	// pollInterval is how late a job may start; each poll is one small statement.
	pollInterval = 250 * time.Millisecond
	// never is for the job library's own rescue of running jobs: ours is exact, at the
	// start, and a study on a slow machine may take hours.
	never = 100 * 365 * 24 * time.Hour
	// defaultLongestWait is that of deliveries, and what a receiver of notifications can ask for. A destination is asked again to confirm
	// after a day at most.
	defaultLongestWait = 6 * time.Hour
	// wakeInterval is how often sleeping jobs are looked at.
	wakeInterval = time.Minute
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
	queue := queueDeliver
	if l.served(destination) {
		queue = queueOf(queueDeliver, destination)
	}
	if err := l.enqueueJob(ctx, tx, deliverArgs{RevisionID: revisionID, Destination: destination}, queue, revisionID, destination); err != nil {
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

// enqueueOne does the same for a job about one row, which args name by field.
func (l *Ledger) enqueueOne(ctx context.Context, tx *sql.Tx, args river.JobArgs, queue, field string, id int64) error {
	result, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = min(scheduled_at, datetime('now', 'subsec'))
		WHERE kind = ? AND state IN ('available', 'scheduled', 'retryable') AND json_extract(args, '$.' || ?) = ?`, args.Kind(), field, id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = l.insert.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: queue, MaxAttempts: l.attempts})
	return err
}

// served says whether this process works on a queue of the destination's own.
func (l *Ledger) served(destination string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.destinations, destination)
}

// StartJobs sets back what a killed process left running and starts the workers: one for each of
// the destinations, whose revisions follow each other, and one for all others together. The ledger
// must be this process's own: neither ReadOnly nor Beside.
func (l *Ledger) StartJobs(ctx context.Context, h Handlers, processWorkers int, destinations ...string) error {
	if h.Process == nil || h.Deliver == nil || processWorkers < 1 {
		return errors.New("start jobs: needs both handlers and at least one worker each")
	}
	if l.lock == nil {
		return errors.New("start jobs: the ledger was opened beside the process that works on it")
	}
	queues := map[string]river.QueueConfig{queueProcess: {MaxWorkers: processWorkers}, queueDeliver: {MaxWorkers: 1}}
	if h.Commit != nil {
		queues[queueCommit] = river.QueueConfig{MaxWorkers: commitWorkers}
	}
	if h.Notify != nil {
		queues[queueNotify] = river.QueueConfig{MaxWorkers: notifyWorkers}
		for _, r := range l.receivers {
			queues[queueOf(queueNotify, r.Name)] = river.QueueConfig{MaxWorkers: notifyWorkers}
		}
	}
	if h.Confirm != nil {
		queues[queueConfirm] = river.QueueConfig{MaxWorkers: 1}
		for _, d := range l.confirming {
			queues[queueOf(queueConfirm, d)] = river.QueueConfig{MaxWorkers: 1}
		}
	}
	for _, d := range destinations {
		queues[queueOf(queueDeliver, d)] = river.QueueConfig{MaxWorkers: 1}
	}
	l.mu.Lock()
	if l.workers != nil {
		l.mu.Unlock()
		return errors.New("start jobs: they run already")
	}
	l.destinations = slices.Clone(destinations)
	l.mu.Unlock()
	if err := l.startJobs(ctx, h, queues); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	return nil
}

func (l *Ledger) startJobs(ctx context.Context, h Handlers, queues map[string]river.QueueConfig) error {
	if err := l.recoverJobs(ctx, slices.Collect(maps.Keys(queues))); err != nil {
		return err
	}
	bundle := river.NewWorkers()
	river.AddWorker(bundle, &processWorker{l: l, handle: h.Process})
	river.AddWorker(bundle, &deliverWorker{l: l, handle: h.Deliver})
	if h.Commit != nil {
		river.AddWorker(bundle, &commitWorker{l: l, handle: h.Commit})
	}
	if h.Notify != nil {
		river.AddWorker(bundle, &notifyWorker{l: l, handle: h.Notify})
	}
	if h.Confirm != nil {
		river.AddWorker(bundle, &confirmWorker{l: l, handle: h.Confirm})
	}
	client, err := river.NewClient(riversqlite.New(l.write), &river.Config{
		Logger:               l.jobLogger(),
		Workers:              bundle,
		Queues:               queues,
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
	// The workers live until StopJobs, not as long as the caller's context.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	l.workers = client
	l.waking = make(chan struct{})
	go l.wakeLoop(context.WithoutCancel(ctx), l.waking)
	return nil
}

// wakeLoop wakes jobs that sleep for too long, until stop is closed.
func (l *Ledger) wakeLoop(ctx context.Context, stop chan struct{}) {
	tick := time.NewTicker(wakeInterval)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if err := l.wakeSleepers(ctx); err != nil {
			l.log.Error("cannot look for jobs that sleep for too long: check the disk of data_dir", "error", err)
		}
	}
}

// wakeSleepers has jobs run now that would sleep for longer than any is put off: a clock that was ahead would have them sleep until it is
// as late again.
func (l *Ledger) wakeSleepers(ctx context.Context) error {
	return l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = datetime('now', 'subsec')
			WHERE state IN ('available', 'scheduled', 'retryable')
			AND unixepoch(scheduled_at) > unixepoch('now') + iif(kind = ?, max(?2, 86400), ?2)`, confirmArgs{}.Kind(), int64(l.longestWait/time.Second))
		return err
	})
}

// StopJobs cancels the contexts of running handlers and waits for them, at most until ctx
// ends. What was interrupted runs again at the next start, and that does not count as a failure.
func (l *Ledger) StopJobs(ctx context.Context) error {
	l.mu.Lock()
	client := l.workers
	l.workers = nil
	if l.waking != nil {
		close(l.waking)
		l.waking = nil
	}
	l.mu.Unlock()
	if client == nil {
		return nil
	}
	if err := client.StopAndCancel(ctx); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

type retryPolicy struct {
	delay func(attempt int) time.Duration
}

// NextRetry implements river.ClientRetryPolicy. The job library compares it with its own clock.
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(p.delay(job.Attempt))
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
