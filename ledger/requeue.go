package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Requeue has the newest revision of a study processed again, its failed deliveries and
// notifications tried again, and those that wait tried now. Objects that were sent stay sent: the same input makes the same UIDs.
func (l *Ledger) Requeue(ctx context.Context, studyUID string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE study_uid = ? ORDER BY number DESC LIMIT 1`, studyUID)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE revision SET state = ?, reason_code = '', reason_text = '', reason_remedy = '', finished_at = 0 WHERE id = ?`,
			StateSettled, rev.ID); err != nil {
			return err
		}
		if err := setStudyState(ctx, tx, studyUID, rev.Number, StateSettled); err != nil {
			return err
		}
		// Whoever requeues takes the cause for gone: what waits is due now, and failures count from the start.
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?, next_at = 0, trouble = '', troubles = 0, since = 0 WHERE state IN (?, ?)
			AND object_id IN (SELECT id FROM object WHERE revision_id = ?)`, DeliveryWaiting, DeliveryFailed, DeliveryWaiting, rev.ID); err != nil {
			return err
		}
		if err := l.event(ctx, tx, studyUID, EventRequeued, fmt.Sprintf("revision %d, which was %s, will be processed again", rev.Number, rev.State),
			map[string]any{"revision": rev.Number}); err != nil {
			return err
		}
		destinations, err := query(ctx, tx, `SELECT DISTINCT d.destination FROM delivery d JOIN object o ON o.id = d.object_id WHERE o.revision_id = ? AND d.state = ?`,
			func(rows *sql.Rows) (d string, err error) {
				err = rows.Scan(&d)
				return d, err
			}, rev.ID, DeliveryWaiting)
		if err != nil {
			return err
		}
		for _, d := range destinations {
			if err := l.enqueueDeliver(ctx, tx, rev.ID, d); err != nil {
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
