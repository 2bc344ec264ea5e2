package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// History is everything that the ledger knows about one study, ready for JSON.
type History struct {
	StudyUID  string            `json:"study_uid"`
	State     string            `json:"state"`
	FirstAt   time.Time         `json:"first_at,omitzero"`
	LastAt    time.Time         `json:"last_at,omitzero"`
	RemovedAt time.Time         `json:"files_removed_at,omitzero"`         // zero while they are there
	Missing   bool              `json:"files_missing,omitempty"`           // files_removed_at is when somebody found that
	Thinned   int               `json:"instance_rows_removed,omitempty"`   // of how many distinct instances that came before
	ThinnedAt time.Time         `json:"instance_rows_removed_at,omitzero"` // zero once the study came again
	Instances []Instance        `json:"instances"`                         // in order of reception, with the reasons of the newest revision
	Revisions []RevisionHistory `json:"revisions"`                         // newest last
	Events    []Event           `json:"events"`                            // in order of time

	Notifications []Notification     `json:"notifications"` // in the order of what happened
	Refusals      []RefusedInstances `json:"refusals"`      // instances that were not stored, in order of time
}

// RevisionHistory is a revision with what came of it.
type RevisionHistory struct {
	Revision
	Series     []SeriesReason   `json:"series"`
	Reasons    []InstanceReason `json:"instance_reasons"`
	Objects    []Object         `json:"objects"`
	Deliveries []Delivery       `json:"deliveries"`

	Commitments []CommitmentSCU `json:"confirmations"`

	// Failure is the newest failure of processing, until the revision has its outcome or is requeued; nil without one.
	Failure *Event `json:"failure,omitempty"`
	// RetryAt is when it is processed again after a failure; zero while it is being processed, and without a failure.
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// History returns the history of a study, or ErrNotFound.
func (l *Ledger) History(ctx context.Context, studyUID string) (*History, error) {
	h := &History{StudyUID: studyUID, Revisions: []RevisionHistory{}}
	err := l.view(ctx, func(tx *sql.Tx) error {
		var first, last, removed, thinned int64
		err := tx.QueryRowContext(ctx, `
			SELECT state, first_at, last_at, files_removed_at, files_missing, thinned, thinned_at
			FROM study
			WHERE uid = ?`, studyUID).Scan(&h.State, &first, &last, &removed, &h.Missing, &h.Thinned, &thinned)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		h.FirstAt, h.LastAt, h.RemovedAt, h.ThinnedAt = at(first), at(last), at(removed), at(thinned)
		if h.Instances, err = queryInstances(ctx, tx, `WHERE study_uid = ? ORDER BY received_at, path`, studyUID); err != nil {
			return err
		}
		if h.Events, err = queryEvents(ctx, tx, `WHERE study_uid = ? ORDER BY at, id`, studyUID); err != nil {
			return err
		}
		revisions, err := queryRevisions(ctx, tx, `WHERE study_uid = ? ORDER BY number`, studyUID)
		if err != nil {
			return err
		}
		for _, rev := range revisions {
			rh, err := l.revisionHistory(ctx, tx, rev, h.Events)
			if err != nil {
				return err
			}
			h.Revisions = append(h.Revisions, rh)
		}
		if h.Notifications, err = queryNotifications(ctx, tx, `WHERE study_uid = ? ORDER BY id`, studyUID); err != nil {
			return err
		}
		h.Refusals, err = queryRefusals(ctx, tx, `WHERE study_uid = ? ORDER BY first_at, rowid`, studyUID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("history of study %s: %w", studyUID, err)
	}
	if n := len(h.Revisions); n > 0 {
		byPath := map[string][]InstanceReason{}
		for _, r := range h.Revisions[n-1].Reasons {
			byPath[r.Path] = append(byPath[r.Path], r)
		}
		for i := range h.Instances {
			h.Instances[i].Reasons = byPath[h.Instances[i].Path]
		}
	}
	return h, nil
}

func (l *Ledger) revisionHistory(ctx context.Context, tx *sql.Tx, rev Revision, events []Event) (RevisionHistory, error) {
	rh := RevisionHistory{Revision: rev}
	var err error
	if rh.Series, err = querySeriesReasons(ctx, tx, rev.ID); err != nil {
		return rh, err
	}
	if rh.Reasons, err = queryInstanceReasons(ctx, tx, rev.ID); err != nil {
		return rh, err
	}
	if rh.Objects, err = queryObjects(ctx, tx, rev.ID); err != nil {
		return rh, err
	}
	if rh.Deliveries, err = queryDeliveries(ctx, tx, `WHERE o.revision_id = ? ORDER BY o.id, d.destination`, rev.ID); err != nil {
		return rh, err
	}
	if rh.Commitments, err = queryCommitmentsSCU(ctx, tx, `WHERE revision_id = ? ORDER BY id`, rev.ID); err != nil {
		return rh, err
	}
	if !rev.Over() {
		rh.Failure = failure(events, rev.Number)
	}
	if rh.Failure != nil {
		rh.RetryAt, err = l.db.JobDialect().Due(ctx, tx, processJob, processKey{rev.ID})
	}
	return rh, err
}

// failure is the newest failure of processing a revision that nobody has requeued since, without the name of the job in its text:
// "attempt 1 of 4: ...", "waits for room on the disk: ...".
func failure(events []Event, revision int) *Event {
	for i := len(events) - 1; i >= 0 && events[i].Kind != EventRequeued; i-- {
		e := events[i]
		job, text, _ := strings.Cut(e.Text, " ")
		of := e.Attributes["revision"] == float64(revision) // as JSON has numbers
		if e.Kind == EventJobFailed && of && strings.TrimSuffix(job, ",") == processJob {
			e.Text = text
			return &e
		}
	}
	return nil
}
