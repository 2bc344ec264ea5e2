package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/riverqueue/river"
)

// queueConfirm is for destinations that are not asked any more; each other has a queue of its own, so that one that does not answer
// delays nobody.
const queueConfirm = "confirm"

type confirmArgs struct {
	ConfirmationID int64 `json:"confirmation_id"`
}

func (confirmArgs) Kind() string { return "confirm" }

type confirmWorker struct {
	river.WorkerDefaults[confirmArgs]
	l      *Ledger
	handle func(ctx context.Context, confirmationID int64) error
}

// Work implements river.Worker.
func (w *confirmWorker) Work(ctx context.Context, job *river.Job[confirmArgs]) error {
	id := job.Args.ConfirmationID
	c, err := w.l.CommitmentSCU(ctx, id)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	if c.State != SCUWaiting {
		return nil
	}
	rev, _, err := w.l.Revision(ctx, c.RevisionID)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	return w.l.workOn(ctx, job.JobRow, id, rev, w.handle, func(ctx context.Context, tx *sql.Tx, why Reason) error {
		return w.l.giveUpConfirmation(ctx, tx, id, why.Text)
	})
}

// confirms says whether a destination is asked for storage commitment.
func (l *Ledger) confirms(destination string) bool { return slices.Contains(l.confirming, destination) }

func (l *Ledger) enqueueConfirm(ctx context.Context, tx *sql.Tx, id int64, destination string) error {
	queue := queueConfirm
	if l.confirms(destination) {
		queue = queueOf(queueConfirm, destination)
	}
	if err := l.enqueueOne(ctx, tx, confirmArgs{ConfirmationID: id}, queue, "confirmation_id", id); err != nil {
		return fmt.Errorf("enqueue confirmation of %s: %w", destination, err)
	}
	return nil
}

// recoverConfirmations gives every waiting confirmation a job.
func (l *Ledger) recoverConfirmations(ctx context.Context, tx *sql.Tx) error {
	waiting, err := queryConfirmations(ctx, tx, `WHERE state = ?`, SCUWaiting)
	if err != nil {
		return err
	}
	for _, c := range waiting {
		if err := l.enqueueConfirm(ctx, tx, c.ID, c.Destination); err != nil {
			return err
		}
	}
	return nil
}
