package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Reason says why something ended as it did and what to do about it.
type Reason struct {
	Code   string `json:"code,omitempty"`
	Text   string `json:"text,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Codes of reasons that the ledger gives itself.
const (
	ReasonCrashed    = "crashed"
	ReasonFailed     = "failed"
	ReasonSuperseded = "superseded"
	// ReasonUnchanged is given by others: nothing new was found, so the outcome of an earlier revision is valid.
	ReasonUnchanged = "unchanged"
	// ReasonPartCorrected is given by others: some of the study came again under another patient. What was found before is not valid.
	ReasonPartCorrected = "corrected-in-part"
	// ReasonCorrected is given by others to instances that a corrected copy replaced.
	ReasonCorrected    = "corrected"
	ReasonNotDelivered = "not-delivered"
	ReasonNotCommitted = "not-confirmed"
	ReasonWaiting      = "waiting"
)

// Revision is a reading of a study: of all instances received when it became quiet, or when an operator asked for it. Once it has
// ended it stays as it is.
type Revision struct {
	ID           int64           `json:"id"`
	StudyUID     string          `json:"study_uid"`
	Number       int             `json:"number"` // 1, 2, ... within the study
	State        string          `json:"state"`  // settled, processing, reported, not processed
	Reason       Reason          `json:"reason"`
	InputDigest  string          `json:"input_digest,omitempty"`
	Findings     json.RawMessage `json:"findings,omitempty"`
	FindingsAt   time.Time       `json:"findings_at,omitzero"`
	SettledWhy   string          `json:"settled_why"`
	SettledAt    time.Time       `json:"settled_at,omitzero"`
	StartedAt    time.Time       `json:"started_at,omitzero"`
	FinishedAt   time.Time       `json:"finished_at,omitzero"`
	SupersededBy int             `json:"superseded_by,omitempty"` // number of a newer revision, 0 = this is the newest

	// Thinned is how many distinct SOP instances the study had when their rows went, the most if they went several times; Ledger.Revision
	// says so.
	Thinned int `json:"-"`
}

// Over says that the revision has its outcome.
func (r *Revision) Over() bool { return r.State != StateSettled && r.State != StateProcessing }

// Settle makes a new revision of all instances that the study has so far and enqueues
// its process job. When nothing came since the newest revision, that one is returned and
// nothing happens. why is what the operator reads: "quiet for 60 s".
func (l *Ledger) Settle(ctx context.Context, studyUID, why string) (Revision, error) {
	if err := l.Flush(ctx); err != nil {
		return Revision{}, fmt.Errorf("settle study %s: %w", studyUID, err)
	}
	var rev Revision
	err := l.update(ctx, func(tx *sql.Tx) (err error) {
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		rev, err = l.settle(ctx, tx, studyUID, why)
		return err
	})
	if err != nil {
		return Revision{}, fmt.Errorf("settle study %s: %w", studyUID, err)
	}
	return rev, nil
}

// SettleDue settles a study if it is due, which is asked here for what is true when it settles: an instance may come meanwhile, at
// whichever door. settled is false when it is not, or nothing of it is left to settle. due may be called several times.
func (l *Ledger) SettleDue(
	ctx context.Context, studyUID string, due func(Activity) (why string, due bool),
) (rev Revision, settled bool, err error) {
	if err := l.Flush(ctx); err != nil {
		return Revision{}, false, fmt.Errorf("settle study %s: %w", studyUID, err)
	}
	err = l.update(ctx, func(tx *sql.Tx) error {
		settled = false
		if _, err := l.db.Lock(ctx, tx, studyUID); err != nil {
			return err
		}
		now, err := l.activities(ctx, tx, `AND i.study_uid = ?`, studyUID)
		if err != nil || len(now) == 0 {
			return err
		}
		why, yes := due(now[0])
		if !yes {
			return nil
		}
		rev, err = l.settle(ctx, tx, studyUID, why)
		settled = err == nil
		return err
	})
	if err != nil {
		return Revision{}, false, fmt.Errorf("settle study %s: %w", studyUID, err)
	}
	return rev, settled, nil
}

func (l *Ledger) settle(ctx context.Context, tx *sql.Tx, studyUID, why string) (Revision, error) {
	var number, fresh int
	err := tx.QueryRowContext(ctx, `
		SELECT revision, (SELECT COUNT(*) FROM instance WHERE study_uid = ?1 AND revision = 0)
		FROM study
		WHERE uid = ?1`, studyUID).Scan(&number, &fresh)
	if errors.Is(err, sql.ErrNoRows) {
		return Revision{}, ErrNotFound
	}
	if err != nil {
		return Revision{}, err
	}
	if fresh == 0 {
		return oneRevision(ctx, tx, `WHERE study_uid = ? AND number = ?`, studyUID, number)
	}
	number++
	rev, err := l.addRevision(ctx, tx, studyUID, number, why)
	if err != nil {
		return Revision{}, err
	}
	for _, text := range []string{
		`UPDATE instance SET revision = ?2 WHERE study_uid = ?1 AND revision = 0`,
		`UPDATE study SET state = '` + StateSettled + `' WHERE uid = ?1 AND revision = ?2`,
	} {
		if _, err := tx.ExecContext(ctx, text, studyUID, number); err != nil {
			return Revision{}, err
		}
	}
	return rev, l.event(ctx, tx, studyUID, EventSettled, fmt.Sprintf("revision %d with %d new instances: %s", number, fresh, why),
		map[string]any{"revision": number})
}

// addRevision makes the newest revision of a study and enqueues its process job.
func (l *Ledger) addRevision(ctx context.Context, tx *sql.Tx, studyUID string, number int, why string) (Revision, error) {
	now := l.now()
	id, err := newID(ctx, tx, `
		INSERT INTO revision (study_uid, number, state, settled_why, settled_at)
		VALUES (?, ?, ?, ?, ?)`,
		studyUID, number, StateSettled, why, ms(now))
	if err != nil {
		return Revision{}, err
	}
	// A revision that nobody has begun will not be begun: the new one has all its instances.
	old := Reason{Code: ReasonSuperseded, Text: fmt.Sprintf("late instances came before processing began: see revision %d", number)}
	for _, step := range []struct {
		text string
		args []any
	}{
		{`UPDATE revision
			SET state = ?, reason_code = ?, reason_text = ?, finished_at = ?
			WHERE study_uid = ? AND number < ? AND state = ?`,
			[]any{StateNotProcessed, old.Code, old.Text, ms(now), studyUID, number, StateSettled}},
		{`UPDATE revision SET superseded_by = ?2 WHERE study_uid = ?1 AND number < ?2`, []any{studyUID, number}},
		{`UPDATE study SET revision = ?2 WHERE uid = ?1`, []any{studyUID, number}},
	} {
		if _, err := tx.ExecContext(ctx, step.text, step.args...); err != nil {
			return Revision{}, err
		}
	}
	if err := l.enqueueProcess(ctx, tx, id); err != nil {
		return Revision{}, err
	}
	return oneRevision(ctx, tx, `WHERE id = ?`, id)
}

// Revision returns a revision and its instances, those of earlier revisions included.
func (l *Ledger) Revision(ctx context.Context, id int64) (Revision, []Instance, error) {
	var rev Revision
	var instances []Instance
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		if rev, err = oneRevision(ctx, tx, `WHERE id = ?`, id); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT thinned FROM study WHERE uid = ?`, rev.StudyUID).Scan(&rev.Thinned); err != nil {
			return err
		}
		instances, err = queryInstances(ctx, tx, `
			WHERE study_uid = ? AND revision BETWEEN 1 AND ?
			ORDER BY received_at, path`, rev.StudyUID, rev.Number)
		return err
	})
	if err != nil {
		return Revision{}, nil, fmt.Errorf("read revision %d: %w", id, err)
	}
	return rev, instances, nil
}

// Begin marks a revision as being processed. A finished revision stays finished: it is an error.
func (l *Ledger) Begin(ctx context.Context, revisionID int64) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		if rev.Over() {
			return fmt.Errorf("it is %s", rev.State)
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE revision
			SET state = ?, started_at = ?
			WHERE id = ?`, StateProcessing, ms(l.now()), revisionID); err != nil {
			return err
		}
		if err := setStudyState(ctx, tx, rev.StudyUID, rev.Number, StateProcessing); err != nil {
			return err
		}
		text := fmt.Sprintf("revision %d begins", rev.Number)
		if rev.State == StateProcessing {
			text = fmt.Sprintf("revision %d begins again", rev.Number)
		}
		return l.event(ctx, tx, rev.StudyUID, EventProcessing, text, map[string]any{"revision": rev.Number})
	})
	if err != nil {
		return fmt.Errorf("begin revision %d: %w", revisionID, err)
	}
	return nil
}

// finish gives a revision its last state and says so.
func (l *Ledger) finish(ctx context.Context, tx *sql.Tx, rev Revision, state string, why Reason, text string) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE revision
		SET state = ?, reason_code = ?, reason_text = ?, reason_remedy = ?, finished_at = ?
		WHERE id = ?`,
		state, why.Code, why.Text, why.Remedy, ms(l.now()), rev.ID); err != nil {
		return err
	}
	if err := setStudyState(ctx, tx, rev.StudyUID, rev.Number, state); err != nil {
		return err
	}
	kind := EventReported
	if state == StateNotProcessed {
		kind = EventNotProcessed
	}
	if err := l.notifyEnd(ctx, tx, rev, state, why); err != nil {
		return err
	}
	attributes := map[string]any{"revision": rev.Number}
	if why.Code != "" {
		attributes["code"] = why.Code
	}
	if why.Remedy != "" {
		attributes["remedy"] = why.Remedy
	}
	if err := l.event(ctx, tx, rev.StudyUID, kind, text, attributes); err != nil {
		return err
	}
	return l.enqueueOpen(ctx, tx, `study_uid = ? AND number > ?`, rev.StudyUID, rev.Number) // which waits for this one
}

const revisionColumns = `id, study_uid, number, state, reason_code, reason_text, reason_remedy, input_digest, findings, findings_at,
	settled_why, settled_at, started_at, finished_at, superseded_by`

func oneRevision(ctx context.Context, tx *sql.Tx, where string, args ...any) (Revision, error) {
	all, err := queryRevisions(ctx, tx, where, args...)
	if err != nil {
		return Revision{}, err
	}
	if len(all) == 0 {
		return Revision{}, ErrNotFound
	}
	return all[0], nil
}

// lockRevision returns a revision that stays as it is, like all of its study, until the transaction ends or changes it.
func (l *Ledger) lockRevision(ctx context.Context, tx *sql.Tx, id int64) (Revision, error) {
	rev, err := oneRevision(ctx, tx, `WHERE id = ?`, id)
	if err != nil {
		return rev, err
	}
	if waited, err := l.db.Lock(ctx, tx, rev.StudyUID); err != nil || !waited {
		return rev, err
	}
	return oneRevision(ctx, tx, `WHERE id = ?`, id)
}

func queryRevisions(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]Revision, error) {
	return query(ctx, tx, `
		SELECT `+revisionColumns+`
		FROM revision `+where, func(rows *sql.Rows) (r Revision, err error) {
		var findings string
		var findingsAt, settled, started, finished int64
		err = rows.Scan(&r.ID, &r.StudyUID, &r.Number, &r.State, &r.Reason.Code, &r.Reason.Text, &r.Reason.Remedy,
			&r.InputDigest, &findings, &findingsAt, &r.SettledWhy, &settled, &started, &finished, &r.SupersededBy)
		if findings != "" {
			r.Findings = json.RawMessage(findings)
		}
		r.FindingsAt, r.SettledAt, r.StartedAt, r.FinishedAt = at(findingsAt), at(settled), at(started), at(finished)
		return r, err
	}, args...)
}
