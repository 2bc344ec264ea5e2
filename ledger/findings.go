package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// InstanceReason says why an instance is not part of the volume, or what is odd about it.
type InstanceReason struct {
	Path           string `json:"path,omitempty"`
	SOPInstanceUID string `json:"sop_instance_uid,omitempty"`
	Code           string `json:"code"`
	Text           string `json:"text"`
	Again          int    `json:"-"` // Instance.ReceivedAgain when it was read; not kept
}

// SeriesReason says why a series was chosen or refused.
type SeriesReason struct {
	SeriesUID string `json:"series_uid"`
	Chosen    bool   `json:"chosen"`
	Code      string `json:"code,omitempty"`
	Text      string `json:"text"`
	Remedy    string `json:"remedy,omitempty"`
}

// Reading is what a revision found, and in what.
type Reading struct {
	InputDigest string
	Findings    json.RawMessage
	Instances   []InstanceReason
	Series      []SeriesReason
}

// SaveFindings keeps what the pipeline found, with its reasons, instead of what was kept before. It returns the time that all objects
// made from the findings carry: the first writing of the same content fixes it, so that a
// repeated run makes the same bytes. Other content, after a change of settings, gets a new time.
//
// An instance that a corrected copy has replaced, and that came again while the study was read, counts as a late instance: the copies that
// come last count.
func (l *Ledger) SaveFindings(ctx context.Context, revisionID int64, r Reading) (when time.Time, err error) {
	if !json.Valid(r.Findings) {
		return time.Time{}, fmt.Errorf("findings of revision %d: not JSON", revisionID)
	}
	err = l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		if err := replaceReasons(ctx, tx, rev.ID, r); err != nil {
			return err
		}
		if err := l.cameAgain(ctx, tx, r.Instances); err != nil {
			return err
		}
		when, err = l.saveFindings(ctx, tx, rev, r)
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("save findings of revision %d: %w", revisionID, err)
	}
	return when, nil
}

// SaveReasons keeps what there is to say about instances and series before anything is found, instead of what was kept before. A revision
// whose reading fails, or ends with the program, has these.
func (l *Ledger) SaveReasons(ctx context.Context, revisionID int64, r Reading) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		return replaceReasons(ctx, tx, rev.ID, r)
	})
	if err != nil {
		return fmt.Errorf("save reasons of revision %d: %w", revisionID, err)
	}
	return nil
}

func (l *Ledger) saveFindings(ctx context.Context, tx *sql.Tx, rev Revision, r Reading) (time.Time, error) {
	if !rev.FindingsAt.IsZero() && rev.InputDigest == r.InputDigest && string(rev.Findings) == string(r.Findings) {
		return rev.FindingsAt, nil
	}
	when := at(ms(l.now()))
	if _, err := tx.ExecContext(ctx, `
		UPDATE revision
		SET input_digest = ?, findings = ?, findings_at = ?
		WHERE id = ?`,
		r.InputDigest, string(r.Findings), ms(when), rev.ID); err != nil {
		return time.Time{}, err
	}
	text := fmt.Sprintf("findings of revision %d written", rev.Number)
	return when, l.event(ctx, tx, rev.StudyUID, EventFindings, text, map[string]any{"revision": rev.Number})
}

// replaceReasons writes down the reasons of a revision instead of those that it had.
func replaceReasons(ctx context.Context, tx *sql.Tx, revisionID int64, r Reading) error {
	for _, table := range []string{"instance_reason", "series_reason"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE revision_id = ?`, revisionID); err != nil {
			return err
		}
	}
	var instances, series [][]any
	for _, i := range r.Instances {
		instances = append(instances, []any{revisionID, i.Path, i.SOPInstanceUID, i.Code, i.Text})
	}
	for _, s := range r.Series {
		series = append(series, []any{revisionID, s.SeriesUID, s.Chosen, s.Code, s.Text, s.Remedy})
	}
	err := insertRows(ctx, tx, `INSERT INTO instance_reason (revision_id, path, sop_uid, code, text)`, instances)
	if err == nil {
		err = insertRows(ctx, tx, `INSERT INTO series_reason (revision_id, series_uid, chosen, code, text, remedy)`, series)
	}
	if err != nil {
		return fmt.Errorf("write reasons: %w", err)
	}
	return nil
}

// cameAgain takes instances for new that a corrected copy has replaced and that came again since they were read.
func (l *Ledger) cameAgain(ctx context.Context, tx *sql.Tx, reasons []InstanceReason) error {
	for _, r := range reasons {
		if r.Code != ReasonCorrected && r.Code != ReasonPartCorrected {
			continue
		}
		again, err := queryInstances(ctx, tx, `WHERE path = ? AND again > ?`, r.Path, r.Again)
		if err != nil {
			return err
		}
		for _, i := range again {
			i.ReceivedAt = l.now()
			restored, err := restore(ctx, tx, i.StudyUID, []*Instance{&i})
			if err == nil {
				err = receiving(ctx, tx, restored, 0)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func queryInstanceReasons(ctx context.Context, tx *sql.Tx, revisionID int64) ([]InstanceReason, error) {
	return query(ctx, tx, `
		SELECT path, sop_uid, code, text
		FROM instance_reason
		WHERE revision_id = ?
		ORDER BY rowid`,
		func(rows *sql.Rows) (r InstanceReason, err error) {
			err = rows.Scan(&r.Path, &r.SOPInstanceUID, &r.Code, &r.Text)
			return r, err
		}, revisionID)
}

func querySeriesReasons(ctx context.Context, tx *sql.Tx, revisionID int64) ([]SeriesReason, error) {
	return query(ctx, tx, `
		SELECT series_uid, chosen, code, text, remedy
		FROM series_reason
		WHERE revision_id = ?
		ORDER BY rowid`,
		func(rows *sql.Rows) (r SeriesReason, err error) {
			err = rows.Scan(&r.SeriesUID, &r.Chosen, &r.Code, &r.Text, &r.Remedy)
			return r, err
		}, revisionID)
}

// Complete ends a revision with its objects: their rows, a delivery for each object and each of
// its destinations, and a delivery job for each destination, in one transaction. Run again, it
// adds nothing that is there and takes nothing back.
func (l *Ledger) Complete(ctx context.Context, revisionID int64, objects []Outgoing, note Reason) error {
	if err := l.end(ctx, revisionID, StateReported, note, objects); err != nil {
		return fmt.Errorf("complete revision %d: %w", revisionID, err)
	}
	return nil
}

// NotProcessed ends a revision without a result. why is not optional. objects tell the
// PACS, as those of Complete; there may be none.
func (l *Ledger) NotProcessed(ctx context.Context, revisionID int64, why Reason, objects []Outgoing) error {
	if why.Code == "" || why.Text == "" {
		return errors.New("not processed: needs a code and a text")
	}
	if err := l.end(ctx, revisionID, StateNotProcessed, why, objects); err != nil {
		return fmt.Errorf("end revision %d as not processed: %w", revisionID, err)
	}
	return nil
}

// AddObjects adds objects to a revision that has ended, as Complete does: what destinations ask for since then.
func (l *Ledger) AddObjects(ctx context.Context, revisionID int64, objects []Outgoing) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		_, err = l.addObjects(ctx, tx, rev, objects)
		return err
	})
	if err != nil {
		return fmt.Errorf("add objects to revision %d: %w", revisionID, err)
	}
	return nil
}

// addObjects writes objects, their deliveries and the jobs for these, and returns the destinations.
func (l *Ledger) addObjects(ctx context.Context, tx *sql.Tx, rev Revision, objects []Outgoing) (destinations []string, err error) {
	if err := l.insertObjects(ctx, tx, rev, objects); err != nil {
		return nil, err
	}
	for _, o := range objects {
		for _, d := range o.Destinations {
			if !slices.Contains(destinations, d) {
				destinations = append(destinations, d)
			}
		}
	}
	for _, d := range destinations {
		if err := l.enqueueDeliver(ctx, tx, rev.ID, d); err != nil {
			return nil, err
		}
	}
	return destinations, nil
}

func (l *Ledger) end(ctx context.Context, revisionID int64, state string, why Reason, objects []Outgoing) error {
	return l.update(ctx, func(tx *sql.Tx) error {
		rev, err := l.lockRevision(ctx, tx, revisionID)
		if err != nil {
			return err
		}
		destinations, err := l.addObjects(ctx, tx, rev, objects)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("revision %d with %d objects for %d destinations", rev.Number, len(objects), len(destinations))
		if why.Text != "" {
			text += ": " + why.Text
		}
		if err := l.finish(ctx, tx, rev, state, why, text); err != nil {
			return err
		}
		return l.withdrawReplaced(ctx, tx, rev.StudyUID)
	})
}
