package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Event is one line of the history of a study or of the node.
type Event struct {
	At          time.Time      `json:"at,omitzero"` // set by the ledger when zero
	StudyUID    string         `json:"study_uid,omitempty"`
	Kind        string         `json:"kind"`
	Text        string         `json:"text"`
	Instance    string         `json:"instance,omitempty"` // SOP Instance UID or path
	Association string         `json:"association,omitempty"`
	Attributes  map[string]any `json:"attributes,omitempty"`
}

// Kinds of the events that the ledger writes itself. Other packages name their own.
const (
	EventReceiving      = "receiving" // first instance, or a late one
	EventFlagged        = "instance flagged"
	EventSettled        = "settled"
	EventProcessing     = "processing"
	EventFindings       = "findings"
	EventReported       = "reported"
	EventNotProcessed   = "not processed"
	EventSent           = "object sent"
	EventRetry          = "object not sent yet"
	EventDeliveryFailed = "object not sent"
	EventWithdrawn      = "object not needed"
	EventRequeued       = "requeued"
	EventFilesRemoved   = "files removed"
	EventFilesMissing   = "files missing"
	EventFilesFound     = "files found"
	EventThinned        = "instance rows removed"
	EventJobFailed      = "job failed"
	EventRecovered      = "job recovered"
)

// Event queues e for the writer, in order with the instances recorded before it.
func (l *Ledger) Event(ctx context.Context, e Event) error {
	if e.At.IsZero() {
		e.At = l.now()
	}
	return l.enqueue(ctx, entry{event: &e})
}

// Visited queues, as Event does, the event of an association that is over. Its text is made from how many of the instances that came of the
// study were new, and how many were here already, through whichever door they had come: one door knows only what it has itself. None came
// before the time since: a study may come by as many associations as it has instances, and each is asked about.
func (l *Ledger) Visited(ctx context.Context, e Event, since time.Time, came int, text func(fresh, again int) string) error {
	if e.At.IsZero() {
		e.At = l.now()
	}
	if e.At.Before(since) { // the clock was set back
		since = e.At
	}
	return l.enqueue(ctx, entry{event: &e, visit: &visit{since, came, text}})
}

// visit is what the text of an event is made from.
type visit struct {
	since time.Time
	came  int // instances
	text  func(fresh, again int) string
}

func (v *visit) event(ctx context.Context, tx *sql.Tx, e Event) (Event, error) {
	var fresh int
	if err := tx.QueryRowContext(ctx, `
		SELECT COUNT(*)
		FROM instance
		WHERE study_uid = ? AND association = ? AND received_at >= ?`, e.StudyUID, e.Association, ms(v.since)).Scan(&fresh); err != nil {
		return e, fmt.Errorf("count what came of study %s: %w", e.StudyUID, err)
	}
	fresh = min(fresh, v.came)
	e.Text = v.text(fresh, v.came-fresh)
	return e, nil
}

func (l *Ledger) event(ctx context.Context, tx *sql.Tx, studyUID, kind, text string, attributes map[string]any) error {
	return insertEvent(ctx, tx, Event{At: l.now(), StudyUID: studyUID, Kind: kind, Text: text, Attributes: attributes})
}

func insertEvent(ctx context.Context, tx *sql.Tx, e Event) error {
	return insertEvents(ctx, tx, []Event{e})
}

func insertEvents(ctx context.Context, tx *sql.Tx, events []Event) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		var attributes []byte
		if len(e.Attributes) > 0 {
			var err error
			if attributes, err = json.Marshal(e.Attributes); err != nil {
				return fmt.Errorf("attributes of event %q: %w", e.Kind, err)
			}
		}
		rows[i] = []any{ms(e.At), e.StudyUID, e.Kind, e.Text, e.Instance, e.Association, string(attributes)}
	}
	if err := insertRows(ctx, tx, `INSERT INTO event (at, study_uid, kind, text, instance, association, attributes)`, rows); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

func queryEvents(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]Event, error) {
	return query(ctx, tx, `
		SELECT at, study_uid, kind, text, instance, association, attributes
		FROM event `+rest,
		func(rows *sql.Rows) (e Event, err error) {
			var when int64
			var attributes string
			if err := rows.Scan(&when, &e.StudyUID, &e.Kind, &e.Text, &e.Instance, &e.Association, &attributes); err != nil {
				return e, err
			}
			e.At = at(when)
			if attributes != "" {
				err = json.Unmarshal([]byte(attributes), &e.Attributes)
			}
			return e, err
		}, args...)
}
