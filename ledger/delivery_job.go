package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jcsnode/ledger/jobs"
)

const deliverJob = "deliver"

type deliverKey struct {
	RevisionID  int64  `json:"revision_id"`
	Destination string `json:"destination"`
}

// deliverKind sends one revision at a time to a destination, in whichever queue its job lies. A job is over when no delivery waits.
func (l *Ledger) deliverKind(handle func(ctx context.Context, revisionID int64, destination string) error, own []string) jobs.Kind {
	return jobs.Kind{
		Name:    deliverJob,
		Workers: 1,
		Own:     own,
		Taken:   l.shared,
		Whose: func(_ context.Context, _ *sql.Tx, key []byte) (string, error) {
			k, err := keyOf[deliverKey](key)
			return k.Destination, err
		},
		LongestWait: l.longestWait(),
		Lane: func(key []byte) string {
			k, err := keyOf[deliverKey](key)
			if err != nil {
				return string(key)
			}
			return k.Destination
		},
		Interrupted: func(ctx context.Context, tx *sql.Tx, j jobs.Job, killed bool) error {
			key, err := keyOf[deliverKey](j.Key)
			if err == nil {
				_, err = l.interrupted(ctx, tx, j, key.RevisionID, killed)
			}
			return err
		},
		Work: works(l, func(ctx context.Context, key deliverKey) (*task, error) {
			rev, _, err := l.Revision(ctx, key.RevisionID)
			if err != nil {
				return nil, err
			}
			waiting, err := l.Pending(ctx, rev.ID, key.Destination)
			if err != nil || len(waiting) == 0 {
				return nil, err
			}
			return &task{
				revision: rev,
				do:       func(ctx context.Context) error { return l.deliver(ctx, key, handle) },
				giveUp: func(ctx context.Context, tx *sql.Tx, why Reason) error {
					return l.giveUpDeliveries(ctx, tx, rev.ID, key.Destination, why)
				},
			}, nil
		}),
	}
}

// deliver has a handler deliver, and comes again for what it leaves waiting.
func (l *Ledger) deliver(ctx context.Context, key deliverKey, handle func(context.Context, int64, string) error) error {
	if err := handle(ctx, key.RevisionID, key.Destination); err != nil {
		return err
	}
	waiting, err := l.Pending(ctx, key.RevisionID, key.Destination)
	if err != nil || len(waiting) == 0 {
		return err
	}
	return &RetryAfter{Delay: l.untilNext(waiting)}
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

// enqueueDeliver makes sure that a delivery job of the revision for the destination will start, now if it waited for its time.
func (l *Ledger) enqueueDeliver(ctx context.Context, tx *sql.Tx, revisionID int64, destination string) error {
	if err := l.jobs.Enqueue(ctx, tx, deliverJob, deliverKey{revisionID, destination}, destination); err != nil {
		return fmt.Errorf("enqueue delivery to %s: %w", destination, err)
	}
	return nil
}

// enqueueDeliveries gives every revision a job for each destination that waits for something of it.
func (l *Ledger) enqueueDeliveries(ctx context.Context, tx *sql.Tx) error {
	return l.enqueueWaiting(ctx, tx, `d.state = '`+DeliveryWaiting+`'`)
}

// enqueueWaiting does so for the deliveries that a condition names.
func (l *Ledger) enqueueWaiting(ctx context.Context, tx *sql.Tx, condition string, args ...any) error {
	waiting, err := query(ctx, tx, `
		SELECT DISTINCT o.revision_id, d.destination
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		JOIN revision r ON r.id = o.revision_id
		WHERE `+condition,
		func(rows *sql.Rows) (k deliverKey, err error) {
			err = rows.Scan(&k.RevisionID, &k.Destination)
			return k, err
		}, args...)
	if err != nil {
		return err
	}
	for _, k := range waiting {
		if err := l.enqueueDeliver(ctx, tx, k.RevisionID, k.Destination); err != nil {
			return err
		}
	}
	return nil
}

// giveUpDeliveries ends the waiting deliveries of a revision to one destination.
func (l *Ledger) giveUpDeliveries(ctx context.Context, tx *sql.Tx, id int64, destination string, why Reason) error {
	rev, err := l.lockRevision(ctx, tx, id)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `
		UPDATE delivery
		SET state = ?, status = ?, detail = ?, failed_at = ?, begun_at = 0
		WHERE destination = ? AND state = ? AND object_id IN (SELECT id FROM object WHERE revision_id = ?)`,
		DeliveryFailed, why.Code, why.Text, ms(l.now()), destination, DeliveryWaiting, id)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if err := l.delivered(ctx, tx, rev, destination); err != nil {
		return err
	}
	return l.event(ctx, tx, rev.StudyUID, EventDeliveryFailed, fmt.Sprintf("%s: %s: %s", destination, objects(int(n)), why.Text),
		map[string]any{"destination": destination, "revision": rev.Number, "remedy": why.Remedy})
}

// Wake has everything that waits for a destination because of one of the kinds of trouble tried now, since that is over, and requests for
// storage commitment that did not get through to it. It says of how many revisions there were deliveries.
func (l *Ledger) Wake(ctx context.Context, destination string, troubles ...string) (revisions int, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		revisions = 0
		for _, trouble := range troubles {
			const which = `d.state = ? AND d.destination = ? AND d.trouble = ? AND d.next_at > ?`
			args := []any{DeliveryWaiting, destination, trouble, ms(l.now())}
			var n int
			if err := tx.QueryRowContext(ctx, `
				SELECT COUNT(DISTINCT o.revision_id)
				FROM delivery d
				JOIN object o ON o.id = d.object_id
				WHERE `+which, args...).Scan(&n); err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			revisions += n
			if err := l.enqueueWaiting(ctx, tx, which, args...); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE delivery AS d SET next_at = 0 WHERE `+which, args...); err != nil {
				return err
			}
		}
		return l.wakeCommitmentsSCU(ctx, tx, destination)
	})
	if err != nil {
		return 0, fmt.Errorf("wake what waits for %s: %w", destination, err)
	}
	return revisions, nil
}
