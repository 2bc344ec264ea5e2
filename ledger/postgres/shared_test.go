package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
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
		l, _ := opened(t, at, ledger.Options{Shared: true, ClientID: name, Destinations: []string{"pacs"}})
		ledgertest.Must(t, l.StartJobs(t.Context(), ledger.Handlers{
			Process: func(context.Context, int64) error { return nil },
			Deliver: func(ctx context.Context, id int64, destination string) error {
				mu.Lock()
				order = append(order, fmt.Sprintf("%s%d", name, id))
				mu.Unlock()
				return deliver(ctx, l, id, destination)
			},
		}, 1, "pacs"))
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
	ledgertest.Must(t, b.LeaveDestination(t.Context(), "pacs"), b.TakeDestination("pacs"))
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
