package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Ended is a study that is over: it has its outcome, and every destination its objects or a reason why not.
type Ended struct {
	StudyUID           string
	Instances, Objects []string // paths relative to data_dir
}

// over says of study s that all about it is over since before ?1; ?2 to ?5 are what overArgs gives.
const over = `s.last_at < ?1 AND s.again_at < ?1 AND s.state IN (?2, ?3)
	AND NOT EXISTS (
		SELECT 1
		FROM revision r
		WHERE r.study_uid = s.uid AND (r.state NOT IN (?2, ?3) OR r.finished_at >= ?1))
	AND NOT EXISTS (
		SELECT 1
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		JOIN revision r ON r.id = o.revision_id
		WHERE r.study_uid = s.uid AND (d.state = ?4 OR d.commitment = ?5 OR d.sent_at >= ?1))`

// filed says of study s that nobody has removed its files; some may be missing.
const filed = `(s.files_removed_at = 0 OR s.files_missing = 1)`

func overArgs(before time.Time) []any {
	return []any{ms(before), StateReported, StateNotProcessed, DeliveryWaiting, ObjectAsked}
}

// Ended lists studies that are over since before the given time and whose files nobody has removed, at most limit of them. Some files may
// be missing: the others are still there.
func (l *Ledger) Ended(ctx context.Context, before time.Time, limit int) ([]Ended, error) {
	var all []Ended
	err := l.view(ctx, func(tx *sql.Tx) error {
		uids, err := query(ctx, tx, `
			SELECT uid
			FROM study s
			WHERE `+filed+` AND `+over+`
			ORDER BY s.last_at
			LIMIT ?6`, oneValue[string], append(overArgs(before), limit)...)
		if err != nil {
			return err
		}
		for _, uid := range uids {
			e := Ended{StudyUID: uid}
			if e.Instances, err = query(ctx, tx, `SELECT path FROM instance WHERE study_uid = ?`, oneValue[string], uid); err != nil {
				return err
			}
			if e.Objects, err = query(ctx, tx, `
				SELECT o.path
				FROM object o
				JOIN revision r ON r.id = o.revision_id
				WHERE r.study_uid = ?`, oneValue[string], uid); err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list studies that are over: %w", err)
	}
	return all, nil
}

// FilesGo says whether a study that Ended has listed is over still, so that its files may be removed. From here on each of its instances
// is one without a file, until it comes again: through whichever door that is, while the files are removed or after, what the ledger says
// is true of each.
func (l *Ledger) FilesGo(ctx context.Context, studyUID string, before time.Time) (may bool, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		found, err := query(ctx, tx, `SELECT uid FROM study s WHERE `+filed+` AND `+over+` AND s.uid = ?6`,
			oneValue[string], append(overArgs(before), studyUID)...)
		if may = len(found) > 0; err != nil || !may {
			return err
		}
		return allGone(ctx, tx, studyUID)
	})
	if err != nil {
		return false, fmt.Errorf("note that the files of study %s go: %w", studyUID, err)
	}
	return may, nil
}

func allGone(ctx context.Context, tx *sql.Tx, studyUID string) error {
	_, err := tx.ExecContext(ctx, `UPDATE instance SET gone = 1 WHERE study_uid = ? AND gone = 0`, studyUID)
	return err
}

// FilesRemoved notes that the files of a study that was over since before a time are gone, after FilesGo. If an instance came meanwhile its
// file may be there: the study is over again later, and Ended lists it.
func (l *Ledger) FilesRemoved(ctx context.Context, studyUID string, before time.Time, instances, objects int) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `
			UPDATE study
			SET files_removed_at = ?1, files_missing = 0
			WHERE uid = ?2 AND last_at < ?3 AND again_at < ?3`, ms(l.now()), studyUID, ms(before))
		if err != nil {
			return err
		}
		quiet, err := result.RowsAffected()
		if err != nil {
			return err
		}
		why := "all is over"
		if quiet == 0 {
			why = "all was over; meanwhile instances came"
		}
		text := fmt.Sprintf("files of %d instances and %d objects removed, since %s", instances, objects, why)
		return l.event(ctx, tx, studyUID, EventFilesRemoved, text, nil)
	})
	if err != nil {
		return fmt.Errorf("note that the files of study %s are removed: %w", studyUID, err)
	}
	return nil
}

// thinnable selects the studies whose rows Thin may remove.
const thinnable = `
	SELECT uid
	FROM study s
	WHERE s.files_removed_at > 0 AND s.thinned_at = 0 AND s.files_missing = 0 AND ` + over + `
`

// Thin removes the rows of instances, and what is noted of each, of studies that are over since before the given time and whose files were
// removed: of at most limit studies, and says of how many. What the counters count stays counted; decisions, findings, objects and
// deliveries stay.
func (l *Ledger) Thin(ctx context.Context, before time.Time, limit int) (studies int, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		uids, err := query(ctx, tx, thinnable+`
			ORDER BY s.last_at
			LIMIT ?6`, oneValue[string], append(overArgs(before), limit)...)
		if err != nil {
			return err
		}
		slices.Sort(uids)
		for _, uid := range uids {
			if _, err := l.db.Lock(ctx, tx, uid); err != nil {
				return err
			}
		}
		studies = 0
		for _, uid := range uids {
			still, err := query(ctx, tx, thinnable+` AND s.uid = ?6`, oneValue[string], append(overArgs(before), uid)...)
			if err != nil {
				return err
			}
			if len(still) == 0 { // something of it came before it was locked
				continue
			}
			if err := l.thin(ctx, tx, uid); err != nil {
				return err
			}
			studies++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("thin out the ledger: %w", err)
	}
	return studies, nil
}

func (l *Ledger) thin(ctx context.Context, tx *sql.Tx, studyUID string) error {
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM instance_reason
		WHERE revision_id IN (SELECT id FROM revision WHERE study_uid = ?)`, studyUID); err != nil {
		return err
	}
	var distinct int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(DISTINCT sop_uid) FROM instance WHERE study_uid = ?`, studyUID).Scan(&distinct)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `DELETE FROM instance WHERE study_uid = ?`, studyUID)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE study
		SET thinned_at = ?, thinned = MAX(thinned, ?)
		WHERE uid = ?`, ms(l.now()), distinct, studyUID); err != nil {
		return err
	}
	return l.event(ctx, tx, studyUID, EventThinned, fmt.Sprintf("rows of %d instances removed, since all has long been over", n), nil)
}

// ForgetCommitments removes requests of storage commitment that ended before the given time.
func (l *Ledger) ForgetCommitments(ctx context.Context, before time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		const old = `FROM commitment WHERE state <> '` + SCPWaiting + `' AND finished_at < ?`
		if _, err := tx.ExecContext(ctx, `
			DELETE FROM commitment_reference
			WHERE commitment_id IN (SELECT id `+old+`)`, ms(before)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE `+old, ms(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget old storage commitment requests: %w", err)
	}
	return nil
}
