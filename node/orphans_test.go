package node

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/pgtest"
)

// What waits for whom nobody has ends when it has done so for long enough; as soon as a node has that one, the time begins anew.
func TestOrphans(t *testing.T) {
	o := orphans{patience: orphanPatience}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		what            string
		after           time.Duration
		waiting, others []string
		news, ripe      []string
	}{
		{"others have one of two", 0, []string{"deliver a", "deliver b"}, []string{"deliver b"}, []string{"deliver a"}, nil},
		{"not for long", orphanPatience - time.Second, []string{"deliver a", "deliver b"}, []string{"deliver b"}, nil, nil},
		{"for long", time.Second, []string{"deliver a", "deliver b"}, nil, []string{"deliver b"}, []string{"deliver a"}},
		{"somebody has it again", time.Second, []string{"deliver a", "deliver b"}, []string{"deliver a"}, nil, nil},
		{"and dies", time.Second, []string{"deliver a"}, nil, []string{"deliver a"}, nil},
		{"nothing waits any more", orphanPatience, nil, nil, nil, nil},
	} {
		now = now.Add(step.after)
		news := o.look(step.waiting, step.others, now)
		if ripe := o.ripe(); !slices.Equal(news, step.news) || !slices.Equal(ripe, step.ripe) {
			t.Errorf("%s: news %q and ripe %q, want %q and %q", step.what, news, ripe, step.news, step.ripe)
		}
	}
}

// What waits for a destination that a node lacks waits as long as another one has it, and ends when none does, even if it was to be tried
// in some hours only. Whoever has it comes back and gets it, and what that makes waits for that.
func TestOrphans_EndWhenNobodyHasThem(t *testing.T) {
	t.Parallel() // it waits
	ctx := t.Context()
	c := config.Default()
	c.Ledger.URL = pgtest.Shared(t).Database(t, "", nil)
	c.Store.Kind, c.Store.Path = config.StoreShared, t.TempDir()
	c.Node.DataDir, c.Node.Reserve, c.Node.Name, c.Node.Roles = t.TempDir(), 0, "a", []string{config.RoleDeliver}
	n := newNode(c, "0.0.0", slog.New(slog.DiscardHandler))
	n.orphans.every, n.orphans.patience = 200*time.Millisecond, time.Second
	if err := n.open(ctx); err != nil {
		t.Fatal(errors.Join(err, n.Close()))
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-n.partaking
	other, err := cluster.Join(ctx, cluster.Options{URL: c.Ledger.URL, ID: "b", Logger: n.log})
	if err != nil {
		t.Fatal(err)
	}
	has := func(m *cluster.Member) chan struct{} {
		has := make(chan struct{})
		go func() {
			_ = m.Hold(ctx, destinationLane("pacs"), func(ctx context.Context) error { close(has); <-ctx.Done(); return nil })
		}()
		return has
	}
	<-has(other)

	l, err := ledger.Open(ctx, c.Ledger.URL, ledger.Options{Shared: true, TestOnly: true, Logger: n.log})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	report := func(study string) {
		t.Helper()
		err := l.Record(ctx, ledger.Instance{StudyUID: study, SeriesUID: study + ".3", SOPInstanceUID: study + ".3.4",
			Path: "inbox/" + study})
		if err != nil {
			t.Fatal(err)
		}
		rev, err := l.Settle(ctx, study, "test")
		if err == nil {
			o := ledger.Outgoing{Object: ledger.Object{SOPInstanceUID: study + ".3.5", SOPClassUID: "c"}, Destinations: []string{"pacs"}}
			err = l.Complete(ctx, rev.ID, []ledger.Outgoing{o}, ledger.Reason{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	state := func(study string) string {
		h, err := l.History(ctx, study)
		if err != nil {
			t.Fatal(err)
		}
		return h.Revisions[0].Deliveries[0].State
	}
	report("1.2")
	db, err := sql.Open("pgx", c.Ledger.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `UPDATE river_job SET state = 'scheduled', scheduled_at = now() + INTERVAL '6 hours'`); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // the patience, twice
	if got := state("1.2"); got != ledger.DeliveryWaiting {
		t.Fatalf("while another node has the destination: %s", got)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); state("1.2") != ledger.DeliveryFailed; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody has the destination, and the delivery is %s", state("1.2"))
		}
	}

	if other, err = cluster.Join(ctx, cluster.Options{URL: c.Ledger.URL, ID: "b", Logger: n.log}); err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	select {
	case <-has(other):
	case <-time.After(20 * time.Second):
		t.Fatal("a node whose configuration has the destination does not get it back")
	}
	report("1.3")
	time.Sleep(2 * time.Second)
	if got := state("1.3"); got != ledger.DeliveryWaiting {
		t.Errorf("what waits for the node that is back: %s", got)
	}
}
