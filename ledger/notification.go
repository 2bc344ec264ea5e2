package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Kinds of notices.
const (
	NoticeResult  = "result"  // a revision was reported
	NoticeFailure = "failure" // a revision was not processed, or objects of it were given up for a destination
	NoticeStuck   = "stuck"   // a study or a delivery waits longer than it should
	NoticeSilent  = "silent"  // nothing came from a peer for longer than it should be
	NoticeDisk    = "disk"    // the node runs short of disk space, or has none but the reserve
)

// Subscription is a receiver of notices.
type Subscription struct {
	Name  string
	Kinds []string // of notices that it wants
}

// Notice is what receivers are told: something that happened, as it was when it happened.
type Notice struct {
	Kind        string         `json:"kind"`
	StudyUID    string         `json:"study_uid"`             // "" when it is about the node
	RevisionID  int64          `json:"revision_id,omitempty"` // 0: the study has no revision yet
	Revision    int            `json:"revision,omitempty"`    // its number
	Destination string         `json:"destination,omitempty"` // "" when it is about the study
	Peer        string         `json:"peer,omitempty"`        // calling AE title of the one that is silent
	At          time.Time      `json:"at,omitzero"`
	Since       time.Time      `json:"since,omitzero"` // of what is stuck, and of a silence
	Reason      Reason         `json:"reason"`
	Objects     map[string]int `json:"objects,omitempty"` // for the destination, by state of their delivery
}

// States of a notification.
const (
	NotificationWaiting = "waiting"
	NotificationSent    = "sent"
	NotificationFailed  = "failed" // given up
)

// Kinds of the events of notification.
const (
	EventStuck       = "stuck"
	EventNotified    = "notified"
	EventNotNotified = "not notified"
)

// Notification is one notice on its way to one receiver.
type Notification struct {
	ID        int64     `json:"id"`
	Receiver  string    `json:"receiver"`
	EventID   string    `json:"event_id"` // the same whenever the notice goes out
	Notice    Notice    `json:"fact"`
	Body      []byte    `json:"-"` // what is sent, once it is fixed, until it has arrived
	State     string    `json:"state"`
	Attempts  int       `json:"attempts"`
	Detail    string    `json:"detail,omitempty"` // of the newest attempt
	CreatedAt time.Time `json:"created_at,omitzero"`
	SentAt    time.Time `json:"sent_at,omitzero"`
	NextAt    time.Time `json:"next_at,omitzero"` // not before
}

// notify writes a notification of the notice, and its job, for each receiver that wants its kind. mark is what tells this notice from
// others of its kind about the same thing: none is given twice. fresh says whether it is new to anybody.
func (l *Ledger) notify(ctx context.Context, tx *sql.Tx, n Notice, mark int64) (fresh bool, err error) {
	if n.At.IsZero() {
		n.At = at(ms(l.now()))
	}
	text, err := json.Marshal(n)
	if err != nil {
		return false, fmt.Errorf("write down a notice: %w", err)
	}
	for _, r := range l.receivers() {
		if !slices.Contains(r.Kinds, n.Kind) {
			continue
		}
		id, err := newID(ctx, tx, `
			INSERT INTO notification (receiver, event_id, kind, study_uid, revision_id, destination, fact, state, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`,
			r.Name, eventID(n, mark), n.Kind, n.StudyUID, n.RevisionID, n.Destination, string(text), NotificationWaiting, ms(l.now()))
		if errors.Is(err, sql.ErrNoRows) {
			continue // it was told
		}
		if err != nil {
			return fresh, fmt.Errorf("write notification for %s: %w", r.Name, err)
		}
		fresh = true
		if err := l.enqueueNotify(ctx, tx, id, r.Name); err != nil {
			return fresh, err
		}
	}
	return fresh, nil
}

// eventID derives the identity of a notice.
func eventID(n Notice, mark int64) string {
	text := fmt.Appendf(nil, "%s\n%s\n%d\n%d\n%s\n%s\n%d",
		n.Kind, n.StudyUID, n.RevisionID, n.Revision, n.Destination, n.Reason.Code, mark)
	if n.Peer != "" { // as all were derived before there were peers
		text = fmt.Appendf(text, "\n%s", n.Peer)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// notifyEnd notifies how a revision ended. The same findings, found again, are no news, unless a failure was notified since.
func (l *Ledger) notifyEnd(ctx context.Context, tx *sql.Tx, rev Revision, state string, why Reason) error {
	if why.Code == ReasonUnchanged {
		before, err := queryRevisions(ctx, tx, `
			WHERE study_uid = ? AND number < ? AND reason_code <> ?
			ORDER BY number DESC
			LIMIT 1`,
			rev.StudyUID, rev.Number, ReasonSuperseded)
		if err != nil || len(before) == 0 || before[0].Reason.Code != ReasonFailed && before[0].Reason.Code != ReasonCrashed {
			return err
		}
	}
	n := Notice{Kind: NoticeResult, StudyUID: rev.StudyUID, RevisionID: rev.ID, Revision: rev.Number, Reason: why}
	mark := ms(rev.FindingsAt)
	if state == StateNotProcessed {
		n.Kind, mark = NoticeFailure, ms(l.now())
	}
	_, err := l.notify(ctx, tx, n, mark)
	return err
}

// notifyGivenUp notifies that objects of a revision will not reach a destination, once nothing waits there any more.
func (l *Ledger) notifyGivenUp(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	states, err := deliveryStates(ctx, tx, rev.ID, destination)
	if err != nil || states[DeliveryWaiting] > 0 || states[DeliveryFailed] == 0 {
		return err
	}
	text, err := answers(ctx, tx, rev.ID, destination, DeliveryFailed)
	if err != nil {
		return err
	}
	// Whatever is sent again later: what was given up before is no news.
	var last int64
	if err := tx.QueryRowContext(ctx, `
		SELECT MAX(d.failed_at)
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ? AND d.state = ?`,
		rev.ID, destination, DeliveryFailed).Scan(&last); err != nil {
		return err
	}
	_, err = l.notify(ctx, tx, Notice{
		Kind:        NoticeFailure,
		StudyUID:    rev.StudyUID,
		RevisionID:  rev.ID,
		Revision:    rev.Number,
		Destination: destination,
		Reason: Reason{
			Code:   ReasonNotDelivered,
			Text:   text,
			Remedy: "look at the study's history, remove the cause, then requeue the study",
		},
		Objects: states,
	}, last)
	return err
}

func deliveryStates(ctx context.Context, tx *sql.Tx, revisionID int64, destination string) (map[string]int, error) {
	return countBy(ctx, tx, `
		SELECT d.state, COUNT(*)
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ?
		GROUP BY d.state`, revisionID, destination)
}

// answers says in one line what the newest attempts at deliveries of one state brought. What a peer adds to its answer may name
// a patient and stays here.
func answers(ctx context.Context, tx *sql.Tx, revisionID int64, destination, state string) (string, error) {
	counts, err := countBy(ctx, tx, `
		SELECT
			CASE
				WHEN d.status NOT IN ('', ?, ?) THEN 'answered ' || d.status
				WHEN d.detail = '' THEN 'not asked yet'
				ELSE d.detail
			END AS said,
			COUNT(*)
		FROM delivery d
		JOIN object o ON o.id = d.object_id
		WHERE o.revision_id = ? AND d.destination = ? AND d.state = ?
		GROUP BY said`,
		ReasonFailed, ReasonCrashed, revisionID, destination, state)
	if err != nil {
		return "", err
	}
	return enumerate(counts), nil
}

// enumerate says how many objects each text is about.
func enumerate(counts map[string]int) string {
	text := ""
	for i, said := range slices.Sorted(maps.Keys(counts)) {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s (%s)", said, objects(counts[said]))
	}
	return text
}

// Notification returns one, or ErrNotFound.
func (l *Ledger) Notification(ctx context.Context, id int64) (n Notification, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		found, err := queryNotifications(ctx, tx, `WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		n = found[0]
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("look up notification %d: %w", id, err)
	}
	return n, nil
}

// Notifications lists the newest ones, the newest first.
func (l *Ledger) Notifications(ctx context.Context, limit int) (all []Notification, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		all, err = queryNotifications(ctx, tx, `ORDER BY id DESC LIMIT ?`, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return all, nil
}

// FixNotification keeps what is sent, so that every attempt sends the same.
func (l *Ledger) FixNotification(ctx context.Context, id int64, body []byte) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE notification
			SET body = ?
			WHERE id = ? AND state = ?`, string(body), id, NotificationWaiting)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the text of notification %d: %w", id, err)
	}
	return nil
}

// RetryNotification notes an attempt that came to nothing.
func (l *Ledger) RetryNotification(ctx context.Context, id int64, detail string, next time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE notification
			SET attempts = attempts + 1, detail = ?, next_at = ?
			WHERE id = ?`, detail, ms(next), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("note an attempt at notification %d: %w", id, err)
	}
	return nil
}

// HoldNotification notes that a notification waits for its receiver, without an attempt at it.
func (l *Ledger) HoldNotification(ctx context.Context, id int64, detail string, next time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE notification
			SET detail = ?, next_at = ?
			WHERE id = ? AND state = ?`, detail, ms(next), id, NotificationWaiting)
		return err
	})
	if err != nil {
		return fmt.Errorf("hold notification %d: %w", id, err)
	}
	return nil
}

// FinishNotification ends a waiting one: sent or failed.
func (l *Ledger) FinishNotification(ctx context.Context, id int64, state, detail string) error {
	err := l.update(ctx, func(tx *sql.Tx) error { return l.finishNotification(ctx, tx, id, state, detail) })
	if err != nil {
		return fmt.Errorf("end notification %d: %w", id, err)
	}
	return nil
}

func (l *Ledger) finishNotification(ctx context.Context, tx *sql.Tx, id int64, state, detail string) error {
	found, err := queryNotifications(ctx, tx, `WHERE id = ? AND state = ?`, id, NotificationWaiting)
	if err != nil || len(found) == 0 {
		return err
	}
	n := found[0]
	kind, sent := EventNotNotified, time.Time{}
	if state == NotificationSent {
		kind, sent, n.Body = EventNotified, l.now(), nil // it has arrived: nothing of it needs to stay
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE notification
		SET state = ?, attempts = attempts + 1, detail = ?, sent_at = ?, next_at = 0, body = ?
		WHERE id = ?`,
		state, detail, ms(sent), string(n.Body), id); err != nil {
		return err
	}
	text := fmt.Sprintf("%s of the %s: %s", n.Receiver, n.Notice.Subject(), detail)
	return l.event(ctx, tx, n.Notice.StudyUID, kind, text, map[string]any{"event": n.EventID})
}

// Subject names the notice in a few words.
func (n *Notice) Subject() string {
	switch {
	case n.Destination != "" && n.Kind == NoticeStuck:
		return "stuck delivery to " + n.Destination
	case n.Destination != "":
		return "failed delivery to " + n.Destination
	case n.Kind == NoticeStuck:
		return "stuck study"
	case n.Kind == NoticeSilent:
		return "silence of " + n.Peer
	case n.Kind == NoticeDisk:
		return "disk of the node"
	}
	return n.Kind
}

func queryNotifications(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]Notification, error) {
	return query(ctx, tx, `
		SELECT id, receiver, event_id, fact, body, state, attempts, detail, created_at, sent_at, next_at
		FROM notification `+rest,
		func(rows *sql.Rows) (n Notification, err error) {
			var notice string
			var created, sent, next int64
			err = rows.Scan(&n.ID, &n.Receiver, &n.EventID, &notice, &n.Body, &n.State, &n.Attempts, &n.Detail, &created, &sent, &next)
			if err != nil {
				return n, err
			}
			n.CreatedAt, n.SentAt, n.NextAt = at(created), at(sent), at(next)
			return n, json.Unmarshal([]byte(notice), &n.Notice)
		}, args...)
}
