package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// validSince is a subselect: the number of the newest revision of study ?1 that is reported and has objects, or that takes back what was
// found before, 0 if there is none. What earlier revisions have to say is out of date.
const validSince = `(
	SELECT coalesce(MAX(r.number), 0)
	FROM revision r
	WHERE r.study_uid = ?1 AND (
		r.state = '` + StateReported + `' AND EXISTS (SELECT 1 FROM object o WHERE o.revision_id = r.id)
		OR r.state = '` + StateNotProcessed + `' AND r.reason_code = '` + ReasonPartCorrected + `'))`

// validObjects is a subselect: the objects of study ?1 that no newer revision has replaced.
const validObjects = `(
	SELECT o.id
	FROM object o
	JOIN revision r ON r.id = o.revision_id
	WHERE r.study_uid = ?1 AND r.number >= ` + validSince + `)`

// oldestValid is the number of the oldest revision of a study whose objects are not replaced.
func oldestValid(ctx context.Context, tx *sql.Tx, studyUID string) (number int, err error) {
	if err := tx.QueryRowContext(ctx, `SELECT `+validSince, studyUID).Scan(&number); err != nil {
		return 0, fmt.Errorf("look up the valid revision: %w", err)
	}
	return number, nil
}

// withdrawReplaced ends the deliveries that still wait with objects that a newer revision has replaced: nobody is to be told a
// result of yesterday. What somebody has begun with stays: the destination may have it.
func (l *Ledger) withdrawReplaced(ctx context.Context, tx *sql.Tx, studyUID string) error {
	since, err := oldestValid(ctx, tx, studyUID)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `
		UPDATE delivery
		SET state = ?, detail = ?, next_at = 0
		WHERE state = ? AND begun_at = 0 AND object_id IN (
			SELECT o.id
			FROM object o
			JOIN revision r ON r.id = o.revision_id
			WHERE r.study_uid = ? AND r.number < ?)`,
		DeliveryWithdrawn, replacedBy(since), DeliveryWaiting, studyUID, since)
	if err != nil {
		return fmt.Errorf("withdraw deliveries: %w", err)
	}
	if err := l.hurryBegun(ctx, tx, studyUID, since); err != nil {
		return fmt.Errorf("hurry deliveries: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return err
	}
	return l.event(ctx, tx, studyUID, EventWithdrawn, fmt.Sprintf("%s not sent: replaced by revision %d", objects(int(n)), since),
		map[string]any{"revision": since})
}
