package ledgertest

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
)

// kept are the counters as they are kept.
var kept = map[string]string{
	"received":   `SELECT instances, bytes, flagged FROM received_now`,
	"days":       `SELECT SUM(instances), SUM(bytes) FROM day_now`,
	"callers":    `SELECT calling_ae, instances, bytes FROM peer_now WHERE instances > 0 ORDER BY 1`,
	"counters":   `SELECT kind, name, state, n FROM counter_now WHERE n <> 0 ORDER BY 1, 2, 3`,
	"studies":    `SELECT state, calling_ae, result, n FROM study_count_now WHERE n <> 0 ORDER BY 1, 2, 3`,
	"of studies": `SELECT uid, calling_ae, flagged, result FROM study ORDER BY 1`,
	"deliveries": `SELECT study_uid, destination, state, n FROM study_delivery WHERE n <> 0 ORDER BY 1, 2, 3`,
	"outcomes":   `SELECT revision_id, outcome, finished_at, took FROM brief ORDER BY 1`,
}

// counted is the same from the rows that are counted. positive writes a condition: that the decision in a column of findings is.
func counted(positive func(column string) string) map[string]string {
	outcomes := `
		SELECT id, CASE WHEN finished_at = 0 OR reason_code = 'superseded' THEN ''
				WHEN state = 'not processed' THEN state
				WHEN ` + positive(`findings`) + ` THEN 'positive' ELSE 'negative' END AS outcome,
			CASE WHEN reason_code = 'superseded' THEN 0 ELSE finished_at END,
			CASE WHEN finished_at = 0 OR reason_code = 'superseded' THEN 0 ELSE finished_at - settled_at END
		FROM revision`
	return map[string]string{
		"received": `SELECT COUNT(*), coalesce(SUM(size), 0), COUNT(*) FILTER (WHERE flag <> '') FROM instance`,
		"days": `
			SELECT (SELECT COUNT(*) FROM instance), (SELECT SUM(size) FROM instance) + (SELECT coalesce(SUM(size), 0) FROM object)`,
		"callers": `SELECT calling_ae, COUNT(*), SUM(size) FROM instance GROUP BY 1 ORDER BY 1`,
		"counters": `
			SELECT 'commitment' AS kind, destination AS name, commitment AS state, COUNT(*)
			FROM delivery WHERE commitment <> '' GROUP BY 2, 3
			UNION ALL SELECT 'delivery', destination, state, COUNT(*) FROM delivery GROUP BY 2, 3
			UNION ALL SELECT 'finished', '', outcome, COUNT(*) FROM (` + outcomes + `) ended WHERE outcome <> '' GROUP BY 3
			UNION ALL SELECT 'notification', receiver, state, COUNT(*) FROM notification GROUP BY 2, 3
			ORDER BY 1, 2, 3`,
		"studies": `SELECT state, calling_ae, result, COUNT(*) FROM study GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
		"of studies": `
			SELECT uid, (SELECT calling_ae FROM instance i WHERE i.study_uid = uid ORDER BY received_at LIMIT 1),
				(SELECT COUNT(*) FROM instance i WHERE i.study_uid = uid AND flag <> ''),
				CASE WHEN s.state = 'reported' THEN (
					SELECT CASE WHEN ` + positive(`r.findings`) + ` THEN 'positive' ELSE 'negative' END
					FROM revision r WHERE r.study_uid = s.uid AND r.number = s.revision) ELSE '' END
			FROM study s ORDER BY 1`,
		"deliveries": `
			SELECT r.study_uid, d.destination, d.state, COUNT(*)
			FROM delivery d JOIN object o ON o.id = d.object_id JOIN revision r ON r.id = o.revision_id
			GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
		"outcomes": outcomes + ` ORDER BY 1`,
	}
}

// Counters are those that a database keeps, by what they count.
func Counters(t *testing.T, db *sql.DB) map[string][]string {
	t.Helper()
	return answersTo(t, db, kept)
}

// CountersHold wants the counters of a database to say what counting gives.
func CountersHold(t *testing.T, db *sql.DB, positive func(column string) string) {
	t.Helper()
	if diff := cmp.Diff(answersTo(t, db, counted(positive)), answersTo(t, db, kept)); diff != "" {
		t.Fatalf("(-rows +counters):\n%s", diff)
	}
}

// Work is what Happen needs of a ledger: its destinations and receivers.
func Work() ledger.Options {
	return ledger.Options{
		Receivers:      []ledger.Subscription{{Name: "ris", Kinds: []string{ledger.NoticeResult, ledger.NoticeFailure}}},
		CommitmentFrom: []string{"pacs"},
		Destinations:   []string{"pacs", "museum"},
	}
}

// Happen has what may happen to studies happen, at random, and now and then wants the counters to hold.
func Happen(t *testing.T, l *ledger.Ledger, db *sql.DB, seed uint64, positive func(column string) string) {
	t.Helper()
	fate := chance{Rand: rand.New(rand.NewPCG(seed, 1))}
	for step := range 250 {
		fate.act(t, l, db, step)
		if step%50 == 49 {
			CountersHold(t, db, positive)
		}
	}
}

// HappenTogether has as much happen at once, by several handles on one ledger, and wants the counters to hold at the end.
func HappenTogether(t *testing.T, handles []*ledger.Ledger, db *sql.DB, positive func(column string) string) {
	t.Helper()
	var work sync.WaitGroup
	var reading sync.Mutex
	for n, l := range handles {
		work.Go(func() {
			fate := chance{rand.New(rand.NewPCG(uint64(n), 2)), &reading}
			for step := range 250 / len(handles) {
				fate.act(t, l, db, 1000*n+step)
			}
		})
	}
	work.Wait()
	if !t.Failed() {
		CountersHold(t, db, positive)
	}
}

// Rows are what a query answers, as text.
func Rows(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	r, err := db.QueryContext(t.Context(), query)
	Must(t, err)
	defer r.Close()
	columns, err := r.Columns()
	Must(t, err)
	var all []string
	for r.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		Must(t, r.Scan(values...))
		var line []string
		for _, v := range values {
			line = append(line, fmt.Sprint(*v.(*any)))
		}
		all = append(all, strings.Join(line, "|"))
	}
	Must(t, r.Err())
	return all
}

func answersTo(t *testing.T, db *sql.DB, queries map[string]string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, query := range queries {
		all[name] = Rows(t, db, query)
	}
	return all
}

// chance does to a ledger what may happen.
type chance struct {
	*rand.Rand
	reading *sync.Mutex // of those who act together: a revision is read by one at a time. Nil: nobody else acts
}

func (c chance) pick(t *testing.T, db *sql.DB, query string) int64 {
	var id int64
	err := db.QueryRowContext(t.Context(), query+fmt.Sprintf(` LIMIT 1 OFFSET %d`, c.IntN(4))).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return id
}

func (c chance) act(t *testing.T, l *ledger.Ledger, db *sql.DB, step int) {
	ctx := t.Context()
	number := c.IntN(6)
	study := fmt.Sprintf("1.2.%d", number)
	tolerable := func(errs ...error) {
		for _, err := range errs {
			if err != nil && !errors.Is(err, ledger.ErrNotFound) && !strings.Contains(err.Error(), "it is ") {
				t.Fatal(err)
			}
		}
	}
	switch c.IntN(9) {
	case 0, 1, 2:
		i := Slice(study, c.IntN(5))
		if c.IntN(4) == 0 { // other bytes under the same UID
			i.Path += fmt.Sprint(c.IntN(3))
		}
		caller := c.IntN(2)
		if c.reading != nil { // who was first is not decided by the clock then
			caller = number % 2
		}
		i.CallingAE = []string{"CT1", "CT2"}[caller]
		Record(t, l, i)
	case 3:
		_, err := l.Settle(ctx, study, "test")
		tolerable(err)
	case 4, 5: // read a revision
		if c.reading != nil {
			c.reading.Lock()
			defer c.reading.Unlock()
		}
		id := c.pick(t, db, `SELECT id FROM revision WHERE state IN ('settled', 'processing')`)
		if id == 0 {
			return
		}
		if err := l.Begin(ctx, id); err != nil { // superseded meanwhile
			tolerable(err)
			return
		}
		found := fmt.Sprintf(`{"decision": {"positive": %t}, "slices": [{}]}`, c.IntN(2) == 0)
		_, err := l.SaveFindings(ctx, id, ledger.Reading{InputDigest: fmt.Sprint(step), Findings: []byte(found)})
		tolerable(err)
		var objects []ledger.Outgoing
		for n := range c.IntN(4) {
			objects = append(objects, ledger.Outgoing{
				Object:       ledger.Object{SOPInstanceUID: fmt.Sprintf("2.25.%d.%d", step, n), SOPClassUID: "c", Size: 10},
				Destinations: []string{"pacs", "museum"}[:1+c.IntN(2)]})
		}
		if c.IntN(4) == 0 {
			tolerable(l.NotProcessed(ctx, id, ledger.Reason{Code: "odd", Text: "odd"}, objects))
		} else {
			tolerable(l.Complete(ctx, id, objects, ledger.Reason{}))
		}
	case 6:
		id := c.pick(t, db, `SELECT id FROM delivery WHERE state = 'waiting'`)
		if id > 0 {
			state := []string{ledger.DeliverySent, ledger.DeliverySent, ledger.DeliveryFailed, ledger.DeliveryWaiting}[c.IntN(4)]
			tolerable(l.RecordDelivery(ctx, id, ledger.DeliveryOutcome{State: state, Attempted: true, Status: "A700H", Trouble: "soon"}))
		}
	case 7:
		if c.IntN(2) == 0 {
			tolerable(l.Requeue(ctx, study))
		} else {
			tolerable(l.Resend(ctx, study))
		}
	case 8:
		if id := c.pick(t, db, `SELECT id FROM notification WHERE state = 'waiting'`); id > 0 {
			tolerable(l.FinishNotification(ctx, id, []string{ledger.NotificationSent, ledger.NotificationFailed}[c.IntN(2)], "HTTP"))
		}
		if id := c.pick(t, db, `SELECT id FROM confirmation WHERE state = 'waiting'`); id > 0 {
			tolerable(l.GiveUpCommitmentSCU(ctx, id, "no answer"))
		}
	}
}
