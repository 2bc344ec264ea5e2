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

// Filter narrows Studies. The zero value means the newest 100.
type Filter struct {
	State    string // one of the states, "" = all
	StudyUID string // the beginning of the UID, "" = all
	Limit    int    // 0 = 100
	Offset   int
}

// Summary is one study in a list.
type Summary struct {
	StudyUID   string         `json:"study_uid"`
	State      string         `json:"state"`
	FirstAt    time.Time      `json:"first_at,omitzero"`
	LastAt     time.Time      `json:"last_at,omitzero"`
	Instances  int            `json:"instances"`
	Flagged    int            `json:"flagged"`
	Revision   int            `json:"revision"`
	Reason     Reason         `json:"reason"` // of the newest revision
	Findings   []byte         `json:"-"`      // JSON of the newest revision, may be empty
	FinishedAt time.Time      `json:"finished_at,omitzero"`
	Deliveries map[string]int `json:"deliveries"` // by state
}

// Studies lists studies, the last received first.
func (l *Ledger) Studies(ctx context.Context, f Filter) ([]Summary, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var all []Summary
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = query(ctx, tx, `
			SELECT s.uid, s.state, s.first_at, s.last_at, s.instances, s.revision,
				(SELECT COUNT(*) FROM instance i WHERE i.study_uid = s.uid AND i.flag <> ''),
				coalesce(r.reason_code, ''), coalesce(r.reason_text, ''), coalesce(r.reason_remedy, ''),
				coalesce(r.findings, ''), coalesce(r.finished_at, 0)
			FROM study s
			LEFT JOIN revision r ON r.study_uid = s.uid AND r.number = s.revision
			WHERE (?1 = '' OR s.state = ?1) AND (?2 = '' OR substr(s.uid, 1, length(?2)) = ?2)
			ORDER BY s.last_at DESC, s.uid
			LIMIT ?3 OFFSET ?4`, scanSummary, f.State, f.StudyUID, f.Limit, f.Offset)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].Deliveries, err = countBy(ctx, tx, `
				SELECT d.state, COUNT(*)
				FROM delivery d
				JOIN object o ON o.id = d.object_id
				JOIN revision r ON r.id = o.revision_id
				WHERE r.study_uid = ?
				GROUP BY d.state`, all[i].StudyUID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list studies: %w", err)
	}
	return all, nil
}

// CountStudies counts the studies that a filter lets through, whatever its limit. With atLeast there are more than n.
func (l *Ledger) CountStudies(ctx context.Context, f Filter) (n int, atLeast bool, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			SELECT COUNT(*)
			FROM study s
			WHERE (?1 = '' OR s.state = ?1) AND (?2 = '' OR substr(s.uid, 1, length(?2)) = ?2)`, f.State, f.StudyUID).Scan(&n)
	})
	if err != nil {
		return 0, false, fmt.Errorf("count studies: %w", err)
	}
	return n, false, nil
}

func scanSummary(rows *sql.Rows) (s Summary, err error) {
	var first, last, finished int64
	err = rows.Scan(&s.StudyUID, &s.State, &first, &last, &s.Instances, &s.Revision, &s.Flagged,
		&s.Reason.Code, &s.Reason.Text, &s.Reason.Remedy, &s.Findings, &finished)
	s.FirstAt, s.LastAt, s.FinishedAt = at(first), at(last), at(finished)
	return s, err
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
