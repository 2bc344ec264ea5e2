package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"

	"jcsnode/guard"
)

// queueCommit holds the reports of storage commitment, apart from deliveries: a modality that is switched off delays no result.
const queueCommit = "commit"

// commitWorkers is how many reports are sent at a time.
const commitWorkers = 2

type commitArgs struct {
	CommitmentID int64 `json:"commitment_id"`
}

func (commitArgs) Kind() string { return "commit" }

type commitWorker struct {
	river.WorkerDefaults[commitArgs]
	l      *Ledger
	handle func(ctx context.Context, commitmentID int64) error
}

// Work implements river.Worker.
func (w *commitWorker) Work(ctx context.Context, job *river.Job[commitArgs]) error {
	id := job.Args.CommitmentID
	c, err := w.l.Commitment(ctx, id)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	if c.State != CommitmentWaiting {
		return nil
	}
	free, ok := w.l.occupy(job.Kind, id, "")
	if !ok {
		return river.JobSnooze(pollInterval)
	}
	defer free()
	err = guard.Call(func() error { return w.handle(ctx, id) })
	return w.l.conclude(ctx, job.JobRow, Revision{}, err, func(ctx context.Context, tx *sql.Tx, why Reason) error {
		return w.l.finishCommitment(ctx, tx, id, CommitmentFailed, why.Text)
	})
}

// enqueueCommit makes sure that a job of the request will start now, unless one runs.
func (l *Ledger) enqueueCommit(ctx context.Context, tx *sql.Tx, id int64) error {
	result, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = min(scheduled_at, datetime('now', 'subsec'))
		WHERE kind = ? AND state IN ('available', 'scheduled', 'retryable') AND json_extract(args, '$.commitment_id') = ?`, commitArgs{}.Kind(), id)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = l.insert.InsertTx(ctx, tx, commitArgs{CommitmentID: id}, &river.InsertOpts{Queue: queueCommit, MaxAttempts: l.attempts})
	return err
}

// recoverCommitments sets back interrupted jobs and gives every waiting request one: the association on which it might have been
// reported ended with the process.
func (l *Ledger) recoverCommitments(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', attempt = max(attempt - 1, 0) WHERE state = 'running' AND kind = ?`,
		commitArgs{}.Kind()); err != nil {
		return err
	}
	waiting, err := queryCommitments(ctx, tx, `WHERE state = ?`, CommitmentWaiting)
	if err != nil {
		return err
	}
	for _, c := range waiting {
		if err := l.enqueueCommit(ctx, tx, c.ID); err != nil {
			return fmt.Errorf("storage commitment %d: %w", c.ID, err)
		}
	}
	return nil
}
