package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"jcsnode/guard"
	"jcsnode/ledger/jobs"
)

// Handlers do the work. A handler may be called again for work that it has done already
// and must then do nothing twice: a crash can come between its last write and the job's end.
type Handlers struct {
	Process func(ctx context.Context, revisionID int64) error
	Deliver func(ctx context.Context, revisionID int64, destination string) error
	// CommitmentSCP reports on a request for storage commitment, as SCP. Nil leaves the requests waiting.
	CommitmentSCP func(ctx context.Context, commitmentID int64) error
	// Notify tells a receiver. Nil leaves notifications waiting.
	Notify func(ctx context.Context, notificationID int64) error
	// CommitmentSCU asks a destination for storage commitment, as SCU. Nil leaves the requests waiting.
	CommitmentSCU func(ctx context.Context, commitmentID int64) error
}

// RetryAfter is returned by a handler that wants to run again later. It is no failure.
type RetryAfter = jobs.RetryAfter

const (
	defaultAttempts = 4
	// postponed is the wait of a delivery job whose handler left deliveries waiting without
	// saying until when, and of a job that met a ledger out of order.
	postponed = 10 * time.Second
	// defaultLongestWait is that of deliveries, and what a receiver of notifications can ask for.
	defaultLongestWait = 6 * time.Hour
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

// takeJobs takes the jobs in the database, to enqueue more.
func (l *Ledger) takeJobs(opt Options) (err error) {
	o := jobs.Options{Driver: l.db.JobDriver(), Dialect: l.db.JobDialect(), Update: l.update, Logger: l.log,
		RetryDelay: opt.RetryDelay, MaxAttempts: opt.MaxAttempts, TestOnly: opt.TestOnly, Shared: opt.Shared, Now: opt.JobsNow}
	if opt.Shared {
		o.Alone = l.db.Alone
	}
	if o.RetryDelay == nil {
		o.RetryDelay = defaultRetryDelay
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = defaultAttempts
	}
	l.jobs, err = jobs.New(o, map[string][]string{
		deliverJob:       opt.Destinations,
		notifyJob:        l.receiverNames(),
		commitmentSCUJob: opt.CommitmentFrom,
	})
	return err
}

// StartJobs sets back what a killed process left running and starts the workers: one for each of
// the destinations, whose revisions follow each other, and one for all others together. The ledger
// must be this process's own: neither ReadOnly nor Beside.
func (l *Ledger) StartJobs(ctx context.Context, h Handlers, processWorkers int, destinations ...string) error {
	if processWorkers < 1 {
		return errors.New("start jobs: needs at least one worker")
	}
	return l.StartJobsAs(ctx, Crew{Readers: processWorkers, Reports: true, Destinations: destinations}, h)
}

// Crew is what a process does of the work, beside what it takes of it, and under which name. Jobs of which it does nothing it knows all
// the same: the job library throws away what it does not.
type Crew struct {
	ClientID     string // what others know it by; no two that ever ran have the same. "": the job library makes one
	Readers      int    // studies that are processed at a time
	Reports      bool   // of storage commitment, as SCP
	Destinations []string
}

// StartJobsAs is StartJobs for a process that need not do everything, as one of several.
func (l *Ledger) StartJobsAs(ctx context.Context, c Crew, h Handlers) error {
	if h.Process == nil || h.Deliver == nil {
		return errors.New("start jobs: needs both handlers")
	}
	if !l.db.Owned() {
		return errors.New("start jobs: the ledger was opened beside the process that works on it")
	}
	kinds := []jobs.Kind{l.processKind(h.Process, c.Readers), l.deliverKind(h.Deliver, c.Destinations)}
	if h.CommitmentSCP != nil {
		reports := l.commitmentSCPKind(h.CommitmentSCP)
		if !c.Reports {
			reports.Workers = 0
		}
		kinds = append(kinds, reports)
	}
	if h.Notify != nil {
		kinds = append(kinds, l.notifyKind(h.Notify))
	}
	if h.CommitmentSCU != nil {
		kinds = append(kinds, l.commitmentSCUKind(h.CommitmentSCU))
	}
	if err := l.jobs.Start(ctx, c.ClientID, kinds, l.enqueueMissing); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	return nil
}

// StopJobs cancels the contexts of running handlers and waits for them, at most until ctx
// ends. What was interrupted runs again at the next start, and that does not count as a failure.
func (l *Ledger) StopJobs(ctx context.Context) error {
	if l.db.ReadOnly() {
		return nil
	}
	return l.jobs.Stop(ctx)
}

// enqueueMissing makes sure that whatever is not at its end has a job. A job that lives already stays alone.
func (l *Ledger) enqueueMissing(ctx context.Context, tx *sql.Tx) error {
	for _, enqueue := range []func(context.Context, *sql.Tx) error{l.enqueueRevisions, l.enqueueDeliveries, l.enqueueCommitmentsSCP,
		l.enqueueNotifications, l.enqueueCommitmentsSCU} {
		if err := enqueue(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// task is what a job is about.
type task struct {
	revision Revision // for the history and the log; may be zero
	do       func(ctx context.Context) error
	giveUp   func(ctx context.Context, tx *sql.Tx, why Reason) error // after the last attempt
}

// works does jobs of a kind. taskOf looks up what a key names; nil: there is nothing left to do.
func works[Key any](l *Ledger, taskOf func(ctx context.Context, key Key) (*task, error)) func(ctx context.Context, j jobs.Job) error {
	return func(ctx context.Context, j jobs.Job) error {
		key, err := keyOf[Key](j.Key)
		if err != nil {
			return err
		}
		t, err := taskOf(ctx, key)
		if err != nil {
			return l.postpone(ctx, j, err)
		}
		if t == nil {
			l.pauses.over(j)
			return nil
		}
		return l.conclude(ctx, j, t, guard.Call(func() error { return t.do(ctx) }))
	}
}

func keyOf[Key any](text []byte) (key Key, err error) {
	if err := json.Unmarshal(text, &key); err != nil {
		return key, fmt.Errorf("key of a job: %w", err)
	}
	return key, nil
}

// postpone is for a job that the ledger itself could not be read for: it is not used up by that.
func (l *Ledger) postpone(ctx context.Context, j jobs.Job, err error) error {
	if ctx.Err() == nil {
		l.log.Error("job waits for the ledger: "+l.db.Advice(), "job", j.Kind, "error", err)
	}
	return &RetryAfter{Delay: postponed, Err: err}
}

// conclude turns a handler's error into what becomes of the job, and into the
// ledger's own record when it was the last attempt.
func (l *Ledger) conclude(ctx context.Context, j jobs.Job, t *task, err error) error {
	full := err != nil && ctx.Err() == nil && l.noRoom(err)
	if !full {
		l.pauses.over(j)
	}
	var retry *RetryAfter
	if err == nil || ctx.Err() != nil || errors.As(err, &retry) {
		return err
	}
	rev := t.revision
	attributes := map[string]any{"revision": rev.Number}
	log := l.log.With("job", j.Kind, "study", rev.StudyUID, "revision", rev.Number, "attempt", j.Attempt, "of", j.MaxAttempts)
	if full {
		wait := l.pauses.next(j, l.now())
		log.Error("job waits for room on the disk of data_dir (of store.path, if that is set); "+
			"it is tried again, sooner when its study is requeued",
			"in", wait.String(), "error", err)
		// The ledger may be on that disk: the history does without the event then.
		_ = l.update(ctx, func(tx *sql.Tx) error {
			text := fmt.Sprintf("%s waits for room on the disk: %v", j.Kind, err)
			return l.event(ctx, tx, rev.StudyUID, EventJobFailed, text, attributes)
		})
		return &RetryAfter{Delay: wait, Err: err}
	}
	if l.db.Passing(err) {
		log.Warn("job waits for the ledger: "+l.db.Advice(), "in", postponed.String(), "error", err)
		return &RetryAfter{Delay: postponed, Err: err}
	}
	why := Reason{
		Code:   ReasonFailed,
		Text:   err.Error(),
		Remedy: "look at the log of the node, remove the cause, then have the study processed again",
	}
	if p := (*guard.Panic)(nil); errors.As(err, &p) {
		why.Code = ReasonCrashed
		why.Remedy = "this is a fault of the program: report it with the log, then have the study processed again"
		log.Error("job crashed", "error", err, "stack", string(p.Stack))
	} else {
		log.Error("job failed", "error", err)
	}
	dbErr := l.update(ctx, func(tx *sql.Tx) error {
		text := fmt.Sprintf("%s, attempt %d of %d: %v", j.Kind, j.Attempt, j.MaxAttempts, err)
		if e := l.event(ctx, tx, rev.StudyUID, EventJobFailed, text, attributes); e != nil || !j.Last() {
			return e
		}
		return t.giveUp(ctx, tx, why)
	})
	if dbErr != nil && j.Last() {
		// Nothing was written: try again rather than end in silence.
		log.Error("outcome of a failed job not written", "error", dbErr)
		return &RetryAfter{Delay: postponed, Err: dbErr}
	}
	return err
}

// noRoom tells a disk that takes nothing, which is no fault of the job and passes when somebody makes room.
func (l *Ledger) noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) || l.db.NoRoom(err)
}
