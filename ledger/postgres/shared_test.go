package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/postgres"
	"jcsnode/pgtest"
)

// A destination belongs to the node that took it. When that is gone, another one sets its jobs back, takes the destination, and goes on in
// the order of revisions, beginning with the one that was interrupted.
func TestShared_ADestinationChangesHands(t *testing.T) {
	at := place(t)
	var mu sync.Mutex
	var order []string
	delivered := func() string {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprint(order)
	}
	node := func(name string, deliver func(ctx context.Context, l *ledger.Ledger, id int64, destination string) error) *ledger.Ledger {
		l, _ := opened(t, at, ledger.Options{Shared: true, Destinations: []string{"pacs"}})
		crew := ledger.Crew{ClientID: name, Readers: 1, Destinations: []string{"pacs"}}
		ledgertest.Must(t, l.StartJobsAs(t.Context(), crew, ledger.Handlers{
			Process: func(context.Context, int64) error { return nil },
			Deliver: func(ctx context.Context, id int64, destination string) error {
				mu.Lock()
				order = append(order, fmt.Sprintf("%s%d", name, id))
				mu.Unlock()
				return deliver(ctx, l, id, destination)
			},
		}))
		return l
	}
	hung, over := make(chan struct{}), make(chan struct{})
	a := node("a", func(context.Context, *ledger.Ledger, int64, string) error {
		close(hung)
		<-over
		return nil
	})
	t.Cleanup(func() { close(over) }) // before a is closed
	b := node("b", func(ctx context.Context, l *ledger.Ledger, id int64, destination string) error {
		waiting, err := l.Pending(ctx, id, destination)
		for _, d := range waiting {
			if err := l.RecordDelivery(ctx, d.ID, ledger.DeliveryOutcome{State: ledger.DeliverySent}); err != nil {
				return err
			}
		}
		return err
	})
	for n := range 3 {
		study := fmt.Sprintf("1.%d", n)
		ledgertest.Record(t, a, ledgertest.Slice(study, 1))
		rev, err := a.Settle(t.Context(), study, "test")
		ledgertest.Must(t, err)
		o := ledger.Outgoing{Object: ledger.Object{SOPInstanceUID: "2.25." + study, SOPClassUID: "c"}, Destinations: []string{"pacs"}}
		ledgertest.Must(t, a.Complete(t.Context(), rev.ID, []ledger.Outgoing{o}, ledger.Reason{}))
	}
	time.Sleep(600 * time.Millisecond) // two polls
	if got := delivered(); got != "[]" {
		t.Fatalf("%s delivered by nodes that took nothing", got)
	}
	ledgertest.Must(t, a.TakeDestination("pacs"))
	<-hung
	ledgertest.Must(t, b.RecoverJobs(t.Context(), "nobody"))
	if got := delivered(); got != "[a1]" {
		t.Fatalf("delivered %s; want [a1]", got)
	}
	ledgertest.Must(t, b.RecoverJobs(t.Context(), "a"), b.TakeDestination("pacs"))
	ledgertest.WaitFor(t, "all deliveries", func() bool {
		c, err := b.Counts(t.Context())
		return err == nil && c.Deliveries[ledger.DeliverySent] == 3
	})
	if got := delivered(); got != "[a1 b1 b2 b3]" {
		t.Errorf("delivered %s", got)
	}
	recovered := func(e ledger.Event) bool { return e.Kind == ledger.EventRecovered }
	if h := ledgertest.History(t, b, "1.0"); !slices.ContainsFunc(h.Events, recovered) {
		t.Error("the history does not tell of the recovery")
	}
}

// A destination that is given back is left to whoever takes it next, jobs that lie in the common queue included; and it can be taken again.
func TestShared_ADestinationIsGivenBack(t *testing.T) {
	at := place(t)
	delivered := make(chan string, 10)
	node := func(name string, destinations ...string) (*ledger.Ledger, *postgres.Database) {
		l, db := opened(t, at, ledger.Options{Shared: true, Destinations: destinations})
		ledgertest.Must(t, l.StartJobsAs(t.Context(), ledger.Crew{ClientID: name, Readers: 1, Destinations: destinations}, ledger.Handlers{
			Process: func(context.Context, int64) error { return nil },
			Deliver: func(ctx context.Context, id int64, destination string) error {
				delivered <- name
				waiting, err := l.Pending(ctx, id, destination)
				for _, d := range waiting {
					err = errors.Join(err, l.RecordDelivery(ctx, d.ID, ledger.DeliveryOutcome{State: ledger.DeliverySent}))
				}
				return err
			},
			Notify: func(context.Context, int64) error { return nil },
		}))
		return l, db
	}
	a, db := node("a", "pacs")
	b, _ := node("b") // whose configuration lacks it
	report := func(l *ledger.Ledger, study string) {
		t.Helper()
		ledgertest.Record(t, l, ledgertest.Slice(study, 1))
		rev, err := l.Settle(t.Context(), study, "test")
		ledgertest.Must(t, err)
		o := ledger.Outgoing{Object: ledger.Object{SOPInstanceUID: "2.25." + study, SOPClassUID: "c"}, Destinations: []string{"pacs"}}
		ledgertest.Must(t, l.Complete(t.Context(), rev.ID, []ledger.Outgoing{o}, ledger.Reason{}))
	}
	comes := func(want string) {
		t.Helper()
		select {
		case got := <-delivered:
			if got != want {
				t.Fatalf("delivered by %s, want %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("not delivered, want by %s", want)
		}
	}
	awaited := func(want string) {
		t.Helper()
		got, _, err := b.Awaited(t.Context())
		ledgertest.Must(t, err)
		if fmt.Sprint(got) != want {
			t.Errorf("something waits for %v, want %s", got, want)
		}
	}
	ledgertest.Must(t, a.TakeDestination("pacs"))
	report(b, "1.1")
	comes("a")
	ledgertest.Must(t, a.LeaveDestination(t.Context(), "pacs"))
	awaited("[]")
	report(b, "1.2")
	_, err := db.Pool().ExecContext(t.Context(), `UPDATE river_job SET queue = 'deliver' WHERE kind = 'deliver' AND state = 'available'`)
	ledgertest.Must(t, err)
	// One whose subject is gone ends, and one that cannot be read keeps no other back.
	_, err = db.Pool().ExecContext(t.Context(), `
		INSERT INTO river_job (kind, queue, args, max_attempts)
		VALUES ('notify', 'notify', '{"notification_id": 4711}', 5), ('deliver', 'deliver', '{"revision_id": "no number"}', 5)`)
	ledgertest.Must(t, err)
	awaited("[pacs]")
	var left string
	ledgertest.Must(t, db.Pool().QueryRowContext(t.Context(), `
		SELECT string_agg(kind, ',') FROM river_job WHERE queue IN ('notify', 'deliver') AND finalized_at IS NULL`).Scan(&left))
	if left != "deliver" {
		t.Errorf("in the common queues are jobs of the kinds %q", left)
	}
	ledgertest.Must(t, b.TakeDestination("pacs"))
	comes("b")
	ledgertest.Must(t, b.LeaveDestination(t.Context(), "pacs"), a.TakeDestination("pacs"))
	report(b, "1.3")
	comes("a")
}

// A revision is read by one node at a time, even if an operator has it tried while it is being read.
func TestShared_ARevisionIsReadByOne(t *testing.T) {
	at := place(t)
	var running, most, calls atomic.Int32
	proceed := make(chan struct{})
	var nodes []*ledger.Ledger
	for range 2 {
		l, _ := opened(t, at, ledger.Options{Shared: true})
		ledgertest.Must(t, l.StartJobs(t.Context(), ledger.Handlers{
			Process: func(ctx context.Context, id int64) error {
				calls.Add(1)
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				<-proceed
				return l.NotProcessed(ctx, id, ledger.Reason{Code: "test", Text: "test"}, nil)
			},
			Deliver: func(context.Context, int64, string) error { return nil },
		}, 2))
		nodes = append(nodes, l)
	}
	ledgertest.Record(t, nodes[0], ledgertest.Slice("1.2", 1))
	_, err := nodes[0].Settle(t.Context(), "1.2", "test")
	ledgertest.Must(t, err)
	ledgertest.WaitFor(t, "the first call", func() bool { return calls.Load() > 0 })
	for _, l := range nodes {
		ledgertest.Must(t, l.Requeue(t.Context(), "1.2"))
	}
	time.Sleep(800 * time.Millisecond) // three polls
	close(proceed)
	ledgertest.WaitFor(t, "the outcome", func() bool { return ledgertest.History(t, nodes[1], "1.2").State == ledger.StateNotProcessed })
	if most.Load() != 1 || calls.Load() != 1 {
		t.Errorf("read %d times, by %d at once", calls.Load(), most.Load())
	}
}

// BenchmarkRecord is to be compared with that of ledger/sqlite in the same run; like that it waits for the disk.
func BenchmarkRecord(b *testing.B) {
	server := pgtest.Start(b, "fsync = on", "synchronous_commit = on", "full_page_writes = on")
	l, err := ledger.Open(b.Context(), server.Database(b, "", nil), ledger.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for n := range b.N {
		if err := l.Record(b.Context(), ledgertest.Slice("1.2", n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// An instance that comes while its study is thinned out keeps its row; the other studies are thinned out all the same.
func TestThin_WaitsForWhatComes(t *testing.T) {
	ctx := t.Context()
	l, db := opened(t, place(t), ledger.Options{})
	for _, study := range []string{"1.1", "1.2"} {
		ledgertest.Record(t, l, ledgertest.Slice(study, 1))
		rev, err := l.Settle(ctx, study, "test")
		ledgertest.Must(t, err, l.Begin(ctx, rev.ID), l.NotProcessed(ctx, rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil),
			l.FilesRemoved(ctx, study, time.Now().AddDate(1, 0, 0), 1, 0))
	}
	// What the writer does when the instance of 1.2 comes again, and does not commit yet.
	comes, err := db.Pool().BeginTx(ctx, nil)
	ledgertest.Must(t, err)
	defer comes.Rollback()
	_, err = comes.ExecContext(ctx, `UPDATE study SET files_removed_at = 0 WHERE uid = '1.2'`)
	ledgertest.Must(t, err)
	_, err = comes.ExecContext(ctx, `UPDATE instance SET again = again + 1 WHERE study_uid = '1.2'`)
	ledgertest.Must(t, err)
	thinned := make(chan string, 1)
	go func() {
		n, err := l.Thin(ctx, time.Now().AddDate(1, 0, 0), 100)
		thinned <- fmt.Sprint(n, err)
	}()
	ledgertest.WaitFor(t, "the lock", func() bool {
		return ledgertest.Rows(t, db.Pool(), `SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'`)[0] != "0"
	})
	ledgertest.Must(t, comes.Commit())
	if got := <-thinned; got != "1 <nil>" {
		t.Errorf("thinned out %s; want 1 <nil>", got)
	}
	const left = `SELECT uid, thinned, (SELECT COUNT(*) FROM instance WHERE study_uid = uid) FROM study ORDER BY uid`
	if got := fmt.Sprint(ledgertest.Rows(t, db.Pool(), left)); got != "[1.1|1|0 1.2|0|1]" {
		t.Errorf("studies are %s", got)
	}
}

// A program that does not know of the column counts an instance that comes again: it has its file from then on.
func TestShared_AnOlderDoorTakesItAgain(t *testing.T) {
	l, db := opened(t, place(t), ledger.Options{Shared: true})
	came := ledgertest.Slice("1.2", 1)
	ledgertest.Record(t, l, came)
	count := func(text string) {
		t.Helper()
		if _, err := db.Pool().ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	count(`UPDATE instance SET gone = 1`)
	if h := ledgertest.History(t, l, "1.2"); !h.Instances[0].Gone {
		t.Fatal("its file is there still")
	}
	count(`UPDATE instance SET again = again + 1, at = at`) // as of version 20
	if h := ledgertest.History(t, l, "1.2"); h.Instances[0].Gone {
		t.Error("what came again has no file")
	}
}
