package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

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
	if len(results) == 0 {
		return nil
	}
	err := l.update(ctx, func(tx *sql.Tx) error {
		events, err := l.recordDeliveries(ctx, tx, results)
		if err != nil {
			return err
		}
		return insertEvents(ctx, tx, events)
	})
	if err != nil {
		return fmt.Errorf("record deliveries: %w", err)
	}
	return nil
}

// RecordDeliveries keeps outcomes of one attempt that belong together, such as those of all objects whose turn never came: one
// transaction, and one event for all that ended alike.
func (l *Ledger) RecordDeliveries(ctx context.Context, results []DeliveryResult) error {
	if len(results) == 0 {
		return nil
	}
	err := l.update(ctx, func(tx *sql.Tx) error {
		all, err := l.recordDeliveries(ctx, tx, results)
		if err != nil {
			return err
		}
		var events []Event
		counts := map[string]int{} // by kind and text
		for _, e := range all {
			key := e.Kind + e.StudyUID + e.Text
			if counts[key]++; counts[key] == 1 {
				events = append(events, e)
			}
		}
		for i := range events {
			e := &events[i]
			if n := counts[e.Kind+e.StudyUID+e.Text]; n > 1 {
				e.Instance, e.Text = "", fmt.Sprintf("%s (%d objects)", e.Text, n)
			}
		}
		return insertEvents(ctx, tx, events)
	})
	if err != nil {
		return fmt.Errorf("record deliveries: %w", err)
	}
	return nil
}

// recordDeliveries writes outcomes and returns their events. Of an object that was sent before there is none, nor of one that was
// withdrawn, or begun anew by somebody else, while an attempt failed.
func (l *Ledger) recordDeliveries(ctx context.Context, tx *sql.Tx, results []DeliveryResult) (events []Event, err error) {
	ways, err := l.lockWays(ctx, tx, results)
	if err != nil {
		return nil, err
	}
	w := &outcomeWriter{tx: tx, now: l.now(), like: map[outcomeRow][]int64{}, taken: map[int64]bool{}}
	var ended []*way // the first of each revision and destination
	for _, r := range results {
		way := ways[r.ID]
		kind := map[string]string{
			DeliveryWaiting:   EventRetry,
			DeliverySent:      EventSent,
			DeliveryFailed:    EventDeliveryFailed,
			DeliveryWithdrawn: EventWithdrawn,
		}[r.Outcome.State]
		if kind == "" {
			return nil, fmt.Errorf("delivery %d: unknown state %q", r.ID, r.Outcome.State)
		}
		before := way.state
		other := before == DeliveryWithdrawn || way.begun != ms(r.Outcome.Mark)
		if before == DeliverySent || r.Outcome.State != DeliverySent && other {
			continue
		}
		if err := w.add(ctx, r.ID, way.destination, r.Outcome); err != nil {
			return nil, err
		}
		if way.state = r.Outcome.State; way.state != DeliveryWaiting || !r.Outcome.Begun {
			way.begun = 0
		}
		if before == DeliveryWaiting && way.state != DeliveryWaiting && !slices.ContainsFunc(ended, way.goesWith) {
			ended = append(ended, way)
		}
		text := way.destination
		for _, part := range []string{r.Outcome.Status, r.Outcome.Detail} {
			if part != "" {
				text += ": " + part
			}
		}
		events = append(events, Event{At: w.now, StudyUID: way.rev.StudyUID, Kind: kind, Text: text, Instance: way.object,
			Attributes: map[string]any{"destination": way.destination}})
	}
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	for _, way := range ended {
		if err := l.delivered(ctx, tx, way.rev, way.destination); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// way is what a delivery is about.
type way struct {
	id                         int64
	rev                        Revision // ID, study and number
	destination, object, state string
	begun                      int64
}

// goesWith says that two are of one revision on its way to one destination.
func (w *way) goesWith(other *way) bool {
	return w.rev.ID == other.rev.ID && w.destination == other.destination
}

// lockWays looks up what deliveries are about, whose studies nobody else changes any more.
func (l *Ledger) lockWays(ctx context.Context, tx *sql.Tx, results []DeliveryResult) (map[int64]*way, error) {
	ids := make([]int64, len(results))
	for i, r := range results {
		ids[i] = r.ID
	}
	look := func() (map[int64]*way, error) {
		found, err := queryIn(ctx, tx, `
			SELECT d.id, r.id, r.study_uid, r.number, d.destination, o.sop_uid, d.state, d.begun_at
			FROM delivery d
			JOIN object o ON o.id = d.object_id
			JOIN revision r ON r.id = o.revision_id
			WHERE d.id IN`, func(rows *sql.Rows) (*way, error) {
			w := &way{}
			err := rows.Scan(&w.id, &w.rev.ID, &w.rev.StudyUID, &w.rev.Number, &w.destination, &w.object, &w.state, &w.begun)
			return w, err
		}, ids)
		ways := map[int64]*way{}
		for _, w := range found {
			ways[w.id] = w
		}
		return ways, err
	}
	ways, err := look()
	if err != nil {
		return nil, err
	}
	studies := map[string]bool{}
	for _, r := range results {
		if ways[r.ID] == nil {
			return nil, fmt.Errorf("delivery %d: %w", r.ID, ErrNotFound)
		}
		studies[ways[r.ID].rev.StudyUID] = true
	}
	again := false
	for _, uid := range slices.Sorted(maps.Keys(studies)) {
		waited, err := l.db.Lock(ctx, tx, uid)
		if err != nil {
			return nil, err
		}
		again = again || waited
	}
	if again {
		return look()
	}
	return ways, nil
}

// outcomeWriter writes outcomes: those that are alike in one statement.
type outcomeWriter struct {
	tx      *sql.Tx
	now     time.Time
	like    map[outcomeRow][]int64 // deliveries
	taken   map[int64]bool         // these
	answers []lastAnswer
}

// outcomeRow is what an outcome makes of the row of a delivery.
type outcomeRow struct {
	state, status, detail, trouble string
	attempted, begun               bool
	sentAt, nextAt, failedAt       int64
	sentClass, sentUID             string // "": those of the object
}

// lastAnswer is the last of several alike from one destination.
type lastAnswer struct {
	destination string
	outcome     DeliveryOutcome
}

// add takes an outcome; what became of the delivery before is written then.
func (w *outcomeWriter) add(ctx context.Context, id int64, destination string, o DeliveryOutcome) error {
	if w.taken[id] {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	w.taken[id] = true
	row := outcomeRow{state: o.State, status: o.Status, detail: o.Detail, trouble: o.Trouble, attempted: o.Attempted, nextAt: ms(o.NextAt),
		begun: o.State == DeliveryWaiting && o.Begun, sentClass: o.SentClass, sentUID: o.SentUID}
	switch o.State {
	case DeliverySent:
		row.sentAt = ms(w.now)
	case DeliveryFailed:
		row.failedAt = ms(w.now)
	}
	w.like[row] = append(w.like[row], id)
	alike := func(a lastAnswer) bool {
		return a.destination == destination && (a.outcome.State == DeliverySent) == (o.State == DeliverySent)
	}
	if !o.answers() {
		return nil
	}
	if n := len(w.answers); n > 0 && alike(w.answers[n-1]) {
		w.answers = w.answers[:n-1]
	}
	w.answers = append(w.answers, lastAnswer{destination, o})
	return nil
}

// flush writes what was taken.
func (w *outcomeWriter) flush(ctx context.Context) error {
	rows := slices.SortedFunc(maps.Keys(w.like), func(a, b outcomeRow) int { return cmp.Compare(w.like[a][0], w.like[b][0]) })
	for _, r := range rows {
		// The right sides see the row as it was: the same kind of trouble goes on, another begins.
		sent := `sent_class_uid = ?, sent_sop_uid = ?`
		args := []any{r.state, r.attempted, r.status, r.detail, r.sentAt, r.nextAt, r.trouble, r.trouble, r.trouble, r.trouble, r.trouble,
			ms(w.now), r.failedAt, r.begun}
		if r.state == DeliverySent && r.sentUID == "" {
			sent = `sent_class_uid = (SELECT class_uid FROM object o WHERE o.id = object_id),
				sent_sop_uid = (SELECT sop_uid FROM object o WHERE o.id = object_id)`
		} else {
			args = append(args, r.sentClass, r.sentUID)
		}
		if err := execIn(ctx, w.tx, `
			UPDATE delivery
			SET state = ?, attempts = attempts + ?, status = ?, detail = ?, sent_at = ?, next_at = ?, trouble = ?,
				troubles = CASE WHEN ? = '' THEN 0 WHEN trouble = ? THEN troubles + 1 ELSE 1 END,
				since = CASE WHEN ? = '' THEN 0 WHEN trouble = ? AND troubles > 0 THEN since ELSE ? END,
				failed_at = ?, begun_at = CASE WHEN ? = 1 THEN begun_at ELSE 0 END, `+sent+`
			WHERE id IN`, w.like[r], args...); err != nil {
			return err
		}
	}
	clear(w.like)
	clear(w.taken)
	for _, a := range w.answers {
		if err := answered(ctx, w.tx, a.destination, a.outcome, w.now); err != nil {
			return err
		}
	}
	w.answers = nil
	return nil
}

// delivered does what follows when a delivery of a revision to a destination may have been the last one.
func (l *Ledger) delivered(ctx context.Context, tx *sql.Tx, rev Revision, destination string) error {
	if err := l.requestCommitment(ctx, tx, rev, destination); err != nil {
		return err
	}
	return l.notifyGivenUp(ctx, tx, rev, destination)
}
