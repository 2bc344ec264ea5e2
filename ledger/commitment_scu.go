package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// What a destination says about an object that it was sent, when it is asked for storage commitment.
const (
	ObjectAsked        = "asked"
	ObjectCommitted    = "committed"
	ObjectNotCommitted = "failed" // after it was sent a second time, or no answer came
)

// States of a request for storage commitment that a destination is asked.
const (
	SCUWaiting  = "waiting"
	SCUAnswered = "answered"
	SCUFailed   = "failed" // given up
)

// Kinds of the events of storage commitment that destinations are asked for. They speak of confirming, as do the tables, the kind of job, a
// key of the view's JSON and a code of notices: all of them are kept or read by others.
const (
	EventCommitmentAsked = "asked to confirm storage"
	EventCommitted       = "storage confirmed"
	EventNotCommitted    = "storage not confirmed"
)

// CommitmentSCU is a request for storage commitment (PS3.4 annex J) to a destination, about all that it was sent of a revision and is
// not committed yet. It lives until every object has its answer.
type CommitmentSCU struct {
	ID          int64       `json:"id"`
	RevisionID  int64       `json:"revision_id"`
	StudyUID    string      `json:"-"`
	Destination string      `json:"destination"`
	State       string      `json:"state"`
	Asked       int         `json:"asked"`    // how often the destination took the request
	Attempts    int         `json:"attempts"` // in vain, in a row
	Detail      string      `json:"detail,omitempty"`
	CreatedAt   time.Time   `json:"created_at,omitzero"`
	AskedAt     time.Time   `json:"asked_at,omitzero"`
	NextAt      time.Time   `json:"next_at,omitzero"` // not before
	FinishedAt  time.Time   `json:"finished_at,omitzero"`
	References  []Reference `json:"-"` // objects without an answer, as they were sent
}

// requestCommitment opens a request about what a destination was sent of a revision, if it is one that is asked and nothing waits
// to be sent there any more.
func (l *Ledger) requestCommitment(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	if !l.asksCommitment(destination) {
		return nil
	}
	var waiting, unasked int
	err := tx.QueryRowContext(ctx, `
		SELECT COUNT(*) FILTER (WHERE d.state = ?), COUNT(*) FILTER (WHERE d.state = ? AND d.commitment = '')
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ?`,
		DeliveryWaiting, DeliverySent, rev.ID, destination).Scan(&waiting, &unasked)
	if err != nil || waiting > 0 || unasked == 0 {
		return err
	}
	id, err := newID(ctx, tx, `
		INSERT INTO confirmation (revision_id, destination, state, created_at)
		VALUES (?, ?, ?, ?)`,
		rev.ID, destination, SCUWaiting, ms(l.now()))
	if err != nil {
		return fmt.Errorf("write request for storage commitment to %s: %w", destination, err)
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE delivery
		SET confirmation_id = ?, commitment = ?
		WHERE destination = ? AND state = ? AND commitment = '' AND object_id IN (SELECT id FROM object WHERE revision_id = ?)`,
		id, ObjectAsked, destination, DeliverySent, rev.ID); err != nil {
		return err
	}
	return l.enqueueCommitmentSCU(ctx, tx, id, destination)
}

// CommitmentSCU returns one with the objects that still lack an answer, or ErrNotFound.
func (l *Ledger) CommitmentSCU(ctx context.Context, id int64) (c CommitmentSCU, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		if c, err = oneCommitmentSCU(ctx, tx, id); err != nil {
			return err
		}
		c.References, err = query(ctx, tx, `
			SELECT sent_class_uid, sent_sop_uid
			FROM delivery
			WHERE confirmation_id = ? AND commitment = ?
			ORDER BY id`,
			func(rows *sql.Rows) (r Reference, err error) {
				err = rows.Scan(&r.SOPClassUID, &r.SOPInstanceUID)
				return r, err
			}, id, ObjectAsked)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("look up request for storage commitment %d: %w", id, err)
	}
	return c, nil
}

// SaveTransactionUID keeps the UID under which the request is about to leave, so that its answer is known whenever it comes.
func (l *Ledger) SaveTransactionUID(ctx context.Context, id int64, uid string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO confirmation_transaction (uid, confirmation_id, at)
			VALUES (?, ?, ?)`, uid, id, ms(l.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the transaction of request for storage commitment %d: %w", id, err)
	}
	return nil
}

// AskedForCommitment notes that the destination took the request; without an answer it is asked again at next.
func (l *Ledger) AskedForCommitment(ctx context.Context, id int64, next time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		c, err := oneCommitmentSCU(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE confirmation
			SET asked = asked + 1, attempts = 0, detail = '', asked_at = ?, next_at = ?
			WHERE id = ?`,
			ms(l.now()), ms(next), id); err != nil {
			return err
		}
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, c.RevisionID)
		if err != nil {
			return err
		}
		return l.event(ctx, tx, rev.StudyUID, EventCommitmentAsked, fmt.Sprintf("%s, time %d", c.Destination, c.Asked+1),
			map[string]any{"destination": c.Destination})
	})
	if err != nil {
		return fmt.Errorf("note that the destination took request for storage commitment %d: %w", id, err)
	}
	return nil
}

// RetryCommitmentSCU notes an attempt to ask that came to nothing.
func (l *Ledger) RetryCommitmentSCU(ctx context.Context, id int64, detail string, next time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE confirmation
			SET attempts = attempts + 1, detail = ?, next_at = ?
			WHERE id = ?`, detail, ms(next), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("note an attempt at request for storage commitment %d: %w", id, err)
	}
	return nil
}

// GiveUpCommitmentSCU ends a waiting request: what was not answered by now counts as not committed.
func (l *Ledger) GiveUpCommitmentSCU(ctx context.Context, id int64, why string) error {
	err := l.update(ctx, func(tx *sql.Tx) error { return l.giveUpCommitmentSCU(ctx, tx, id, why) })
	if err != nil {
		return fmt.Errorf("give up request for storage commitment %d: %w", id, err)
	}
	return nil
}

func (l *Ledger) giveUpCommitmentSCU(ctx context.Context, tx *sql.Tx, id int64, why string) error {
	c, rev, err := l.lockCommitmentSCU(ctx, tx, id)
	if err != nil || c.State != SCUWaiting {
		return err
	}
	now := ms(l.now())
	if _, err := tx.ExecContext(ctx, `
		UPDATE confirmation
		SET state = ?, detail = ?, finished_at = ?
		WHERE id = ?`, SCUFailed, why, now, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE delivery
		SET commitment = ?, commitment_detail = ?, commitment_at = ?
		WHERE confirmation_id = ? AND commitment = ?`,
		ObjectNotCommitted, why, now, id, ObjectAsked); err != nil {
		return err
	}
	attributes := map[string]any{"destination": c.Destination, "revision": rev.Number}
	if err := l.event(ctx, tx, rev.StudyUID, EventNotCommitted, c.Destination+": "+why, attributes); err != nil {
		return err
	}
	return l.notifyNotCommitted(ctx, tx, rev, c.Destination)
}

// notifyNotCommitted notifies that objects of a revision are not committed for good, if there are such and nobody was told.
func (l *Ledger) notifyNotCommitted(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	counts, err := countBy(ctx, tx, `
		SELECT d.commitment_detail, COUNT(*)
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ? AND d.commitment = ?
		GROUP BY d.commitment_detail`,
		rev.ID, destination, ObjectNotCommitted)
	if err != nil || len(counts) == 0 {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, `
		SELECT MAX(d.commitment_at)
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ? AND d.commitment = ?`,
		rev.ID, destination, ObjectNotCommitted).Scan(&last); err != nil {
		return err
	}
	states, err := deliveryStates(ctx, tx, rev.ID, destination)
	if err != nil {
		return err
	}
	_, err = l.notify(ctx, tx, Notice{
		Kind:        NoticeFailure,
		StudyUID:    rev.StudyUID,
		RevisionID:  rev.ID,
		Revision:    rev.Number,
		Destination: destination,
		Reason: Reason{
			Code:   ReasonNotCommitted,
			Text:   "the destination took objects and does not confirm that it keeps them: " + enumerate(counts),
			Remedy: "look at the destination's log for the objects of this study, remove the cause, then requeue the study",
		},
		Objects: states,
	}, last)
	return err
}

// lockCommitmentSCU returns one that stays as it is, like all of its study, until the transaction ends or changes it.
func (l *Ledger) lockCommitmentSCU(ctx context.Context, tx *sql.Tx, id int64) (c CommitmentSCU, rev Revision, err error) {
	if c, err = oneCommitmentSCU(ctx, tx, id); err != nil {
		return c, rev, err
	}
	if waited, err := l.db.Lock(ctx, tx, c.StudyUID); err != nil {
		return c, rev, err
	} else if waited {
		if c, err = oneCommitmentSCU(ctx, tx, id); err != nil {
			return c, rev, err
		}
	}
	rev, err = oneRevision(ctx, tx, `WHERE id = ?`, c.RevisionID)
	return c, rev, err
}

func oneCommitmentSCU(ctx context.Context, tx *sql.Tx, id int64) (CommitmentSCU, error) {
	all, err := queryCommitmentsSCU(ctx, tx, `WHERE id = ?`, id)
	if err != nil {
		return CommitmentSCU{}, err
	}
	if len(all) == 0 {
		return CommitmentSCU{}, ErrNotFound
	}
	return all[0], nil
}

func queryCommitmentsSCU(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]CommitmentSCU, error) {
	return query(ctx, tx, `
		SELECT id, revision_id, coalesce((SELECT study_uid FROM revision r WHERE r.id = revision_id), ''),
			destination, state, asked, attempts, detail, created_at, asked_at, next_at, finished_at
		FROM confirmation `+rest,
		func(rows *sql.Rows) (c CommitmentSCU, err error) {
			var created, asked, next, finished int64
			err = rows.Scan(&c.ID, &c.RevisionID, &c.StudyUID,
				&c.Destination, &c.State, &c.Asked, &c.Attempts, &c.Detail, &created, &asked, &next, &finished)
			c.CreatedAt, c.AskedAt, c.NextAt, c.FinishedAt = at(created), at(asked), at(next), at(finished)
			return c, err
		}, args...)
}
