package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"jcsnode/guard"
)

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
	return w.l.workOn(ctx, job.JobRow, id, rev, w.handle, func(ctx context.Context, tx *sql.Tx, why Reason) error {
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
	free, ok := w.l.occupy(job.Kind, 0, destination) // one revision at a time, in whichever queue its job lies
	if !ok {
		return river.JobSnooze(pollInterval)
	}
	defer free()
	err = guard.Call(func() error { return w.handle(ctx, id, destination) })
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

// workOn does the job about one row, unless another job is at it, and concludes it.
func (l *Ledger) workOn(ctx context.Context, job *rivertype.JobRow, id int64, rev Revision, handle func(ctx context.Context, id int64) error,
	giveUp func(context.Context, *sql.Tx, Reason) error) error {
	free, ok := l.occupy(job.Kind, id, "")
	if !ok {
		return river.JobSnooze(pollInterval)
	}
	defer free()
	return l.conclude(ctx, job, rev, guard.Call(func() error { return handle(ctx, id) }), giveUp)
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
	if noRoom(err) {
		log.Error("job waits for room on the disk of data_dir; it is tried again", "in", diskPause.String(), "error", err)
		// The ledger may be on that disk: the history does without the event then.
		_ = l.update(ctx, func(tx *sql.Tx) error {
			return l.event(ctx, tx, rev.StudyUID, EventJobFailed, fmt.Sprintf("%s waits for room on the disk: %v", job.Kind, err), map[string]any{"revision": rev.Number})
		})
		return river.JobSnooze(diskPause)
	}
	why := Reason{Code: ReasonFailed, Text: err.Error(), Remedy: "look at the log of the node, remove the cause, then have the study processed again"}
	if p := (*guard.Panic)(nil); errors.As(err, &p) {
		why.Code = ReasonCrashed
		why.Remedy = "this is a fault of the program: report it with the log, then have the study processed again"
		log.Error("job crashed", "error", err, "stack", string(p.Stack))
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

// noRoom tells a disk that takes nothing, which is no fault of the job and passes when somebody makes room.
func noRoom(err error) bool {
	var database sqlite3.Error
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) ||
		errors.As(err, &database) && database.Code == sqlite3.ErrFull
}
