package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// earlierPause is the wait of a delivery for what an earlier revision has begun at its destination.
const earlierPause = 5 * time.Second

// BeginDeliveries marks deliveries of a revision to a destination as begun, before the first goes out: from here on the destination may
// have any of them, and nobody but this visit withdraws them. Heirs are those that a visit before had begun without learning what came of
// it: they go out even if a newer revision has replaced them, whose rejection could not name them otherwise. While deliveries of an
// earlier revision of the study are begun there, none is marked and the error is a RetryAfter: the destination gets revisions in order.
func (l *Ledger) BeginDeliveries(ctx context.Context, revisionID int64, destination string, ids []int64) (heirs map[int64]bool, err error) {
	which := `state = '` + DeliveryWaiting + `' AND id IN (NULL` + strings.Repeat(", ?", len(ids)) + `)`
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	var earlier bool
	err = l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `
			SELECT EXISTS (
				SELECT 1
				FROM revision r
				JOIN object o ON o.revision_id = r.id
				JOIN delivery d ON d.object_id = o.id
				WHERE r.study_uid = ? AND r.number < ? AND d.destination = ? AND d.state = ? AND d.begun_at > 0)`,
			rev.StudyUID, rev.Number, destination, DeliveryWaiting).Scan(&earlier); err != nil || earlier {
			return err
		}
		found, err := query(ctx, tx, `SELECT id FROM delivery WHERE begun_at > 0 AND `+which, oneValue[int64], args...)
		if err != nil {
			return err
		}
		heirs = map[int64]bool{}
		for _, id := range found {
			heirs[id] = true
		}
		_, err = tx.ExecContext(ctx, `UPDATE delivery SET begun_at = ? WHERE begun_at = 0 AND `+which,
			append([]any{ms(l.now())}, args...)...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("begin deliveries of revision %d to %s: %w", revisionID, destination, err)
	}
	if earlier {
		return nil, &RetryAfter{Delay: earlierPause}
	}
	return heirs, nil
}

// Waits tells whether a delivery that this visit began may go out: a newer revision may have replaced it while those before it were sent.
// If so it is withdrawn here, unless it is an heir (see BeginDeliveries).
func (l *Ledger) Waits(ctx context.Context, id int64, heir bool) (bool, error) {
	var waits bool
	replaced := 0 // by this revision
	err := l.view(ctx, func(tx *sql.Tx) error {
		var study string
		var number int
		if err := tx.QueryRowContext(ctx, `
			SELECT d.state = ?, r.study_uid, r.number
			FROM delivery d
			JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id
			WHERE d.id = ?`, DeliveryWaiting, id).Scan(&waits, &study, &number); err != nil || !waits || heir {
			return err
		}
		since, err := oldestValid(ctx, tx, study)
		if number < since {
			replaced = since
		}
		return err
	})
	if err == nil && replaced > 0 {
		waits = false
		err = l.RecordDelivery(ctx, id, DeliveryOutcome{State: DeliveryWithdrawn, Detail: replacedBy(replaced)})
	}
	if err != nil {
		return false, fmt.Errorf("look up delivery %d: %w", id, err)
	}
	return waits, nil
}

func replacedBy(number int) string {
	return fmt.Sprintf("replaced by revision %d before it was sent", number)
}

// hurryBegun has begun deliveries of a study that a newer revision has replaced tried now, and counts their failures anew: that one waits
// for them.
func (l *Ledger) hurryBegun(ctx context.Context, tx *sql.Tx, studyUID string, since int) error {
	const which = `d.state = ? AND d.begun_at > 0`
	args := []any{DeliveryWaiting, studyUID, since}
	if err := l.enqueueWaiting(ctx, tx, which+` AND r.study_uid = ? AND r.number < ? AND d.next_at > ?`,
		append(args, ms(l.now()))...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery AS d
		SET next_at = 0, troubles = 0
		WHERE `+which+` AND d.object_id IN (
			SELECT o.id
			FROM object o
			JOIN revision r ON r.id = o.revision_id
			WHERE r.study_uid = ? AND r.number < ?)`, args...)
	return err
}
