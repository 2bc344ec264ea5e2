package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// StuckAfter is how long something may wait before it counts as stuck.
type StuckAfter struct {
	Receiving time.Duration // from the first instance that belongs to no revision
	Study     time.Duration // from the moment when a revision was complete to its outcome
	Delivery  time.Duration // from the outcome to the last answer of a destination
}

// NoteStuck finds what has waited too long and tells the receivers, once for each wait. A study that an operator requeues begins
// to wait anew. fresh is what nobody knew before.
func (l *Ledger) NoteStuck(ctx context.Context, after StuckAfter) (fresh []Notice, err error) {
	if !l.tells(NoticeStuck) {
		return nil, nil
	}
	var stuck []Notice
	err = l.view(ctx, func(tx *sql.Tx) error {
		stuck, err = l.stuck(ctx, tx, after)
		return err
	})
	if err == nil && len(stuck) > 0 {
		err = l.update(ctx, func(tx *sql.Tx) error {
			fresh = nil
			for _, n := range stuck {
				news, err := l.notify(ctx, tx, n, ms(n.Since))
				if err != nil {
					return err
				}
				if !news {
					continue
				}
				fresh = append(fresh, n)
				attributes := map[string]any{"revision": n.Revision}
				if err := l.event(ctx, tx, n.StudyUID, EventStuck, n.Subject()+": "+n.Reason.Text, attributes); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look for what is stuck: %w", err)
	}
	return fresh, nil
}

// requeuedAt is a subselect: when the study of revision r was last requeued.
const requeuedAt = `coalesce((
	SELECT MAX(e.at)
	FROM event e
	WHERE e.study_uid = r.study_uid AND e.kind = '` + EventRequeued + `'), 0)`

func (l *Ledger) stuck(ctx context.Context, tx *sql.Tx, after StuckAfter) ([]Notice, error) {
	receiving, err := l.waitingSince(ctx, tx, Reason{
		Code:   ReasonWaiting,
		Text:   "instances wait to be taken as a complete study",
		Remedy: "look at the log of the node",
	}, after.Receiving, `
		SELECT study_uid, 0, 0, '', MIN(received_at)
		FROM instance
		WHERE revision = 0
		GROUP BY study_uid
		HAVING MIN(received_at) <= ?`)
	if err != nil {
		return nil, err
	}
	studies, err := l.waitingSince(ctx, tx, Reason{
		Code:   ReasonWaiting,
		Text:   "the study waits for its outcome",
		Remedy: "look at the log of the node: it may be busy with other studies, or short of memory",
	}, after.Study, `
		SELECT study_uid, id, number, '', since
		FROM (
			SELECT r.study_uid, r.id, r.number, max(r.settled_at, `+requeuedAt+`) AS since
			FROM revision r
			WHERE r.state IN ('`+StateSettled+`', '`+StateProcessing+`')) waiting
		WHERE since <= ?`)
	if err != nil {
		return nil, err
	}
	deliveries, err := l.waitingSince(ctx, tx, Reason{
		Code:   ReasonNotDelivered,
		Text:   "objects wait to be delivered",
		Remedy: "check that the destination is up and takes what we send; jcsnode preflight asks it",
	}, after.Delivery, `
		SELECT study_uid, id, number, destination, since
		FROM (
			SELECT DISTINCT r.study_uid, r.id, r.number, d.destination, max(r.finished_at, `+requeuedAt+`) AS since
			FROM delivery d
			JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id
			WHERE d.state = '`+DeliveryWaiting+`') waiting
		WHERE since <= ?`)
	if err != nil {
		return nil, err
	}
	for i := range deliveries {
		n := &deliveries[i]
		if n.Objects, err = deliveryStates(ctx, tx, n.RevisionID, n.Destination); err != nil {
			return nil, err
		}
		said, err := answers(ctx, tx, n.RevisionID, n.Destination, DeliveryWaiting)
		if err != nil {
			return nil, err
		}
		n.Reason.Text += ": " + said
	}
	return append(append(receiving, studies...), deliveries...), nil
}

// waitingSince makes a notice of each row of a statement whose last parameter is the newest time that counts as long ago.
func (l *Ledger) waitingSince(
	ctx context.Context, tx *sql.Tx, why Reason, after time.Duration, text string, args ...any,
) ([]Notice, error) {
	now := l.now()
	return query(ctx, tx, text, func(rows *sql.Rows) (Notice, error) {
		n := Notice{Kind: NoticeStuck, Reason: why}
		var since int64
		err := rows.Scan(&n.StudyUID, &n.RevisionID, &n.Revision, &n.Destination, &since)
		n.Since = at(since)
		n.Reason.Text = fmt.Sprintf("%s for %s", why.Text, now.Sub(n.Since).Round(time.Second))
		return n, err
	}, append(args, ms(now.Add(-after)))...)
}
