package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// What a destination says about an object that it was sent, when it is asked for storage commitment.
const (
	ObjectAsked        = "asked"
	ObjectCommitted    = "committed"
	ObjectNotCommitted = "failed" // after it was sent a second time, or no answer came
)

// States of a confirmation.
const (
	SCUWaiting  = "waiting"
	SCUAnswered = "answered"
	SCUFailed   = "failed" // given up
)

// Kinds of the events of confirmation.
const (
	EventConfirmationAsked = "asked to confirm storage"
	EventConfirmed         = "storage confirmed"
	EventNotConfirmed      = "storage not confirmed"
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

// CommitmentAnswer is what a destination reported.
type CommitmentAnswer struct {
	TransactionUID string
	From           string // who reported, for the history
	Committed      []Reference
	Failed         []FailedReference
}

// FailedReference is an instance that a destination does not commit.
type FailedReference struct {
	Reference
	Reason string
	Again  bool // the request was at fault, not the instance: as if there were no answer
}

// askConfirmation opens a confirmation of what a destination was sent of a revision, if it is one that is asked and nothing waits
// to be sent there any more.
func (l *Ledger) askConfirmation(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	if !l.confirms(destination) {
		return nil
	}
	var waiting, unasked int
	err := tx.QueryRowContext(ctx, `SELECT coalesce(SUM(d.state = ?), 0), coalesce(SUM(d.state = ? AND d.commitment = ''), 0) FROM delivery d JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ?`, DeliveryWaiting, DeliverySent, rev.ID, destination).Scan(&waiting, &unasked)
	if err != nil || waiting > 0 || unasked == 0 {
		return err
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO confirmation (revision_id, destination, state, created_at) VALUES (?, ?, ?, ?)`,
		rev.ID, destination, SCUWaiting, ms(l.now()))
	if err != nil {
		return fmt.Errorf("write confirmation of %s: %w", destination, err)
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE delivery SET confirmation_id = ?, commitment = ? WHERE destination = ? AND state = ? AND commitment = ''
		AND object_id IN (SELECT id FROM object WHERE revision_id = ?)`, id, ObjectAsked, destination, DeliverySent, rev.ID); err != nil {
		return err
	}
	return l.enqueueConfirm(ctx, tx, id, destination)
}

// CommitmentSCU returns one with the objects that still lack an answer, or ErrNotFound.
func (l *Ledger) CommitmentSCU(ctx context.Context, id int64) (c CommitmentSCU, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		if c, err = oneConfirmation(ctx, tx, id); err != nil {
			return err
		}
		c.References, err = query(ctx, tx, `SELECT sent_class_uid, sent_sop_uid FROM delivery WHERE confirmation_id = ? AND commitment = ? ORDER BY id`,
			func(rows *sql.Rows) (r Reference, err error) {
				err = rows.Scan(&r.SOPClassUID, &r.SOPInstanceUID)
				return r, err
			}, id, ObjectAsked)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("look up confirmation %d: %w", id, err)
	}
	return c, nil
}

// SaveTransactionUID keeps the UID under which the request is about to leave, so that its answer is known whenever it comes.
func (l *Ledger) SaveTransactionUID(ctx context.Context, confirmationID int64, uid string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO confirmation_transaction (uid, confirmation_id, at) VALUES (?, ?, ?)`, uid, confirmationID, ms(l.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the transaction of confirmation %d: %w", confirmationID, err)
	}
	return nil
}

// AskedForCommitment notes that the destination took the request; without an answer it is asked again at next.
func (l *Ledger) AskedForCommitment(ctx context.Context, id int64, next time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		c, err := oneConfirmation(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE confirmation SET asked = asked + 1, attempts = 0, detail = '', asked_at = ?, next_at = ? WHERE id = ?`,
			ms(l.now()), ms(next), id); err != nil {
			return err
		}
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, c.RevisionID)
		if err != nil {
			return err
		}
		return l.event(ctx, tx, rev.StudyUID, EventConfirmationAsked, fmt.Sprintf("%s, time %d", c.Destination, c.Asked+1), map[string]any{"destination": c.Destination})
	})
	if err != nil {
		return fmt.Errorf("note that confirmation %d was asked for: %w", id, err)
	}
	return nil
}

// RetryCommitmentSCU notes an attempt to ask that came to nothing.
func (l *Ledger) RetryCommitmentSCU(ctx context.Context, id int64, detail string, next time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE confirmation SET attempts = attempts + 1, detail = ?, next_at = ? WHERE id = ?`, detail, ms(next), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("note an attempt at confirmation %d: %w", id, err)
	}
	return nil
}

// AnswerCommitment keeps a report. An object that the destination does not have is sent once more, unless a newer revision has
// replaced it; the second time, it is failed.
// What the report leaves out stays asked. The error is ErrNotFound for a transaction that is none of ours.
func (l *Ledger) AnswerCommitment(ctx context.Context, a CommitmentAnswer) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx, `SELECT confirmation_id FROM confirmation_transaction WHERE uid = ?`, a.TransactionUID).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		return l.answer(ctx, tx, id, a)
	})
	if err != nil {
		return fmt.Errorf("answer to transaction %s: %w", a.TransactionUID, err)
	}
	return nil
}

func (l *Ledger) answer(ctx context.Context, tx *sql.Tx, id int64, a CommitmentAnswer) error {
	c, err := oneConfirmation(ctx, tx, id)
	if err != nil {
		return err
	}
	rev, err := oneRevision(ctx, tx, `WHERE id = ?`, c.RevisionID)
	if err != nil {
		return err
	}
	asked, err := query(ctx, tx, `SELECT id, sent_class_uid, sent_sop_uid, resent FROM delivery WHERE confirmation_id = ? AND commitment = ?`,
		func(rows *sql.Rows) (d askedDelivery, err error) {
			err = rows.Scan(&d.id, &d.SOPClassUID, &d.SOPInstanceUID, &d.resent)
			return d, err
		}, id, ObjectAsked)
	if err != nil {
		return err
	}
	s := sorted(asked, a)
	var since int
	if err := tx.QueryRowContext(ctx, `SELECT `+validSince, rev.StudyUID).Scan(&since); err != nil {
		return fmt.Errorf("look up the valid revision: %w", err)
	}
	replaced := rev.Number < since
	if replaced { // nobody needs it again
		s.failed, s.resend = append(s.failed, s.resend...), nil
	}
	now := ms(l.now())
	for _, d := range s.committed {
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET commitment = ?, commitment_detail = ?, commitment_at = ? WHERE id = ?`, ObjectCommitted, a.From, now, d.id); err != nil {
			return err
		}
	}
	for _, d := range s.failed {
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET commitment = ?, commitment_detail = ?, commitment_at = ? WHERE id = ?`, ObjectNotCommitted, d.reason, now, d.id); err != nil {
			return err
		}
	}
	for _, d := range s.resend {
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?, status = '', detail = ?, next_at = 0, trouble = '', troubles = 0, since = 0,
			confirmation_id = 0, commitment = '', resent = resent + 1 WHERE id = ?`, DeliveryWaiting, "taken, but not kept: "+d.reason, d.id); err != nil {
			return err
		}
	}
	if err := l.answerEvents(ctx, tx, rev, c.Destination, a.From, s); err != nil {
		return err
	}
	if len(s.resend) > 0 {
		if err := l.enqueueDeliver(ctx, tx, rev.ID, c.Destination); err != nil {
			return err
		}
	}
	if len(s.committed)+len(s.failed)+len(s.resend) == len(asked) {
		if _, err := tx.ExecContext(ctx, `UPDATE confirmation SET state = ?, finished_at = ? WHERE id = ? AND state = ?`,
			SCUAnswered, now, id, SCUWaiting); err != nil {
			return err
		}
	}
	if replaced {
		return nil
	}
	return l.tellNotConfirmed(ctx, tx, rev, c.Destination)
}

// askedDelivery is a delivery that waits for an answer, or has got one.
type askedDelivery struct {
	Reference
	id     int64
	resent int
	reason string
}

// sortedAnswer is what an answer means for each delivery.
type sortedAnswer struct {
	committed, failed, resend []askedDelivery
}

func sorted(asked []askedDelivery, a CommitmentAnswer) (s sortedAnswer) {
	good := map[Reference]bool{}
	for _, r := range a.Committed {
		good[r] = true
	}
	bad := map[string]FailedReference{} // by instance: peers leave the class of a failed one out
	for _, r := range a.Failed {
		bad[r.SOPInstanceUID] = r
	}
	for _, d := range asked {
		why, failed := bad[d.SOPInstanceUID]
		d.reason = why.Reason
		switch {
		case failed && why.Again:
			// stays asked
		case failed && d.resent == 0:
			s.resend = append(s.resend, d)
		case failed:
			s.failed = append(s.failed, d)
		case good[d.Reference]:
			s.committed = append(s.committed, d)
		}
	}
	return s
}

func (l *Ledger) answerEvents(ctx context.Context, tx *sql.Tx, rev Revision, destination, from string, s sortedAnswer) error {
	say := func(kind, what string, some []askedDelivery) error {
		reasons := map[string]int{}
		for _, d := range some {
			reasons[d.reason]++
		}
		for reason, n := range reasons {
			text := fmt.Sprintf("%s %s %s", destination, what, objects(n))
			if reason != "" {
				text += ": " + reason
			}
			if err := l.event(ctx, tx, rev.StudyUID, kind, text+", says "+from, map[string]any{"destination": destination, "revision": rev.Number}); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.Join(say(EventConfirmed, "keeps", s.committed), say(EventNotConfirmed, "does not keep, and is sent again,", s.resend),
		say(EventNotConfirmed, "does not keep, for good,", s.failed))
}

// GiveUpCommitmentSCU ends a waiting confirmation: what was not answered by now counts as not committed.
func (l *Ledger) GiveUpCommitmentSCU(ctx context.Context, id int64, why string) error {
	err := l.update(ctx, func(tx *sql.Tx) error { return l.giveUpConfirmation(ctx, tx, id, why) })
	if err != nil {
		return fmt.Errorf("give up confirmation %d: %w", id, err)
	}
	return nil
}

func (l *Ledger) giveUpConfirmation(ctx context.Context, tx *sql.Tx, id int64, why string) error {
	c, err := oneConfirmation(ctx, tx, id)
	if err != nil || c.State != SCUWaiting {
		return err
	}
	rev, err := oneRevision(ctx, tx, `WHERE id = ?`, c.RevisionID)
	if err != nil {
		return err
	}
	now := ms(l.now())
	if _, err := tx.ExecContext(ctx, `UPDATE confirmation SET state = ?, detail = ?, finished_at = ? WHERE id = ?`, SCUFailed, why, now, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE delivery SET commitment = ?, commitment_detail = ?, commitment_at = ? WHERE confirmation_id = ? AND commitment = ?`,
		ObjectNotCommitted, why, now, id, ObjectAsked); err != nil {
		return err
	}
	if err := l.event(ctx, tx, rev.StudyUID, EventNotConfirmed, c.Destination+": "+why, map[string]any{"destination": c.Destination, "revision": rev.Number}); err != nil {
		return err
	}
	return l.tellNotConfirmed(ctx, tx, rev, c.Destination)
}

// tellNotConfirmed tells that objects of a revision are not committed for good, if there are such and nobody was told.
func (l *Ledger) tellNotConfirmed(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	counts, err := countBy(ctx, tx, `SELECT d.commitment_detail, COUNT(*) FROM delivery d JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ? AND d.commitment = ? GROUP BY d.commitment_detail`, rev.ID, destination, ObjectNotCommitted)
	if err != nil || len(counts) == 0 {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, `SELECT MAX(d.commitment_at) FROM delivery d JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ? AND d.commitment = ?`, rev.ID, destination, ObjectNotCommitted).Scan(&last); err != nil {
		return err
	}
	states, err := deliveryStates(ctx, tx, rev.ID, destination)
	if err != nil {
		return err
	}
	_, err = l.notify(ctx, tx, Notice{Kind: NoticeFailure, StudyUID: rev.StudyUID, RevisionID: rev.ID, Revision: rev.Number, Destination: destination,
		Reason: Reason{Code: ReasonNotConfirmed, Text: "the destination took objects and does not confirm that it keeps them: " + enumerate(counts),
			Remedy: "look at the destination's log for the objects of this study, remove the cause, then requeue the study"}, Objects: states}, last)
	return err
}

func oneConfirmation(ctx context.Context, tx *sql.Tx, id int64) (CommitmentSCU, error) {
	all, err := queryConfirmations(ctx, tx, `WHERE id = ?`, id)
	if err != nil {
		return CommitmentSCU{}, err
	}
	if len(all) == 0 {
		return CommitmentSCU{}, ErrNotFound
	}
	return all[0], nil
}

// StudyOfTransaction is the study that a transaction of ours is about, "" for none.
func (l *Ledger) StudyOfTransaction(ctx context.Context, transactionUID string) (uid string, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT r.study_uid FROM confirmation_transaction t JOIN confirmation c ON c.id = t.confirmation_id
			JOIN revision r ON r.id = c.revision_id WHERE t.uid = ?`, transactionUID).Scan(&uid)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look up transaction %s: %w", transactionUID, err)
	}
	return uid, nil
}

func queryConfirmations(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]CommitmentSCU, error) {
	return query(ctx, tx, `SELECT id, revision_id, coalesce((SELECT study_uid FROM revision r WHERE r.id = revision_id), ''), destination, state, asked, attempts, detail, created_at, asked_at, next_at, finished_at FROM confirmation `+rest,
		func(rows *sql.Rows) (c CommitmentSCU, err error) {
			var created, asked, next, finished int64
			err = rows.Scan(&c.ID, &c.RevisionID, &c.StudyUID, &c.Destination, &c.State, &c.Asked, &c.Attempts, &c.Detail, &created, &asked, &next, &finished)
			c.CreatedAt, c.AskedAt, c.NextAt, c.FinishedAt = at(created), at(asked), at(next), at(finished)
			return c, err
		}, args...)
}
