package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Object is one DICOM object that the node made.
type Object struct {
	SOPInstanceUID    string `json:"sop_instance_uid"`
	SOPClassUID       string `json:"sop_class_uid"`
	SeriesUID         string `json:"series_uid"`
	Kind              string `json:"kind"`
	Title             string `json:"title"`
	TransferSyntaxUID string `json:"transfer_syntax_uid"`
	Path              string `json:"path"` // relative to data_dir
	SHA256            string `json:"sha256"`
	Size              int64  `json:"size"`
}

// Outgoing is an object on its way out, with the destinations that want it.
type Outgoing struct {
	Object
	Destinations []string
}

// States of a delivery.
const (
	DeliveryWaiting   = "waiting"
	DeliverySent      = "sent"
	DeliveryFailed    = "failed"
	DeliveryWithdrawn = "withdrawn" // nobody needs it any more: replaced before it was sent, or out of the destination's profile
)

// Delivery is one object on its way to one destination.
type Delivery struct {
	ID          int64     `json:"id"`
	Object      Object    `json:"object"`
	StudyUID    string    `json:"-"`        // of the object
	Revision    int       `json:"revision"` // number of the object's revision
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Attempts    int       `json:"attempts"`
	Status      string    `json:"status,omitempty"` // of the newest attempt, "0000H"
	Detail      string    `json:"detail,omitempty"`
	Trouble     string    `json:"trouble,omitempty"`  // kind of the newest failures, the caller's word
	Troubles    int       `json:"troubles,omitempty"` // failures of that kind in a row
	Since       time.Time `json:"since,omitzero"`     // time of the first of them
	CreatedAt   time.Time `json:"created_at,omitzero"`
	SentAt      time.Time `json:"sent_at,omitzero"`
	SentClass   string    `json:"sent_class_uid,omitempty"` // under which it went, once sent
	SentUID     string    `json:"sent_sop_instance_uid,omitempty"`
	NextAt      time.Time `json:"next_at,omitzero"` // not before

	Commitment       string    `json:"commitment,omitempty"` // asked, committed, failed; "" when nobody was asked
	CommitmentDetail string    `json:"commitment_detail,omitempty"`
	CommitmentAt     time.Time `json:"commitment_at,omitzero"`
	Resent           int       `json:"resent,omitempty"` // how often it was sent again since it was not committed

	BegunAt  time.Time `json:"begun_at,omitzero"` // of an attempt of which nobody knows whether the destination has the object
	Replaced bool      `json:"-"`                 // of what Pending gives: begun, and a newer revision waits for it
}

// DeliveryOutcome is what an attempt brought.
type DeliveryOutcome struct {
	State     string // waiting = will be tried again, sent, failed or withdrawn = will not
	Attempted bool   // false when the object's turn never came
	Begun     bool   // for waiting: it stays begun if it was, since nobody knows whether the destination has it (see BeginDeliveries)
	Status    string
	Detail    string
	Trouble   string    // kind of failure; another kind begins a new streak
	NextAt    time.Time // for waiting
	Mark      time.Time // of the visit that says so; of one that has not begun with the delivery, what BegunAt was (see Mark)
	// SentClass and SentUID are class and instance of the form that was sent; "": those of the object.
	SentClass, SentUID string
}

// Streak returns how many failures of the kind in a row the delivery will have seen with one more at now, and since when.
func (d *Delivery) Streak(trouble string, now time.Time) (troubles int, since time.Time) {
	if d.Trouble != trouble || d.Troubles == 0 {
		return 1, now
	}
	return d.Troubles + 1, d.Since
}

func (l *Ledger) insertObject(ctx context.Context, tx *sql.Tx, rev Revision, o Outgoing) error {
	now := ms(l.now())
	var revisionID int64
	var sum string
	err := tx.QueryRowContext(ctx, `SELECT revision_id, sha256 FROM object WHERE sop_uid = ?`, o.SOPInstanceUID).Scan(&revisionID, &sum)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `
			INSERT INTO object (revision_id, sop_uid, class_uid, series_uid, kind, title, syntax_uid, path, sha256, size, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			rev.ID, o.SOPInstanceUID, o.SOPClassUID, o.SeriesUID, o.Kind, o.Title, o.TransferSyntaxUID, o.Path, o.SHA256, o.Size, now)
	case err == nil && revisionID != rev.ID:
		err = fmt.Errorf("its UID belongs to revision id %d already", revisionID)
	case err == nil && sum != o.SHA256:
		// A program or model of another version made the object again before all was sent.
		text := "object " + o.SOPInstanceUID + " was made again with other bytes under the same UID"
		if err = l.event(ctx, tx, rev.StudyUID, EventReported, text, map[string]any{"before": sum, "now": o.SHA256}); err == nil {
			_, err = tx.ExecContext(ctx, `
				UPDATE object
				SET title = ?, syntax_uid = ?, path = ?, sha256 = ?, size = ?
				WHERE sop_uid = ?`,
				o.Title, o.TransferSyntaxUID, o.Path, o.SHA256, o.Size, o.SOPInstanceUID)
		}
	}
	if err != nil {
		return fmt.Errorf("write object %s: %w", o.SOPInstanceUID, err)
	}
	for _, d := range o.Destinations {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO delivery (object_id, destination, state, created_at)
			SELECT id, ?, ?, CAST(? AS BIGINT)
			FROM object
			WHERE sop_uid = ?
			ON CONFLICT DO NOTHING`, d, DeliveryWaiting, now, o.SOPInstanceUID); err != nil {
			return fmt.Errorf("write delivery of %s to %s: %w", o.SOPInstanceUID, d, err)
		}
	}
	return nil
}

// Objects returns the objects of a revision, in the order in which they were made.
func (l *Ledger) Objects(ctx context.Context, revisionID int64) ([]Object, error) {
	var all []Object
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = queryObjects(ctx, tx, revisionID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list objects of revision %d: %w", revisionID, err)
	}
	return all, nil
}

// Pending returns the deliveries of a revision to a destination that wait: the least attempted first, so that an object that
// ends associations does not stand before all others for ever, then in the order in which the objects were made. NextAt may be
// in the future; the caller decides.
func (l *Ledger) Pending(ctx context.Context, revisionID int64, destination string) ([]Delivery, error) {
	var all []Delivery
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = queryDeliveries(ctx, tx, `
			WHERE o.revision_id = ? AND d.destination = ? AND d.state = ?
			ORDER BY d.attempts, o.id`, revisionID, destination, DeliveryWaiting)
		if err != nil || len(all) == 0 {
			return err
		}
		since, err := oldestValid(ctx, tx, all[0].StudyUID)
		for i := range all {
			all[i].Replaced = !all[i].BegunAt.IsZero() && all[i].Revision < since
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list deliveries of revision %d to %s: %w", revisionID, destination, err)
	}
	return all, nil
}

// SentBefore returns what the destination was sent of earlier revisions of the revision's study.
func (l *Ledger) SentBefore(ctx context.Context, revisionID int64, destination string) ([]Delivery, error) {
	var all []Delivery
	err := l.view(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID)
		if err != nil {
			return err
		}
		all, err = queryDeliveries(ctx, tx, `
			WHERE r.study_uid = ? AND r.number < ? AND d.destination = ? AND d.state = ?
			ORDER BY o.id`,
			rev.StudyUID, rev.Number, destination, DeliverySent)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list what %s was sent before revision %d: %w", destination, revisionID, err)
	}
	return all, nil
}

// SentSince tells whether the destination took any object, of whatever study, at the time or later.
func (l *Ledger) SentSince(ctx context.Context, destination string, since time.Time) (bool, error) {
	var sent bool
	err := l.view(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			SELECT EXISTS (SELECT 1 FROM destination WHERE name = ? AND sent_at >= ?)`,
			destination, ms(since)).Scan(&sent)
	})
	if err != nil {
		return false, fmt.Errorf("look up what %s was sent: %w", destination, err)
	}
	return sent, nil
}

// DeliveryResult is the outcome of one delivery among several.
type DeliveryResult struct {
	ID      int64
	Outcome DeliveryOutcome
}

// RecordDelivery keeps the outcome of an attempt. What was sent stays sent, what was withdrawn is not tried again, and what another visit
// has in hand stays as it is, unless it was sent.
func (l *Ledger) RecordDelivery(ctx context.Context, id int64, o DeliveryOutcome) error {
	return l.RecordOutcomes(ctx, []DeliveryResult{{id, o}})
}

// RecordOutcomes keeps outcomes of several deliveries, each with an event of its own, in one transaction: a sync costs the same for all.
func (l *Ledger) RecordOutcomes(ctx context.Context, results []DeliveryResult) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		for _, r := range results {
			e, err := l.recordDelivery(ctx, tx, r.ID, r.Outcome)
			if err == nil && e != nil {
				err = insertEvent(ctx, tx, *e)
			}
			if err != nil {
				return fmt.Errorf("delivery %d: %w", r.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record deliveries: %w", err)
	}
	return nil
}

// RecordDeliveries keeps outcomes of one attempt that belong together, such as those of all objects whose turn never came: one
// transaction, and one event for all that ended alike.
func (l *Ledger) RecordDeliveries(ctx context.Context, results []DeliveryResult) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		var events []Event
		counts := map[string]int{} // by kind and text
		for _, r := range results {
			e, err := l.recordDelivery(ctx, tx, r.ID, r.Outcome)
			if err != nil {
				return fmt.Errorf("delivery %d: %w", r.ID, err)
			}
			if e == nil {
				continue
			}
			key := e.Kind + e.StudyUID + e.Text
			if counts[key]++; counts[key] == 1 {
				events = append(events, *e)
			}
		}
		for _, e := range events {
			if n := counts[e.Kind+e.StudyUID+e.Text]; n > 1 {
				e.Instance, e.Text = "", fmt.Sprintf("%s (%d objects)", e.Text, n)
			}
			if err := insertEvent(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record deliveries: %w", err)
	}
	return nil
}

// recordDelivery writes one outcome and returns its event, nil when the object was sent before, or withdrawn or begun anew by somebody
// else while an attempt failed.
func (l *Ledger) recordDelivery(ctx context.Context, tx *sql.Tx, id int64, o DeliveryOutcome) (*Event, error) {
	kind := map[string]string{
		DeliveryWaiting:   EventRetry,
		DeliverySent:      EventSent,
		DeliveryFailed:    EventDeliveryFailed,
		DeliveryWithdrawn: EventWithdrawn,
	}[o.State]
	if kind == "" {
		return nil, fmt.Errorf("unknown state %q", o.State)
	}
	var rev Revision
	var destination, class, object, before string
	var begun int64
	look := func() error {
		err := tx.QueryRowContext(ctx, `
			SELECT r.id, r.study_uid, r.number, d.destination, o.class_uid, o.sop_uid, d.state, d.begun_at
			FROM delivery d
			JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id
			WHERE d.id = ?`, id).Scan(&rev.ID, &rev.StudyUID, &rev.Number, &destination, &class, &object, &before, &begun)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		return err
	}
	err := look()
	if err == nil {
		var waited bool
		if waited, err = l.db.Lock(ctx, tx, rev.StudyUID); err == nil && waited {
			err = look()
		}
	}
	if err != nil || before == DeliverySent || o.State != DeliverySent && (before == DeliveryWithdrawn || begun != ms(o.Mark)) {
		return nil, err
	}
	now := l.now()
	var sent, failed time.Time
	if o.State == DeliveryFailed {
		failed = now
	}
	if o.State == DeliverySent {
		sent = now
		if o.SentUID == "" {
			o.SentClass, o.SentUID = class, object
		}
	}
	// The right sides see the row as it was: the same kind of trouble goes on, another begins.
	if _, err := tx.ExecContext(ctx, `
		UPDATE delivery
		SET state = ?1, attempts = attempts + ?2, status = ?3, detail = ?4, sent_at = ?5, next_at = ?6,
			trouble = ?7,
			troubles = CASE WHEN ?7 = '' THEN 0 WHEN trouble = ?7 THEN troubles + 1 ELSE 1 END,
			since = CASE WHEN ?7 = '' THEN 0 WHEN trouble = ?7 AND troubles > 0 THEN since ELSE ?8 END,
			sent_class_uid = ?10, sent_sop_uid = ?11, failed_at = ?12,
			begun_at = CASE WHEN ?13 = 1 THEN begun_at ELSE 0 END
		WHERE id = ?9`,
		o.State, o.Attempted, o.Status, o.Detail, ms(sent), ms(o.NextAt),
		o.Trouble, ms(now), id, o.SentClass, o.SentUID, ms(failed), o.State == DeliveryWaiting && o.Begun); err != nil {
		return nil, err
	}
	if err := answered(ctx, tx, destination, o, now); err != nil {
		return nil, err
	}
	if before == DeliveryWaiting && o.State != DeliveryWaiting {
		if err := l.delivered(ctx, tx, rev, destination); err != nil {
			return nil, err
		}
	}
	text := destination
	for _, part := range []string{o.Status, o.Detail} {
		if part != "" {
			text += ": " + part
		}
	}
	return &Event{
		At:         now,
		StudyUID:   rev.StudyUID,
		Kind:       kind,
		Text:       text,
		Instance:   object,
		Attributes: map[string]any{"destination": destination},
	}, nil
}

// delivered does what follows when a delivery of a revision to a destination may have been the last one.
func (l *Ledger) delivered(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	if err := l.requestCommitment(ctx, tx, rev, destination); err != nil {
		return err
	}
	return l.notifyGivenUp(ctx, tx, rev, destination)
}

func queryDeliveries(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]Delivery, error) {
	return query(ctx, tx, `
		SELECT d.id, d.destination, d.state, d.attempts, d.status, d.detail, d.trouble, d.troubles,
			d.since, d.created_at, d.sent_at, d.next_at, d.sent_class_uid, d.sent_sop_uid,
			r.study_uid, r.number, d.commitment, d.commitment_detail, d.commitment_at, d.resent, d.begun_at,
			`+objectColumns+`
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		JOIN revision r ON r.id = o.revision_id `+where,
		func(rows *sql.Rows) (d Delivery, err error) {
			var since, created, sent, next, committed, begun int64
			err = rows.Scan(append([]any{
				&d.ID, &d.Destination, &d.State, &d.Attempts, &d.Status, &d.Detail, &d.Trouble, &d.Troubles, &since, &created, &sent, &next,
				&d.SentClass, &d.SentUID, &d.StudyUID, &d.Revision, &d.Commitment, &d.CommitmentDetail, &committed, &d.Resent, &begun,
			}, d.Object.fields()...)...)
			d.BegunAt = at(begun)
			d.Since, d.CreatedAt, d.SentAt, d.NextAt, d.CommitmentAt = at(since), at(created), at(sent), at(next), at(committed)
			return d, err
		}, args...)
}

const objectColumns = `o.sop_uid, o.class_uid, o.series_uid, o.kind, o.title, o.syntax_uid, o.path, o.sha256, o.size`

// fields are where the objectColumns go.
func (o *Object) fields() []any {
	return []any{&o.SOPInstanceUID, &o.SOPClassUID, &o.SeriesUID, &o.Kind, &o.Title, &o.TransferSyntaxUID, &o.Path, &o.SHA256, &o.Size}
}

func queryObjects(ctx context.Context, tx *sql.Tx, revisionID int64) ([]Object, error) {
	return query(ctx, tx, `
		SELECT `+objectColumns+`
		FROM object o
		WHERE o.revision_id = ?
		ORDER BY o.id`,
		func(rows *sql.Rows) (o Object, err error) {
			err = rows.Scan(o.fields()...)
			return o, err
		}, revisionID)
}
