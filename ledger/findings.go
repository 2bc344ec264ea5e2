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
}

// SeriesReason says why a series was chosen or refused.
type SeriesReason struct {
	SeriesUID string `json:"series_uid"`
	Chosen    bool   `json:"chosen"`
	Code      string `json:"code,omitempty"`
	Text      string `json:"text"`
	Remedy    string `json:"remedy,omitempty"`
}

// SaveFindings keeps what the pipeline found. It returns the time that all objects
// made from the findings carry: the first writing of the same content fixes it, so that a
// repeated run makes the same bytes. Other content, after a change of settings, gets a new time.
func (l *Ledger) SaveFindings(ctx context.Context, revisionID int64, inputDigest string, findings json.RawMessage) (time.Time, error) {
	if !json.Valid(findings) {
		return time.Time{}, fmt.Errorf("findings of revision %d: not JSON", revisionID)
	}
	var when time.Time
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID)
		if err != nil {
			return err
		}
		if !rev.FindingsAt.IsZero() && rev.InputDigest == inputDigest && string(rev.Findings) == string(findings) {
			when = rev.FindingsAt
			return nil
		}
		when = at(ms(l.now()))
		if _, err := tx.ExecContext(ctx, `UPDATE revision SET input_digest = ?, findings = ?, findings_at = ? WHERE id = ?`,
			inputDigest, string(findings), ms(when), revisionID); err != nil {
			return err
		}
		return l.event(ctx, tx, rev.StudyUID, EventFindings, fmt.Sprintf("findings of revision %d written", rev.Number), map[string]any{"revision": rev.Number})
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("save findings of revision %d: %w", revisionID, err)
	}
	return when, nil
}

// SaveInstanceReasons replaces the reasons of a revision's instances.
func (l *Ledger) SaveInstanceReasons(ctx context.Context, revisionID int64, reasons []InstanceReason) error {
	err := l.replaceReasons(ctx, revisionID, `instance_reason`, func(tx *sql.Tx) error {
		for _, r := range reasons {
			if _, err := tx.ExecContext(ctx, `INSERT INTO instance_reason (revision_id, path, sop_uid, code, text) VALUES (?, ?, ?, ?, ?)`,
				revisionID, r.Path, r.SOPInstanceUID, r.Code, r.Text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save instance reasons of revision %d: %w", revisionID, err)
	}
	return nil
}

// SaveSeriesReasons replaces what is said about a revision's series.
func (l *Ledger) SaveSeriesReasons(ctx context.Context, revisionID int64, reasons []SeriesReason) error {
	err := l.replaceReasons(ctx, revisionID, `series_reason`, func(tx *sql.Tx) error {
		for _, r := range reasons {
			if _, err := tx.ExecContext(ctx, `INSERT INTO series_reason (revision_id, series_uid, chosen, code, text, remedy) VALUES (?, ?, ?, ?, ?, ?)`,
				revisionID, r.SeriesUID, r.Chosen, r.Code, r.Text, r.Remedy); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save series reasons of revision %d: %w", revisionID, err)
	}
	return nil
}

func (l *Ledger) replaceReasons(ctx context.Context, revisionID int64, table string, insert func(tx *sql.Tx) error) error {
	return l.update(ctx, func(tx *sql.Tx) error {
		if _, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE revision_id = ?`, revisionID); err != nil {
			return err
		}
		return insert(tx)
	})
}

func queryInstanceReasons(ctx context.Context, tx *sql.Tx, revisionID int64) ([]InstanceReason, error) {
	return query(ctx, tx, `SELECT path, sop_uid, code, text FROM instance_reason WHERE revision_id = ? ORDER BY rowid`,
		func(rows *sql.Rows) (r InstanceReason, err error) {
			err = rows.Scan(&r.Path, &r.SOPInstanceUID, &r.Code, &r.Text)
			return r, err
		}, revisionID)
}

func querySeriesReasons(ctx context.Context, tx *sql.Tx, revisionID int64) ([]SeriesReason, error) {
	return query(ctx, tx, `SELECT series_uid, chosen, code, text, remedy FROM series_reason WHERE revision_id = ? ORDER BY rowid`,
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
		return fmt.Errorf("report revision %d: %w", revisionID, err)
	}
	return nil
}

// NotProcessed ends a revision without a result. why is not optional. objects tell the
// PACS, as those of Report; there may be none.
func (l *Ledger) NotProcessed(ctx context.Context, revisionID int64, why Reason, objects []Outgoing) error {
	if why.Code == "" || why.Text == "" {
		return errors.New("not processed: needs a code and a text")
	}
	if err := l.end(ctx, revisionID, StateNotProcessed, why, objects); err != nil {
		return fmt.Errorf("end revision %d as not processed: %w", revisionID, err)
	}
	return nil
}

// AddObjects adds objects to a revision that has ended, as Report does: what destinations ask for since then.
func (l *Ledger) AddObjects(ctx context.Context, revisionID int64, objects []Outgoing) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID)
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
	for _, o := range objects {
		if err := l.insertObject(ctx, tx, rev, o); err != nil {
			return nil, err
		}
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
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID)
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
