package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Held are files that should be there of a study.
type Held struct {
	StudyUID  string
	Instances []string // paths relative to data_dir
	Waiting   []string // of objects that are still to be delivered
	Missing   bool     // some were not there when somebody looked before
}

// SampleHeld lists the studies whose files nobody removed, with the instance that came last: where files are lost, because data_dir is
// another one or an older one, that one is lost, and looking for all would take minutes. What is on one node alone is left out, as is what
// was removed of a study that came again in part. Objects that wait are all listed. With most > 0 it lists no more than these studies, the
// newest.
func (l *Ledger) SampleHeld(ctx context.Context, most int) (all []Held, err error) {
	if most <= 0 {
		most = noLimit
	}
	err = l.view(ctx, func(tx *sql.Tx) error {
		waiting := map[string][]string{}
		if _, err := query(ctx, tx, `
			SELECT DISTINCT r.study_uid, o.path
			FROM delivery d
			JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id
			WHERE d.state = '`+DeliveryWaiting+`'`, func(rows *sql.Rows) (struct{}, error) {
			var uid, path string
			err := rows.Scan(&uid, &path)
			waiting[uid] = append(waiting[uid], path)
			return struct{}{}, err
		}); err != nil {
			return err
		}
		all, err = query(ctx, tx, `
			SELECT uid, files_missing, newest
			FROM study
			WHERE (files_removed_at = 0 OR files_missing = 1) AND NOT EXISTS (
				SELECT 1 FROM instance i WHERE i.path = newest AND (i.at <> '' OR i.gone = 1))
			ORDER BY last_at DESC
			LIMIT ?`,
			func(rows *sql.Rows) (h Held, err error) {
				var last string
				err = rows.Scan(&h.StudyUID, &h.Missing, &last)
				if last != "" {
					h.Instances = []string{last}
				}
				h.Waiting = waiting[h.StudyUID]
				return h, err
			}, most)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the files that should be here: %w", err)
	}
	return all, nil
}

// InstancePaths lists the files of the instances of a study, but for those on the disk of one node alone and those that were removed.
func (l *Ledger) InstancePaths(ctx context.Context, studyUID string) (paths []string, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		paths, err = query(ctx, tx, `SELECT path FROM instance WHERE study_uid = ? AND at = '' AND gone = 0`, oneValue[string], studyUID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the files of study %s: %w", studyUID, err)
	}
	return paths, nil
}

// EachFile calls f with the path of every file that should be there, for whichever node: instances and objects of the studies whose files
// nobody removed.
func (l *Ledger) EachFile(ctx context.Context, f func(path string) error) error {
	err := l.view(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT i.path
			FROM study s
			JOIN instance i ON i.study_uid = s.uid
			WHERE (s.files_removed_at = 0 OR s.files_missing = 1) AND i.at = '' AND i.gone = 0
			UNION ALL
			SELECT o.path
			FROM study s
			JOIN revision r ON r.study_uid = s.uid
			JOIN object o ON o.revision_id = r.id
			WHERE s.files_removed_at = 0 OR s.files_missing = 1`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var path string
			if err := rows.Scan(&path); err != nil {
				return err
			}
			if err := f(path); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("list the files that should be here: %w", err)
	}
	return nil
}

// NoteMissing notes that files of a study are not there, unless somebody removed them meanwhile. While instances are missing, whoever asks
// for storage commitment is told that they are not here.
func (l *Ledger) NoteMissing(ctx context.Context, studyUID string, instances, objects int) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		found, err := query(ctx, tx, `SELECT uid FROM study WHERE uid = ? AND (files_removed_at = 0 OR files_missing = 1)`,
			oneValue[string], studyUID)
		if err != nil || len(found) == 0 {
			return err
		}
		if instances > 0 {
			if _, err := tx.ExecContext(ctx, `
				UPDATE study
				SET files_removed_at = ?, files_missing = 1
				WHERE uid = ?`, ms(l.now()), studyUID); err != nil {
				return err
			}
		}
		text := fmt.Sprintf("files of %d instances and %d objects are missing, and nobody removed them", instances, objects)
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
