package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// EventDeliverAgain is the kind of the event when an operator has a destination tried again.
const EventDeliverAgain = "delivery asked for"

// Redelivery is what a destination is to be tried again with: what waits, at once, and more if it says so. What a newer revision replaced
// and what belongs to studies whose files were removed stays as it is.
type Redelivery struct {
	Destination string
	Failed      bool      // also what was given up
	Sent        bool      // also what it took, for one that has lost it; under the same UIDs
	StudyUID    string    // of this study alone, "" = of all
	From, To    time.Time // of studies whose newest instance came from From on and before To; zero = open
}

// Redeliver has objects delivered again, study by study, without reading anything again. It returns how many objects of how many studies
// are on their way; an error may come after some.
func (l *Ledger) Redeliver(ctx context.Context, r Redelivery) (studies, sent int, err error) {
	uids, err := l.redeliverable(ctx, r)
	if err != nil {
		return 0, 0, fmt.Errorf("deliver to %s again: %w", r.Destination, err)
	}
	for _, uid := range uids {
		n, err := l.redeliver(ctx, r, uid)
		if err != nil {
			return studies, sent, fmt.Errorf("deliver study %s to %s again: %w", uid, r.Destination, err)
		}
		if n > 0 {
			studies++
			sent += n
		}
	}
	return studies, sent, nil
}

// redeliverable lists the studies that it may be about, the oldest first.
func (l *Ledger) redeliverable(ctx context.Context, r Redelivery) (uids []string, err error) {
	to := ms(r.To)
	if r.To.IsZero() {
		to = 1<<63 - 1
	}
	err = l.view(ctx, func(tx *sql.Tx) error {
		uids, err = query(ctx, tx, `
			SELECT s.uid
			FROM study s
			WHERE s.files_removed_at = 0 AND s.last_at >= ?1 AND s.last_at < ?2 AND (?3 = '' OR s.uid = ?3) AND EXISTS (
				SELECT 1
				FROM study_delivery d
				WHERE d.study_uid = s.uid AND d.destination = ?4 AND d.n > 0
					AND (d.state = ?5 OR ?6 = 1 AND d.state = ?7 OR ?8 = 1 AND d.state = ?9))
			ORDER BY s.last_at, s.uid`, oneValue[string], ms(r.From), to, r.StudyUID, r.Destination,
			DeliveryWaiting, r.Failed, DeliveryFailed, r.Sent, DeliverySent)
		return err
	})
	return uids, err
}

func (l *Ledger) redeliver(ctx context.Context, r Redelivery, studyUID string) (n int, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		// Whoever asks for it takes the cause for gone. What the destination is asked to commit stays in that question.
		result, err := tx.ExecContext(ctx, `
			UPDATE delivery
			SET next_at = 0, trouble = '', troubles = 0, since = 0,
				resent = CASE state WHEN ?4 THEN 0 ELSE resent END,
				confirmation_id = CASE WHEN state = ?4 AND commitment <> ?5 THEN 0 ELSE confirmation_id END,
				commitment = CASE WHEN state = ?4 AND commitment <> ?5 THEN '' ELSE commitment END,
				state = ?3
			WHERE destination = ?2 AND (state = ?3 OR ?6 = 1 AND state = ?7 OR ?8 = 1 AND state = ?4) AND object_id IN `+validObjects,
			studyUID, r.Destination, DeliveryWaiting, DeliverySent, ObjectAsked, r.Failed, DeliveryFailed, r.Sent)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		if n = int(changed); err != nil || n == 0 {
			return err
		}
		if err := l.enqueueWaiting(ctx, tx, `r.study_uid = ? AND d.destination = ? AND d.state = ?`,
			studyUID, r.Destination, DeliveryWaiting); err != nil {
			return err
		}
		return l.event(ctx, tx, studyUID, EventDeliverAgain, fmt.Sprintf("%s to %s, by an operator", objects(n), r.Destination),
			map[string]any{"destination": r.Destination})
	})
	return n, err
}
