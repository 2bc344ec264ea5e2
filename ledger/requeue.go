package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrFilesRemoved is the answer to a wish for what needs files that were removed.
var ErrFilesRemoved = errors.New("its files were removed")

// Requeue has a study read again, as a revision of its own: what an earlier one found stays as it is, and stays valid unless the new one
// finds something else. A newest revision that has not ended is tried now. Failed and withdrawn deliveries of what no newer revision
// replaced and failed notifications are tried again, and those that wait are tried now. Objects that were sent stay sent, save those
// that a destination does not commit. A study that waits for files on the disk of nodes that do not run waits for these no longer, and
// nothing else changes. It fails with ErrNotFound when no instances have settled, and with ErrFilesRemoved.
func (l *Ledger) Requeue(ctx context.Context, studyUID string) error {
	return l.requeue(ctx, studyUID, false)
}

// Resend is Requeue for a destination that has lost what it took: objects that were sent are sent again, under the same UIDs.
func (l *Ledger) Resend(ctx context.Context, studyUID string) error {
	return l.requeue(ctx, studyUID, true)
}

func (l *Ledger) requeue(ctx context.Context, studyUID string, sent bool) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		if left, err := l.leaveBehind(ctx, tx, studyUID); err != nil || left > 0 { // then it settles, and is read
			return err
		}
		rev, err := oneRevision(ctx, tx, `WHERE study_uid = ? ORDER BY number DESC LIMIT 1`, studyUID)
		if err != nil {
			return err
		}
		var removed bool
		if err := tx.QueryRowContext(ctx, `SELECT files_removed_at > 0 FROM study WHERE uid = ?`, studyUID).Scan(&removed); err != nil {
			return err
		}
		if removed {
			return ErrFilesRemoved
		}
		// Whoever requeues takes the cause for gone: what waits is due now, and failures count from the start.
		if _, err := tx.ExecContext(ctx, `
			UPDATE delivery
			SET state = ?2, next_at = 0, trouble = '', troubles = 0, since = 0
			WHERE state IN (?2, ?3, ?4) AND object_id IN `+validObjects,
			studyUID, DeliveryWaiting, DeliveryFailed, DeliveryWithdrawn); err != nil {
			return err
		}
		// What a destination is still asked about stays in that question; the rest is asked about anew.
		if _, err := tx.ExecContext(ctx, `
			UPDATE delivery
			SET state = ?2, next_at = 0, resent = 0,
				confirmation_id = CASE commitment WHEN ?4 THEN confirmation_id ELSE 0 END,
				commitment = CASE commitment WHEN ?4 THEN commitment ELSE '' END
			WHERE (commitment = ?3 OR ?5 = 1 AND state = ?6) AND object_id IN `+validObjects,
			studyUID, DeliveryWaiting, ObjectNotCommitted, ObjectAsked, sent, DeliverySent); err != nil {
			return err
		}
		if err := l.enqueueWaiting(ctx, tx, `r.study_uid = ? AND d.state = ?`, studyUID, DeliveryWaiting); err != nil {
			return err
		}
		if err := l.requeueNotifications(ctx, tx, studyUID); err != nil {
			return err
		}
		return l.readAgain(ctx, tx, rev)
	})
	if err != nil {
		return fmt.Errorf("requeue study %s: %w", studyUID, err)
	}
	return nil
}

// readAgain has the study of its newest revision processed: by that one if it has not ended, else by a new one of the same instances.
func (l *Ledger) readAgain(ctx context.Context, tx *sql.Tx, newest Revision) error {
	if !newest.Over() {
		if err := l.enqueueOpen(ctx, tx, `study_uid = ?`, newest.StudyUID); err != nil { // it may wait for earlier ones
			return err
		}
		text := fmt.Sprintf("revision %d, which is %s, will be tried now", newest.Number, newest.State)
		return l.event(ctx, tx, newest.StudyUID, EventRequeued, text, map[string]any{"revision": newest.Number})
	}
	rev, err := l.addRevision(ctx, tx, newest.StudyUID, newest.Number+1, "requeued by an operator")
	if err != nil {
		return err
	}
	if err := setStudyState(ctx, tx, rev.StudyUID, rev.Number, StateSettled); err != nil {
		return err
	}
	text := fmt.Sprintf("revision %d reads again what revision %d read, which was %s", rev.Number, newest.Number, newest.State)
	return l.event(ctx, tx, rev.StudyUID, EventRequeued, text, map[string]any{"revision": rev.Number})
}
