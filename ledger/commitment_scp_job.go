package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"jcsnode/ledger/jobs"
)

// commitmentSCPJob sends the report of a request for storage commitment.
const commitmentSCPJob = "commit"

// reportWorkers is how many reports are sent at a time.
const reportWorkers = 2

type commitmentSCPKey struct {
	ID int64 `json:"commitment_id"`
}

// commitmentSCPKind has a queue apart from deliveries: a modality that is switched off delays no result.
func (l *Ledger) commitmentSCPKind(handle func(ctx context.Context, commitmentID int64) error) jobs.Kind {
	return jobs.Kind{
		Name:        commitmentSCPJob,
		Workers:     reportWorkers,
		LongestWait: l.longestWait(),
		Work: works(l, func(ctx context.Context, key commitmentSCPKey) (*task, error) {
			c, err := l.CommitmentSCP(ctx, key.ID)
			if err != nil || c.State != SCPWaiting {
				return nil, err
			}
			return &task{
				do: func(ctx context.Context) error { return handle(ctx, c.ID) },
				giveUp: func(ctx context.Context, tx *sql.Tx, why Reason) error {
					return l.finishCommitmentSCP(ctx, tx, c.ID, SCPFailed, why.Text)
				},
			}, nil
		}),
	}
}

// enqueueCommitmentSCP makes sure that a job of the request will start now, unless one runs.
func (l *Ledger) enqueueCommitmentSCP(ctx context.Context, tx *sql.Tx, id int64) error {
	return l.jobs.Enqueue(ctx, tx, commitmentSCPJob, commitmentSCPKey{id}, "")
}

// enqueueCommitmentsSCP gives every waiting request a job: the association on which it might have been reported ended with the
// process.
func (l *Ledger) enqueueCommitmentsSCP(ctx context.Context, tx *sql.Tx) error {
	waiting, err := queryCommitmentsSCP(ctx, tx, `WHERE state = ?`, SCPWaiting)
	if err != nil {
		return err
	}
	for _, c := range waiting {
		if err := l.enqueueCommitmentSCP(ctx, tx, c.ID); err != nil {
			return fmt.Errorf("storage commitment %d: %w", c.ID, err)
		}
	}
	return nil
}
