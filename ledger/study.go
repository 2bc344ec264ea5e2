package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// States of a study and of its revisions; a revision is never receiving.
const (
	StateReceiving    = "receiving"
	StateSettled      = "settled"
	StateProcessing   = "processing"
	StateReported     = "reported"
	StateNotProcessed = "not processed"
)

// Activity is a study with instances that belong to no revision yet.
type Activity struct {
	StudyUID   string    `json:"study_uid"`
	FirstAt    time.Time `json:"first_at,omitzero"` // of the instances not settled
	LastAt     time.Time `json:"last_at,omitzero"`  // quiet since
	Instances  int       `json:"instances"`         // not settled
	Total      int       `json:"total"`             // of the study, settled ones included
	CallingAEs []string  `json:"calling_aes"`
	State      string    `json:"state"`
	Revision   int       `json:"revision"` // newest so far, 0 = none
}

// Receiving returns the studies that wait to be settled, the longest quiet first.
func (l *Ledger) Receiving(ctx context.Context) ([]Activity, error) {
	var all []Activity
	err := l.view(ctx, func(tx *sql.Tx) error {
		callers := map[string][]string{}
		if _, err := query(ctx, tx, `
			SELECT DISTINCT study_uid, calling_ae
			FROM instance
			WHERE revision = 0
			ORDER BY study_uid, calling_ae`, func(rows *sql.Rows) (struct{}, error) {
			var uid, caller string
			err := rows.Scan(&uid, &caller)
			callers[uid] = append(callers[uid], caller)
			return struct{}{}, err
		}); err != nil {
			return err
		}
		var err error
		all, err = query(ctx, tx, `
			SELECT s.uid, MIN(i.received_at), MAX(i.received_at), COUNT(*), s.instances, s.state, s.revision
			FROM instance i
			JOIN study s ON s.uid = i.study_uid
			WHERE i.revision = 0
			GROUP BY s.uid
			ORDER BY MAX(i.received_at)`,
			func(rows *sql.Rows) (a Activity, err error) {
				var first, last int64
				err = rows.Scan(&a.StudyUID, &first, &last, &a.Instances, &a.Total, &a.State, &a.Revision)
				a.FirstAt, a.LastAt, a.CallingAEs = at(first), at(last), callers[a.StudyUID]
				return a, err
			})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list receiving studies: %w", err)
	}
	return all, nil
}

// setStudyState follows a revision, unless the revision is not the newest or late instances already came.
func setStudyState(ctx context.Context, tx *sql.Tx, studyUID string, number int, state string) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE study
		SET state = ?
		WHERE uid = ? AND revision = ? AND state <> ?`,
		state, studyUID, number, StateReceiving)
	if err != nil {
		return fmt.Errorf("set state of study %s: %w", studyUID, err)
	}
	return nil
}
