package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// earlierPause is the wait of a delivery for what an earlier revision has begun at its destination.
const earlierPause = 5 * time.Second

// Mark is what a visit to a destination leaves at a delivery that it begins with. The newest one has it in hand: what a visit says of a
// delivery whose mark is another counts only if it was sent. Else a node that was frozen and comes back would end, or give back, what its
// heir sends.
type Mark struct {
	At   time.Time // no visit before had the same
	Heir bool      // a visit before began with the delivery without learning what came of it
}

// BeginDeliveries marks deliveries of a revision to a destination as begun, before the first goes out: from here on the destination may
// have any of them, and nobody but this visit withdraws them. Heirs go out even if a newer revision has replaced them, whose rejection
// could not name them otherwise; what was replaced and nobody has begun gets no mark, or an heir would send it after that revision. While
// deliveries of an earlier revision of the study are begun there, none is marked and the error is a RetryAfter: the destination gets
// revisions in order.
func (l *Ledger) BeginDeliveries(ctx context.Context, revisionID int64, destination string, ids []int64) (marks map[int64]Mark, err error) {
	var earlier bool
	err = l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		if earlier, err = earlierBegun(ctx, tx, rev, destination); err != nil || earlier {
			return err
		}
		since, err := oldestValid(ctx, tx, rev.StudyUID)
		if err != nil {
			return err
		}
		which := `WHERE state = '` + DeliveryWaiting + `'`
		if rev.Number < since {
			which += ` AND begun_at > 0`
		}
		which += ` AND id IN`
		now := ms(l.now())
		if marks, err = marksOf(ctx, tx, now, which, ids); err != nil {
			return err
		}
		return execIn(ctx, tx, `
			UPDATE delivery
			SET begun_at = CASE WHEN begun_at < ? THEN CAST(? AS BIGINT) ELSE begun_at + 1 END
			`+which, ids, now, now)
	})
	if err != nil {
		return nil, fmt.Errorf("begin deliveries of revision %d to %s: %w", revisionID, destination, err)
	}
	if earlier {
		return nil, &RetryAfter{Delay: earlierPause}
	}
	return marks, nil
}

// MayBegin is the RetryAfter that BeginDeliveries would give now, and changes nothing.
func (l *Ledger) MayBegin(ctx context.Context, revisionID int64, destination string) error {
	var earlier bool
	err := l.view(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID)
		if err != nil {
			return err
		}
		earlier, err = earlierBegun(ctx, tx, rev, destination)
		return err
	})
	if err != nil {
		return fmt.Errorf("ask whether deliveries of revision %d to %s may begin: %w", revisionID, destination, err)
	}
	if earlier {
		return &RetryAfter{Delay: earlierPause}
	}
	return nil
}

// earlierBegun says whether deliveries of an earlier revision of the study are begun at a destination.
func earlierBegun(ctx context.Context, tx *sql.Tx, rev Revision, destination string) (is bool, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT EXISTS (
			SELECT 1
			FROM revision r
			JOIN object o ON o.revision_id = r.id
			JOIN delivery d ON d.object_id = o.id
			WHERE r.study_uid = ? AND r.number < ? AND d.destination = ? AND d.state = ? AND d.begun_at > 0)`,
		rev.StudyUID, rev.Number, destination, DeliveryWaiting).Scan(&is)
	return is, err
}

// marksOf are those that deliveries get now.
func marksOf(ctx context.Context, tx *sql.Tx, now int64, which string, ids []int64) (map[int64]Mark, error) {
	marks := map[int64]Mark{}
	_, err := queryIn(ctx, tx, `SELECT id, begun_at FROM delivery `+which, func(rows *sql.Rows) (struct{}, error) {
		var id, before int64
		err := rows.Scan(&id, &before)
		marks[id] = Mark{At: at(max(now, before+1)), Heir: before > 0}
		return struct{}{}, err
	}, ids)
	return marks, err
}

// Waits tells whether a delivery that a visit began may go out: another visit may have it in hand by now, or a newer revision may have
// replaced it while those before it were sent. What was replaced is withdrawn here, unless it is an heir (see BeginDeliveries).
func (l *Ledger) Waits(ctx context.Context, id int64, mark Mark) (bool, error) {
	var waits bool
	replaced := 0 // by this revision
	err := l.view(ctx, func(tx *sql.Tx) error {
		var study string
		var number int
		if err := tx.QueryRowContext(ctx, `
			SELECT d.state = ? AND d.begun_at = ?, r.study_uid, r.number
			FROM delivery d
			JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id
			WHERE d.id = ?`, DeliveryWaiting, ms(mark.At), id).Scan(&waits, &study, &number); err != nil || !waits || mark.Heir {
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
		err = l.RecordDelivery(ctx, id, DeliveryOutcome{State: DeliveryWithdrawn, Detail: replacedBy(replaced), Mark: mark.At})
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
