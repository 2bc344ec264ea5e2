package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

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

// AnswerCommitment keeps a report. An object that the destination does not have is sent once more, unless a newer revision has
// replaced it; the second time, it is failed.
// What the report leaves out stays asked. It returns the study that the transaction is about. The error is ErrNotFound for a transaction
// that is none of ours.
func (l *Ledger) AnswerCommitment(ctx context.Context, a CommitmentAnswer) (studyUID string, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx, `SELECT confirmation_id FROM confirmation_transaction WHERE uid = ?`, a.TransactionUID).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		studyUID, err = l.answer(ctx, tx, id, a)
		return err
	})
	if err != nil {
		return studyUID, fmt.Errorf("answer to transaction %s: %w", a.TransactionUID, err)
	}
	return studyUID, nil
}

func (l *Ledger) answer(ctx context.Context, tx *sql.Tx, id int64, a CommitmentAnswer) (studyUID string, err error) {
	c, rev, err := l.lockCommitmentSCU(ctx, tx, id)
	if err != nil {
		return "", err
	}
	return rev.StudyUID, l.answerOf(ctx, tx, rev, c, a)
}

func (l *Ledger) answerOf(ctx context.Context, tx *sql.Tx, rev Revision, c CommitmentSCU, a CommitmentAnswer) error {
	asked, err := query(ctx, tx, `
		SELECT id, sent_class_uid, sent_sop_uid, resent
		FROM delivery
		WHERE confirmation_id = ? AND commitment = ?`,
		func(rows *sql.Rows) (d askedDelivery, err error) {
			err = rows.Scan(&d.id, &d.SOPClassUID, &d.SOPInstanceUID, &d.resent)
			return d, err
		}, c.ID, ObjectAsked)
	if err != nil {
		return err
	}
	s := sorted(asked, a)
	since, err := oldestValid(ctx, tx, rev.StudyUID)
	if err != nil {
		return err
	}
	replaced := rev.Number < since
	if replaced { // nobody needs it again
		s.failed, s.resend = append(s.failed, s.resend...), nil
	}
	if err := l.keepAnswer(ctx, tx, s, a.From); err != nil {
		return err
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
		if _, err := tx.ExecContext(ctx, `
			UPDATE confirmation
			SET state = ?, finished_at = ?
			WHERE id = ? AND state = ?`,
			SCUAnswered, ms(l.now()), c.ID, SCUWaiting); err != nil {
			return err
		}
	}
	if replaced {
		return nil
	}
	return l.notifyNotCommitted(ctx, tx, rev, c.Destination)
}

// keepAnswer writes down what an answer means for each delivery.
func (l *Ledger) keepAnswer(ctx context.Context, tx *sql.Tx, s sortedAnswer, from string) error {
	const answered = `
		UPDATE delivery
		SET commitment = ?, commitment_detail = ?, commitment_at = ?
		WHERE id IN`
	now := ms(l.now())
	var committed []int64
	for _, d := range s.committed {
		committed = append(committed, d.id)
	}
	if err := execIn(ctx, tx, answered, committed, ObjectCommitted, from, now); err != nil {
		return err
	}
	for reason, ids := range byReason(s.failed) {
		if err := execIn(ctx, tx, answered, ids, ObjectNotCommitted, reason, now); err != nil {
			return err
		}
	}
	for reason, ids := range byReason(s.resend) {
		if err := execIn(ctx, tx, `
			UPDATE delivery
			SET state = ?, status = '', detail = ?, next_at = 0, trouble = '', troubles = 0, since = 0,
				confirmation_id = 0, commitment = '', resent = resent + 1
			WHERE id IN`, ids, DeliveryWaiting, "taken, but not kept: "+reason); err != nil {
			return err
		}
	}
	return nil
}

func byReason(some []askedDelivery) map[string][]int64 {
	ids := map[string][]int64{}
	for _, d := range some {
		ids[d.reason] = append(ids[d.reason], d.id)
	}
	return ids
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
			attributes := map[string]any{"destination": destination, "revision": rev.Number}
			if err := l.event(ctx, tx, rev.StudyUID, kind, text+", says "+from, attributes); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.Join(say(EventCommitted, "keeps", s.committed), say(EventNotCommitted, "does not keep, and is sent again,", s.resend),
		say(EventNotCommitted, "does not keep, for good,", s.failed))
}
