package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river"
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
	c, err := w.l.CommitmentSCP(ctx, id)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	if c.State != SCPWaiting {
		return nil
	}
	return w.l.workOn(ctx, job.JobRow, id, Revision{}, w.handle, func(ctx context.Context, tx *sql.Tx, why Reason) error {
		return w.l.finishCommitment(ctx, tx, id, SCPFailed, why.Text)
	})
}

// enqueueCommit makes sure that a job of the request will start now, unless one runs.
func (l *Ledger) enqueueCommit(ctx context.Context, tx *sql.Tx, id int64) error {
	return l.enqueueOne(ctx, tx, commitArgs{CommitmentID: id}, queueCommit, "commitment_id", id)
}

// recoverCommitments gives every waiting request a job: the association on which it might have been reported ended with the
// process.
func (l *Ledger) recoverCommitments(ctx context.Context, tx *sql.Tx) error {
	waiting, err := queryCommitments(ctx, tx, `WHERE state = ?`, SCPWaiting)
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
