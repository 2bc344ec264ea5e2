package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Held are the files that should be there of a study.
type Held struct {
	StudyUID  string
	Instances []string // paths relative to data_dir
	Waiting   []string // of objects that are still to be delivered
	Missing   bool     // some were not there when somebody looked before
}

// EachHeld calls f for every study whose files nobody removed, one at a time, and stops at its error.
func (l *Ledger) EachHeld(ctx context.Context, f func(Held) error) error {
	err := l.view(ctx, func(tx *sql.Tx) error {
		studies, err := query(ctx, tx, `
			SELECT uid, files_missing
			FROM study
			WHERE files_removed_at = 0 OR files_missing = 1
			ORDER BY uid`,
			func(rows *sql.Rows) (h Held, err error) {
				err = rows.Scan(&h.StudyUID, &h.Missing)
				return h, err
			})
		if err != nil {
			return err
		}
		for _, h := range studies {
			h.Instances, err = query(ctx, tx, `SELECT path FROM instance WHERE study_uid = ?`, oneValue[string], h.StudyUID)
			if err != nil {
				return err
			}
			if h.Waiting, err = query(ctx, tx, `
				SELECT DISTINCT o.path
				FROM object o
				JOIN revision r ON r.id = o.revision_id
				JOIN delivery d ON d.object_id = o.id
				WHERE r.study_uid = ? AND d.state = ?`, oneValue[string], h.StudyUID, DeliveryWaiting); err != nil {
				return err
			}
			if err := f(h); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the files that should be here: %w", err)
	}
	return nil
}

// NoteMissing notes that files of a study are not there. While instances are missing, whoever asks for storage commitment is told that
// they are not here.
func (l *Ledger) NoteMissing(ctx context.Context, studyUID string, instances, objects int) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		if instances > 0 {
			if _, err := tx.ExecContext(ctx, `
				UPDATE study
				SET files_removed_at = ?, files_missing = 1
				WHERE uid = ?`, ms(l.now()), studyUID); err != nil {
				return err
			}
		}
		text := fmt.Sprintf("files of %d instances and %d objects are missing in data_dir, and nobody removed them", instances, objects)
		return l.event(ctx, tx, studyUID, EventFilesMissing, text, nil)
	})
	if err != nil {
		return fmt.Errorf("note that files of study %s are missing: %w", studyUID, err)
	}
	return nil
}

// NoteFound notes that the files of a study that were missing are there.
func (l *Ledger) NoteFound(ctx context.Context, studyUID string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `
			UPDATE study
			SET files_removed_at = 0, files_missing = 0
			WHERE uid = ? AND files_missing = 1`, studyUID); err != nil {
			return err
		}
		return l.event(ctx, tx, studyUID, EventFilesFound, "the files that were missing are here", nil)
	})
	if err != nil {
		return fmt.Errorf("note that the files of study %s are here: %w", studyUID, err)
	}
	return nil
}
