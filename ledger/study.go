package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
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
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = query(ctx, tx, `
			SELECT s.uid, MIN(i.received_at), MAX(i.received_at), COUNT(*), s.instances,
				json_group_array(DISTINCT i.calling_ae), s.state, s.revision
			FROM instance i
			JOIN study s ON s.uid = i.study_uid
			WHERE i.revision = 0
			GROUP BY s.uid
			ORDER BY MAX(i.received_at)`,
			func(rows *sql.Rows) (a Activity, err error) {
				var first, last int64
				var callers string
				err = rows.Scan(&a.StudyUID, &first, &last, &a.Instances, &a.Total, &callers, &a.State, &a.Revision)
				if err != nil {
					return a, err
				}
				a.FirstAt, a.LastAt = at(first), at(last)
				err = json.Unmarshal([]byte(callers), &a.CallingAEs)
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
