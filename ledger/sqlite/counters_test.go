package sqlite_test

import (
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/sqlite"
)

// kept are the counters as they are kept, and counted the same from the rows that they count.
var kept, counted = map[string]string{
	"received":   `SELECT instances, bytes, flagged FROM received`,
	"days":       `SELECT SUM(instances), SUM(bytes) FROM day`,
	"callers":    `SELECT calling_ae, instances, bytes FROM peer WHERE instances > 0 ORDER BY 1`,
	"counters":   `SELECT kind, name, state, n FROM counter WHERE n <> 0 ORDER BY 1, 2, 3`,
	"studies":    `SELECT state, calling_ae, result, n FROM study_count WHERE n <> 0 ORDER BY 1, 2, 3`,
	"of studies": `SELECT uid, calling_ae, flagged, result FROM study ORDER BY 1`,
	"deliveries": `SELECT study_uid, destination, state, n FROM study_delivery WHERE n <> 0 ORDER BY 1, 2, 3`,
	"outcomes":   `SELECT revision_id, outcome, finished_at, took FROM brief ORDER BY 1`,
}, map[string]string{
	"received": `SELECT COUNT(*), coalesce(SUM(size), 0), COUNT(*) FILTER (WHERE flag <> '') FROM instance`,
	"days":     `SELECT (SELECT COUNT(*) FROM instance), (SELECT SUM(size) FROM instance) + (SELECT coalesce(SUM(size), 0) FROM object)`,
	"callers":  `SELECT calling_ae, COUNT(*), SUM(size) FROM instance GROUP BY 1 ORDER BY 1`,
	"counters": `
		SELECT 'commitment' AS kind, destination AS name, commitment AS state, COUNT(*) FROM delivery WHERE commitment <> '' GROUP BY 2, 3
		UNION ALL SELECT 'delivery', destination, state, COUNT(*) FROM delivery GROUP BY 2, 3
		UNION ALL SELECT 'finished', '', outcome, COUNT(*) FROM (` + outcomes + `) WHERE outcome <> '' GROUP BY 3
		UNION ALL SELECT 'notification', receiver, state, COUNT(*) FROM notification GROUP BY 2, 3
		ORDER BY 1, 2, 3`,
	"studies": `SELECT state, calling_ae, result, COUNT(*) FROM study GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
	"of studies": `
		SELECT uid, (SELECT calling_ae FROM instance i WHERE i.study_uid = uid ORDER BY rowid LIMIT 1),
			(SELECT COUNT(*) FROM instance i WHERE i.study_uid = uid AND flag <> ''),
			CASE WHEN s.state = 'reported' THEN (
				SELECT CASE json_extract(r.findings, '$.decision.positive') WHEN 1 THEN 'positive' ELSE 'negative' END
				FROM revision r WHERE r.study_uid = s.uid AND r.number = s.revision) ELSE '' END
		FROM study s ORDER BY 1`,
	"deliveries": `
		SELECT r.study_uid, d.destination, d.state, COUNT(*)
		FROM delivery d JOIN object o ON o.id = d.object_id JOIN revision r ON r.id = o.revision_id
		GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
	"outcomes": outcomes + ` ORDER BY 1`,
}

const outcomes = `
	SELECT id, CASE WHEN finished_at = 0 OR reason_code = 'superseded' THEN ''
			WHEN state = 'not processed' THEN state
			WHEN json_extract(findings, '$.decision.positive') = 1 THEN 'positive' ELSE 'negative' END AS outcome,
		CASE WHEN reason_code = 'superseded' THEN 0 ELSE finished_at END,
		CASE WHEN finished_at = 0 OR reason_code = 'superseded' THEN 0 ELSE finished_at - settled_at END
	FROM revision`

// rows are what a query answers, as text.
func rows(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	r, err := db.QueryContext(t.Context(), query)
	ledgertest.Must(t, err)
	defer r.Close()
	columns, err := r.Columns()
	ledgertest.Must(t, err)
	var all []string
	for r.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		ledgertest.Must(t, r.Scan(values...))
		var line []string
		for _, v := range values {
			line = append(line, fmt.Sprint(*v.(*any)))
		}
		all = append(all, strings.Join(line, "|"))
	}
	ledgertest.Must(t, r.Err())
	return all
}

func answersTo(t *testing.T, db *sql.DB, queries map[string]string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, query := range queries {
		all[name] = rows(t, db, query)
	}
	return all
}

// The counters say at any time what counting would say, whatever happens to studies; and a migration fills them with the same.
func TestCounters_AreWhatCountingGives(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			now := time.UnixMilli(1_770_000_000_000)
			l, db := opened(t, path, ledger.Options{
				Now:            func() time.Time { now = now.Add(7 * time.Minute); return now },
				Receivers:      []ledger.Subscription{{Name: "ris", Kinds: []string{ledger.NoticeResult, ledger.NoticeFailure}}},
				CommitmentFrom: []string{"pacs"},
				Destinations:   []string{"pacs", "museum"},
			})
			fate := chance{rand.New(rand.NewPCG(seed, 1))}
			for step := range 250 {
				fate.act(t, l, db.Reader(), step)
				if step%50 == 49 {
					if diff := cmp.Diff(answersTo(t, db.Reader(), counted), answersTo(t, db.Reader(), kept)); diff != "" {
						t.Fatalf("after %d steps (-rows +counters):\n%s", step+1, diff)
					}
				}
			}
			before := answersTo(t, db.Reader(), kept)
			ledgertest.Must(t, l.Close())
			forgetStanding(t, path)
			_, db = opened(t, path, ledger.Options{})
			if diff := cmp.Diff(before, answersTo(t, db.Reader(), kept)); diff != "" {
				t.Errorf("the migration (-kept +filled):\n%s", diff)
			}
		})
	}
}

// An old ledger gets counters that fit its rows.
func TestCounters_OfOlderLedgers(t *testing.T) {
	packed, err := filepath.Glob("../../testdata/ledgers/*.db.gz")
	if err != nil || len(packed) == 0 {
		t.Fatalf("%d ledgers, %v", len(packed), err)
	}
	for _, from := range packed {
		path := filepath.Join(t.TempDir(), "ledger.db")
		unzip(t, from, path)
		_, db := opened(t, path, ledger.Options{})
		if diff := cmp.Diff(answersTo(t, db.Reader(), counted), answersTo(t, db.Reader(), kept)); diff != "" {
			t.Errorf("%s (-rows +counters):\n%s", from, diff)
		}
	}
}

// Thinning out takes rows and no count; a study that comes again after it counts anew, and what it brings is counted once.
func TestCounters_StayWhenRowsGo(t *testing.T) {
	now := time.UnixMilli(1_770_000_000_000)
	l, db := opened(t, filepath.Join(t.TempDir(), "ledger.db"),
		ledger.Options{Now: func() time.Time { now = now.Add(7 * time.Minute); return now }, Destinations: []string{"pacs", "museum"}})
	fate := chance{rand.New(rand.NewPCG(7, 1))}
	for step := range 200 {
		fate.act(t, l, db.Reader(), step)
	}
	finishAll(t, l, db.Reader())
	for _, uid := range rows(t, db.Reader(), `SELECT uid FROM study`) {
		ledgertest.Must(t, l.FilesRemoved(t.Context(), uid, 0, 0))
	}
	before := answersTo(t, db.Reader(), kept)
	had := rows(t, db.Reader(), `SELECT COUNT(*) FROM instance`)
	thinned, err := l.Thin(t.Context(), now.AddDate(1, 0, 0), 100)
	ledgertest.Must(t, err)
	left := rows(t, db.Reader(), `SELECT COUNT(*), (SELECT SUM(thinned) FROM study), (SELECT COUNT(*) FROM study WHERE thinned > 0)
		FROM instance`)
	if thinned == 0 || left[0] == had[0] {
		t.Fatalf("of %d studies; %s rows, then %s", thinned, had, left)
	}
	if diff := cmp.Diff(before, answersTo(t, db.Reader(), kept)); diff != "" {
		t.Errorf("counters (-before +after):\n%s", diff)
	}
	if again, err := l.Thin(t.Context(), now.AddDate(1, 0, 0), 100); again != 0 || err != nil {
		t.Errorf("thinned out again: %d, %v", again, err)
	}
	uid := rows(t, db.Reader(), `SELECT uid FROM study WHERE thinned > 0`)[0]
	counted := rows(t, db.Reader(), `SELECT instances + 1 FROM received`)
	ledgertest.Record(t, l, ledgertest.Slice(uid, 77))
	ledgertest.Must(t, l.Flush(t.Context()))
	if got := rows(t, db.Reader(), `SELECT instances FROM received`); got[0] != counted[0] {
		t.Errorf("one came, and %s are counted, want %s", got, counted)
	}
	const anew = `SELECT instances, flagged, thinned > 0, thinned_at FROM study WHERE uid = '%s'`
	if got := rows(t, db.Reader(), fmt.Sprintf(anew, uid)); got[0] != "1|0|1|0" {
		t.Errorf("the study that came again is %s", got)
	}
}

// finishAll has all studies come to an outcome and all deliveries to an end.
func finishAll(t *testing.T, l *ledger.Ledger, db *sql.DB) {
	t.Helper()
	ctx := t.Context()
	ids := func(query string) (all []int64) {
		for _, text := range rows(t, db, query) {
			id, err := strconv.ParseInt(text, 10, 64)
			ledgertest.Must(t, err)
			all = append(all, id)
		}
		return all
	}
	for _, uid := range rows(t, db, `SELECT uid FROM study`) {
		_, err := l.Settle(ctx, uid, "test")
		ledgertest.Must(t, err)
	}
	for _, id := range ids(`SELECT id FROM revision WHERE state IN ('settled', 'processing')`) {
		ledgertest.Must(t, l.Begin(ctx, id))
		ledgertest.Must(t, l.NotProcessed(ctx, id, ledger.Reason{Code: "odd", Text: "odd"}, nil))
	}
	for _, id := range ids(`SELECT id FROM delivery WHERE state = 'waiting'`) {
		ledgertest.Must(t, l.RecordDelivery(ctx, id, ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}))
	}
}

func unzip(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	ledgertest.Must(t, err)
	defer f.Close()
	content, err := gzip.NewReader(f)
	ledgertest.Must(t, err)
	text, err := io.ReadAll(content)
	ledgertest.Must(t, err)
	ledgertest.Must(t, os.WriteFile(to, text, 0o600))
}

// forgetStanding takes a ledger back to the version before its counters.
func forgetStanding(t *testing.T, path string) {
	t.Helper()
	db, err := sqlite.OpenPool(path)
	ledgertest.Must(t, err)
	defer db.Close()
	statements := []string{`CREATE INDEX delivery_state ON delivery (state, created_at)`, `PRAGMA user_version = 8`}
	for _, trigger := range rows(t, db, `SELECT name FROM sqlite_master WHERE type = 'trigger'`) {
		statements = append(statements, `DROP TRIGGER `+trigger)
	}
	for _, index := range []string{"study_state", "study_calling_ae", "study_result", "study_accession", "study_missing", "revision_open",
		"delivery_waiting", "delivery_failed", "study_to_thin",
		"study_delivery_waiting", "study_delivery_failed"} {
		statements = append(statements, `DROP INDEX `+index)
	}
	for _, table := range []string{"alive", "peer", "destination", "received", "day", "counter", "study_count", "study_delivery", "brief"} {
		statements = append(statements, `DROP TABLE `+table)
	}
	for _, column := range []string{"calling_ae", "accession", "flagged", "result", "newest", "thinned_at", "thinned"} {
		statements = append(statements, `ALTER TABLE study DROP COLUMN `+column)
	}
	for _, s := range append(statements, `CREATE INDEX study_state ON study (state)`) {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// chance does to a ledger what may happen.
type chance struct{ *rand.Rand }

func (c chance) pick(t *testing.T, db *sql.DB, query string) int64 {
	var id int64
	err := db.QueryRowContext(t.Context(), query+` LIMIT 1 OFFSET ?`, c.IntN(4)).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return id
}

func (c chance) act(t *testing.T, l *ledger.Ledger, db *sql.DB, step int) {
	ctx := t.Context()
	study := fmt.Sprintf("1.2.%d", c.IntN(6))
	tolerable := func(errs ...error) {
		for _, err := range errs {
			if err != nil && !errors.Is(err, ledger.ErrNotFound) && !strings.Contains(err.Error(), "it is ") {
				t.Fatal(err)
			}
		}
	}
	switch c.IntN(9) {
	case 0, 1, 2:
		i := ledgertest.Slice(study, c.IntN(5))
		if c.IntN(4) == 0 { // other bytes under the same UID
			i.Path += fmt.Sprint(c.IntN(3))
		}
		i.CallingAE = []string{"CT1", "CT2"}[c.IntN(2)]
		ledgertest.Record(t, l, i)
	case 3:
		_, err := l.Settle(ctx, study, "test")
		tolerable(err)
	case 4, 5: // read a revision
		id := c.pick(t, db, `SELECT id FROM revision WHERE state IN ('settled', 'processing')`)
		if id == 0 {
			return
		}
		tolerable(l.Begin(ctx, id))
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
