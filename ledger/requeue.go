package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Requeue has the revision of a study whose outcome holds processed again, which is the newest but for those that changed nothing. Failed
// and withdrawn deliveries of what no newer revision replaced and failed notifications are tried again, and those that wait are tried
// now. Objects that were sent stay sent, save those that a destination does not commit: the same input makes the same UIDs.
func (l *Ledger) Requeue(ctx context.Context, studyUID string) error {
	return l.requeue(ctx, studyUID, false)
}

// Resend is Requeue for a destination that has lost what it took: objects that were sent are sent again, under the same UIDs.
func (l *Ledger) Resend(ctx context.Context, studyUID string) error {
	return l.requeue(ctx, studyUID, true)
}

func (l *Ledger) requeue(ctx context.Context, studyUID string, sent bool) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE study_uid = ? ORDER BY reason_code IN (?, ?), number DESC LIMIT 1`, studyUID, ReasonUnchanged, ReasonSuperseded)
		if err != nil {
			return err
		}
		// Whoever requeues takes the cause for gone: what waits is due now, and failures count from the start.
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?2, next_at = 0, trouble = '', troubles = 0, since = 0 WHERE state IN (?2, ?3, ?4)
			AND object_id IN (SELECT o.id FROM object o JOIN revision r ON r.id = o.revision_id WHERE r.study_uid = ?1 AND r.number >= `+validSince+`)`,
			studyUID, DeliveryWaiting, DeliveryFailed, DeliveryWithdrawn); err != nil {
			return err
		}
		// What a destination is still asked about stays in that question; the rest is asked about anew.
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?2, next_at = 0, resent = 0,
			confirmation_id = iif(commitment = ?4, confirmation_id, 0), commitment = iif(commitment = ?4, commitment, '')
			WHERE (commitment = ?3 OR ?5 AND state = ?6)
			AND object_id IN (SELECT o.id FROM object o JOIN revision r ON r.id = o.revision_id WHERE r.study_uid = ?1 AND r.number >= `+validSince+`)`,
			studyUID, DeliveryWaiting, CommitmentRefused, CommitmentAsked, sent, DeliverySent); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE revision SET state = ?, reason_code = '', reason_text = '', reason_remedy = '', finished_at = 0 WHERE id = ?`,
			StateSettled, rev.ID); err != nil {
			return err
		}
		if err := setStudyState(ctx, tx, studyUID, rev.Number, StateSettled); err != nil {
			return err
		}
		if err := l.event(ctx, tx, studyUID, EventRequeued, fmt.Sprintf("revision %d, which was %s, will be processed again", rev.Number, rev.State),
			map[string]any{"revision": rev.Number}); err != nil {
			return err
		}
		waiting, err := query(ctx, tx, `SELECT DISTINCT o.revision_id, d.destination FROM delivery d JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id WHERE r.study_uid = ? AND d.state = ?`,
			func(rows *sql.Rows) (d deliverArgs, err error) {
				err = rows.Scan(&d.RevisionID, &d.Destination)
				return d, err
			}, studyUID, DeliveryWaiting)
		if err != nil {
			return err
		}
		for _, d := range waiting {
			if err := l.enqueueDeliver(ctx, tx, d.RevisionID, d.Destination); err != nil {
				return err
			}
		}
		if err := l.requeueNotifications(ctx, tx, studyUID); err != nil {
			return err
		}
		return l.enqueueProcess(ctx, tx, rev.ID)
	})
	if err != nil {
		return fmt.Errorf("requeue study %s: %w", studyUID, err)
	}
	return nil
}
