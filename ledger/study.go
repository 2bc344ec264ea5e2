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
	Held       bool      `json:"held"`     // an open association has stored into it, at whichever door
	Away       int       `json:"away"`     // instances whose file not every node can read; a node that is alone need not count them
}

// Receiving returns the studies that wait to be settled, the longest quiet first.
func (l *Ledger) Receiving(ctx context.Context) ([]Activity, error) {
	var all []Activity
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = l.activities(ctx, tx, "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list receiving studies: %w", err)
	}
	return all, nil
}

// activities are those of the instances that are not settled, and for which a further condition holds.
func (l *Ledger) activities(ctx context.Context, tx *sql.Tx, and string, args ...any) ([]Activity, error) {
	callers := map[string][]string{}
	if _, err := query(ctx, tx, `
			SELECT DISTINCT study_uid, calling_ae
			FROM instance i
			WHERE i.revision = 0 `+and+`
			ORDER BY study_uid, calling_ae`, func(rows *sql.Rows) (struct{}, error) {
		var uid, caller string
		err := rows.Scan(&uid, &caller)
		callers[uid] = append(callers[uid], caller)
		return struct{}{}, err
	}, args...); err != nil {
		return nil, err
	}
	count := "0"
	if l.shared {
		count = away
	}
	return query(ctx, tx, `
			SELECT s.uid, MIN(i.received_at), MAX(i.received_at), COUNT(*), s.instances, s.state, s.revision,
				EXISTS (SELECT 1 FROM hold h WHERE h.study_uid = s.uid), `+count+`
			FROM instance i
			JOIN study s ON s.uid = i.study_uid
			WHERE i.revision = 0 `+and+`
			GROUP BY s.uid
			ORDER BY MAX(i.received_at)`,
		func(rows *sql.Rows) (a Activity, err error) {
			var first, last int64
			err = rows.Scan(&a.StudyUID, &first, &last, &a.Instances, &a.Total, &a.State, &a.Revision, &a.Held, &a.Away)
			a.FirstAt, a.LastAt, a.CallingAEs = at(first), at(last), callers[a.StudyUID]
			return a, err
		}, args...)
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
