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
func (l *Ledger) NoteStuck(ctx context.Context, p StuckAfter) (fresh []Notice, err error) {
	var stuck []Notice
	err = l.view(ctx, func(tx *sql.Tx) error {
		stuck, err = l.stuck(ctx, tx, p)
		return err
	})
	if err == nil && len(stuck) > 0 {
		err = l.update(ctx, func(tx *sql.Tx) error {
			for _, f := range stuck {
				news, err := l.notify(ctx, tx, f, ms(f.Since))
				if err != nil {
					return err
				}
				if !news {
					continue
				}
				fresh = append(fresh, f)
				if err := l.event(ctx, tx, f.StudyUID, EventStuck, f.Subject()+": "+f.Reason.Text, map[string]any{"revision": f.Revision}); err != nil {
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
const requeuedAt = `coalesce((SELECT MAX(e.at) FROM event e WHERE e.study_uid = r.study_uid AND e.kind = '` + EventRequeued + `'), 0)`

func (l *Ledger) stuck(ctx context.Context, tx *sql.Tx, p StuckAfter) ([]Notice, error) {
	now := l.now()
	waiting := func(text string, kind Reason, patience time.Duration, args ...any) ([]Notice, error) {
		return query(ctx, tx, text, func(rows *sql.Rows) (Notice, error) {
			f := Notice{Kind: NoticeStuck, Reason: kind}
			var since int64
			err := rows.Scan(&f.StudyUID, &f.RevisionID, &f.Revision, &f.Destination, &since)
			f.Since = at(since)
			f.Reason.Text = fmt.Sprintf("%s for %s", kind.Text, now.Sub(f.Since).Round(time.Second))
			return f, err
		}, append(args, ms(now.Add(-patience)))...)
	}
	receiving, err := waiting(`SELECT study_uid, 0, 0, '', MIN(received_at) FROM instance WHERE revision = 0 GROUP BY study_uid HAVING MIN(received_at) <= ?`,
		Reason{Code: ReasonWaiting, Text: "instances wait to be taken as a complete study", Remedy: "look at the log of the node"}, p.Receiving)
	if err != nil {
		return nil, err
	}
	studies, err := waiting(`SELECT study_uid, id, number, '', since FROM (SELECT r.study_uid, r.id, r.number, max(r.settled_at, `+requeuedAt+`) AS since
		FROM revision r WHERE r.state IN (?, ?)) WHERE since <= ?`,
		Reason{Code: ReasonWaiting, Text: "the study waits for its outcome", Remedy: "look at the log of the node: it may be busy with other studies, or short of memory"},
		p.Study, StateSettled, StateProcessing)
	if err != nil {
		return nil, err
	}
	deliveries, err := waiting(`SELECT study_uid, id, number, destination, since FROM (SELECT DISTINCT r.study_uid, r.id, r.number, d.destination, max(r.finished_at, `+requeuedAt+`) AS since
		FROM delivery d JOIN object o ON o.id = d.object_id JOIN revision r ON r.id = o.revision_id WHERE d.state = ?) WHERE since <= ?`,
		Reason{Code: ReasonNotDelivered, Text: "objects wait to be delivered", Remedy: "check that the destination is up and takes what we send; jcsnode preflight asks it"},
		p.Delivery, DeliveryWaiting)
	if err != nil {
		return nil, err
	}
	for i := range deliveries {
		f := &deliveries[i]
		if f.Objects, err = deliveryStates(ctx, tx, f.RevisionID, f.Destination); err != nil {
			return nil, err
		}
		said, err := answers(ctx, tx, f.RevisionID, f.Destination, DeliveryWaiting)
		if err != nil {
			return nil, err
		}
		f.Reason.Text += ": " + said
	}
	return append(append(receiving, studies...), deliveries...), nil
}
