package ledgertest

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
)

// Thinning wants the counters to stay when rows of instances go, a study that comes again after it to count anew, and what it brings to be
// counted once.
func Thinning(t *testing.T, l *ledger.Ledger, db *sql.DB, now func() time.Time) {
	t.Helper()
	fate := chance{Rand: rand.New(rand.NewPCG(7, 1))}
	for step := range 200 {
		fate.act(t, l, db, step)
	}
	finishAll(t, l, db)
	for _, uid := range Rows(t, db, `SELECT uid FROM study`) {
		Must(t, l.FilesRemoved(t.Context(), uid, time.Now().AddDate(1, 0, 0), 0, 0))
	}
	before := answersTo(t, db, kept)
	had := Rows(t, db, `SELECT COUNT(*) FROM instance`)
	thinned, err := l.Thin(t.Context(), now().AddDate(1, 0, 0), 100)
	Must(t, err)
	left := Rows(t, db, `SELECT COUNT(*), (SELECT SUM(thinned) FROM study), (SELECT COUNT(*) FROM study WHERE thinned > 0)
		FROM instance`)
	if thinned == 0 || left[0] == had[0] {
		t.Fatalf("of %d studies; %s rows, then %s", thinned, had, left)
	}
	if diff := cmp.Diff(before, answersTo(t, db, kept)); diff != "" {
		t.Errorf("counters (-before +after):\n%s", diff)
	}
	if again, err := l.Thin(t.Context(), now().AddDate(1, 0, 0), 100); again != 0 || err != nil {
		t.Errorf("thinned out again: %d, %v", again, err)
	}
	uid := Rows(t, db, `SELECT uid FROM study WHERE thinned > 0`)[0]
	counted := Rows(t, db, `SELECT instances + 1 FROM received_now`)
	Record(t, l, Slice(uid, 77))
	Must(t, l.Flush(t.Context()))
	if got := Rows(t, db, `SELECT instances FROM received_now`); got[0] != counted[0] {
		t.Errorf("one came, and %s are counted, want %s", got, counted)
	}
	const anew = `SELECT instances, flagged, CASE WHEN thinned > 0 THEN 1 ELSE 0 END, thinned_at FROM study WHERE uid = '%s'`
	if got := Rows(t, db, fmt.Sprintf(anew, uid)); got[0] != "1|0|1|0" {
		t.Errorf("the study that came again is %s", got)
	}
}

// A study that comes whole as often as its rows go stays as large as it was, copies not counted; a part of it makes it no smaller.
func (s suite) TestThin_CountsDistinctInstancesOnce(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	copied := Slice("1.2", 2)
	copied.Path, copied.Digest = "inbox/1.2/copy.dcm", "copy"
	part, whole := []ledger.Instance{Slice("1.2", 1)}, []ledger.Instance{Slice("1.2", 1), Slice("1.2", 2)}
	for round, came := range [][]ledger.Instance{append(whole, copied), whole, part} {
		Record(t, l, came...)
		rev, err := l.Settle(t.Context(), "1.2", "test")
		Must(t, err, l.Begin(t.Context(), rev.ID), l.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil),
			l.FilesRemoved(t.Context(), "1.2", time.Now().AddDate(1, 0, 0), len(came), 0))
		if n, err := l.Thin(t.Context(), time.Now().AddDate(1, 0, 0), 100); n != 1 || err != nil {
			t.Fatalf("round %d: thinned out %d, %v", round, n, err)
		}
		rev, left, err := l.Revision(t.Context(), rev.ID)
		Must(t, err)
		if len(left) != 0 || rev.Thinned != 2 {
			t.Errorf("round %d: %d rows, %d gone; want none, 2", round, len(left), rev.Thinned)
		}
	}
}

// finishAll has all studies come to an outcome and all deliveries to an end.
func finishAll(t *testing.T, l *ledger.Ledger, db *sql.DB) {
	t.Helper()
	ctx := t.Context()
	ids := func(query string) (all []int64) {
		for _, text := range Rows(t, db, query) {
			id, err := strconv.ParseInt(text, 10, 64)
			Must(t, err)
			all = append(all, id)
		}
		return all
	}
	for _, uid := range Rows(t, db, `SELECT uid FROM study`) {
		_, err := l.Settle(ctx, uid, "test")
		Must(t, err)
	}
	for _, id := range ids(`SELECT id FROM revision WHERE state IN ('settled', 'processing')`) {
		Must(t, l.Begin(ctx, id))
		Must(t, l.NotProcessed(ctx, id, ledger.Reason{Code: "odd", Text: "odd"}, nil))
	}
	for _, id := range ids(`SELECT id FROM delivery WHERE state = 'waiting'`) {
		Must(t, l.RecordDelivery(ctx, id, ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}))
	}
}
