package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jcsnode/ledger/jobs"
)

// commitmentSCUJob asks a destination for storage commitment.
const commitmentSCUJob = "confirm"

// longestAsk is the longest wait between two requests for storage commitment.
const longestAsk = 24 * time.Hour

type commitmentSCUKey struct {
	ID int64 `json:"confirmation_id"`
}

func (l *Ledger) commitmentSCUKind(handle func(ctx context.Context, commitmentID int64) error) jobs.Kind {
	return jobs.Kind{
		Name:    commitmentSCUJob,
		Workers: 1,
		Own:     l.parties.Load().CommitmentFrom,
		Taken:   l.shared,
		Whose: func(ctx context.Context, tx *sql.Tx, key []byte) (who string, err error) {
			k, err := keyOf[commitmentSCUKey](key)
			if err == nil {
				err = tx.QueryRowContext(ctx, `SELECT destination FROM confirmation WHERE id = ?`, k.ID).Scan(&who)
			}
			return who, err
		},
		LongestWait: max(l.longestWait(), longestAsk),
		Work: works(l, func(ctx context.Context, key commitmentSCUKey) (*task, error) {
			c, err := l.CommitmentSCU(ctx, key.ID)
			if err != nil || c.State != SCUWaiting {
				return nil, err
			}
			rev, _, err := l.Revision(ctx, c.RevisionID)
			if err != nil {
				return nil, err
			}
			return &task{
				revision: rev,
				do:       func(ctx context.Context) error { return handle(ctx, c.ID) },
				giveUp: func(ctx context.Context, tx *sql.Tx, why Reason) error {
					return l.giveUpCommitmentSCU(ctx, tx, c.ID, why.Text)
				},
			}, nil
		}),
	}
}

func (l *Ledger) enqueueCommitmentSCU(ctx context.Context, tx *sql.Tx, id int64, destination string) error {
	if err := l.jobs.Enqueue(ctx, tx, commitmentSCUJob, commitmentSCUKey{id}, destination); err != nil {
		return fmt.Errorf("enqueue storage commitment of %s: %w", destination, err)
	}
	return nil
}

// A destination may take deliveries and no requests: what was tried within wakePause is not woken, nor more than wakeAtMost at once.
const (
	wakePause  = 10 * time.Minute
	wakeAtMost = 500
)

// wakeCommitmentsSCU has those tried now that wait for a destination, and not for its answer.
func (l *Ledger) wakeCommitmentsSCU(ctx context.Context, tx *sql.Tx, destination string) error {
	waiting, err := queryCommitmentsSCU(ctx, tx, `
		WHERE state = ? AND destination = ? AND (
			next_at <= ?
			OR attempts > 0 AND NOT EXISTS (
				SELECT 1
				FROM confirmation_transaction t
				WHERE t.confirmation_id = confirmation.id AND t.at > ?))
		ORDER BY next_at, id
		LIMIT ?`,
		SCUWaiting, destination, ms(l.now()), ms(l.now().Add(-wakePause)), wakeAtMost)
	if err != nil {
		return err
	}
	for _, c := range waiting {
		if _, err := tx.ExecContext(ctx, `UPDATE confirmation SET next_at = 0 WHERE id = ?`, c.ID); err != nil {
			return err
		}
		if err := l.enqueueCommitmentSCU(ctx, tx, c.ID, destination); err != nil {
			return err
		}
	}
	return nil
}

// enqueueCommitmentsSCU gives every waiting request a job.
func (l *Ledger) enqueueCommitmentsSCU(ctx context.Context, tx *sql.Tx) error {
	waiting, err := queryCommitmentsSCU(ctx, tx, `WHERE state = ?`, SCUWaiting)
	if err != nil {
		return err
	}
	for _, c := range waiting {
		if err := l.enqueueCommitmentSCU(ctx, tx, c.ID, c.Destination); err != nil {
			return err
		}
	}
	return nil
}
