package ledger

import (
	"context"
	"database/sql"
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

// insertObjects writes objects of a revision, and a delivery of each to each of its destinations, unless they are there.
func (l *Ledger) insertObjects(ctx context.Context, tx *sql.Tx, rev Revision, objects []Outgoing) error {
	type known struct {
		uid, sha256 string
		revision    int64
	}
	uids := make([]string, len(objects))
	for i, o := range objects {
		uids[i] = o.SOPInstanceUID
	}
	before, err := queryIn(ctx, tx, `SELECT sop_uid, sha256, revision_id FROM object WHERE sop_uid IN`,
		func(rows *sql.Rows) (k known, err error) {
			err = rows.Scan(&k.uid, &k.sha256, &k.revision)
			return k, err
		}, uids)
	if err != nil {
		return fmt.Errorf("look up objects: %w", err)
	}
	there := map[string]known{}
	for _, k := range before {
		there[k.uid] = k
	}
	now := ms(l.now())
	var rows [][]any
	var remade []Outgoing
	for _, o := range objects {
		k, ok := there[o.SOPInstanceUID]
		switch {
		case !ok:
			rows = append(rows, []any{rev.ID, o.SOPInstanceUID, o.SOPClassUID, o.SeriesUID, o.Kind, o.Title, o.TransferSyntaxUID, o.Path,
				o.SHA256, o.Size, now})
			there[o.SOPInstanceUID] = known{o.SOPInstanceUID, o.SHA256, rev.ID}
		case k.revision != rev.ID:
			return fmt.Errorf("write object %s: its UID belongs to revision id %d already", o.SOPInstanceUID, k.revision)
		case k.sha256 != o.SHA256:
			remade = append(remade, o)
		}
	}
	if err := insertRows(ctx, tx, `
		INSERT INTO object (revision_id, sop_uid, class_uid, series_uid, kind, title, syntax_uid, path, sha256, size, created_at)`,
		rows); err != nil {
		return fmt.Errorf("write objects: %w", err)
	}
	for _, o := range remade {
		if err := l.remake(ctx, tx, rev, o, there[o.SOPInstanceUID].sha256); err != nil {
			return fmt.Errorf("write object %s: %w", o.SOPInstanceUID, err)
		}
	}
	if err := insertDeliveries(ctx, tx, rev, objects, now); err != nil {
		return fmt.Errorf("write deliveries: %w", err)
	}
	return nil
}

// remake is for an object that a program or model of another version made again before all was sent.
func (l *Ledger) remake(ctx context.Context, tx *sql.Tx, rev Revision, o Outgoing, before string) error {
	text := "object " + o.SOPInstanceUID + " was made again with other bytes under the same UID"
	if err := l.event(ctx, tx, rev.StudyUID, EventReported, text, map[string]any{"before": before, "now": o.SHA256}); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE object
		SET title = ?, syntax_uid = ?, path = ?, sha256 = ?, size = ?
		WHERE sop_uid = ?`,
		o.Title, o.TransferSyntaxUID, o.Path, o.SHA256, o.Size, o.SOPInstanceUID)
	return err
}

// insertDeliveries writes those that a revision, which is locked, does not have yet.
func insertDeliveries(ctx context.Context, tx *sql.Tx, rev Revision, objects []Outgoing, now int64) error {
	type way struct{ uid, destination string }
	ids, there := map[string]int64{}, map[way]bool{}
	if _, err := query(ctx, tx, `
		SELECT o.id, o.sop_uid, coalesce(d.destination, ''), d.id IS NOT NULL
		FROM object o
		LEFT JOIN delivery d ON d.object_id = o.id
		WHERE o.revision_id = ?`, func(rows *sql.Rows) (struct{}, error) {
		var id int64
		var w way
		var has bool
		err := rows.Scan(&id, &w.uid, &w.destination, &has)
		ids[w.uid] = id
		if has {
			there[w] = true
		}
		return struct{}{}, err
	}, rev.ID); err != nil {
		return err
	}
	var rows [][]any
	for _, o := range objects {
		for _, d := range o.Destinations {
			if w := (way{o.SOPInstanceUID, d}); !there[w] {
				there[w] = true
				rows = append(rows, []any{ids[w.uid], d, DeliveryWaiting, now})
			}
		}
	}
	return insertRows(ctx, tx, `INSERT INTO delivery (object_id, destination, state, created_at)`, rows)
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
