package node

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/notify"
	"jcsnode/pgtest"
	"jcsnode/pipeline"
	"jcsnode/scp"
	"jcsnode/store"
)

func TestSeekDue(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	dead := ledger.Alive{ID: "a", StartedAt: ago(9 * time.Hour), SeenAt: ago(3 * time.Minute), RecordedAt: ago(5 * time.Minute)}
	with := func(change func(*ledger.Alive)) ledger.Alive {
		a := dead
		change(&a)
		return a
	}
	for name, c := range map[string]struct {
		a     ledger.Alive
		since time.Time // zero: nothing is due
	}{
		"dead":                      {dead, ago(65 * time.Minute)},
		"dead, never recorded":      {with(func(a *ledger.Alive) { a.RecordedAt = time.Time{} }), ago(10 * time.Hour)},
		"dead for a moment":         {with(func(a *ledger.Alive) { a.SeenAt = ago(time.Minute) }), time.Time{}},
		"alive, or not yet mourned": {with(func(a *ledger.Alive) { a.Incarnation = "a.1" }), time.Time{}},
		"stopped":                   {with(func(a *ledger.Alive) { a.StoppedAt = ago(3 * time.Minute) }), time.Time{}},
		"looked for":                {with(func(a *ledger.Alive) { a.LookedAt = ago(time.Minute) }), time.Time{}},
		"looked for at an earlier death": {with(func(a *ledger.Alive) { a.LookedAt = ago(time.Hour) }),
			ago(65 * time.Minute)},
		"dead for hours":  {with(func(a *ledger.Alive) { a.SeenAt, a.LookedAt = ago(5*time.Hour), ago(time.Hour) }), ago(2 * time.Hour)},
		"dead for a week": {with(func(a *ledger.Alive) { a.SeenAt, a.LookedAt = ago(168*time.Hour), ago(143*time.Hour) }), time.Time{}},
	} {
		since, due := seekDue(c.a, now)
		if due == c.since.IsZero() || due && !since.Equal(c.since) {
			t.Errorf("%s: %v since %v, want since %v", name, due, since, c.since)
		}
	}
}

func TestNextLook(t *testing.T) {
	wait := seekLook
	var waits []time.Duration
	for range 9 {
		wait = nextLook(wait, false)
		waits = append(waits, wait/time.Minute)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}; !slices.Equal(waits, want) {
		t.Errorf("minutes after looks that left something: %v, want %v", waits, want)
	}
	if got := nextLook(wait, true); got != seekLook {
		t.Errorf("%v after one that left nothing", got)
	}
}

// dies has a node die some time ago that had been there for a while. It is known by a ledger whose clock goes that much behind.
func dies(t *testing.T, address, name string, ago time.Duration) {
	t.Helper()
	l, err := ledger.Open(t.Context(), address, ledger.Options{Shared: true, TestOnly: true, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(-ago) }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	then := time.Now().Add(-ago)
	life := ledger.Alive{ID: name, Incarnation: name + ".1", StartedAt: then, RecordedAt: then}
	if err := l.SignOfLife(t.Context(), life); err != nil {
		t.Fatal(err)
	}
	if news, err := l.NodeDied(t.Context(), name, name+".1", "it died"); !news || err != nil {
		t.Fatal(news, err)
	}
}

// The node that leads looks through the inbox once for all dead ones, and what it finds is settled in one revision.
func TestLeads_LooksForWhatDeadDoorsTook(t *testing.T) {
	address := pgtest.Shared(t).Database(t, "", nil)
	c := config.Default()
	c.Store.Kind, c.Store.Path, c.Ledger.URL, c.Node.Name = config.StoreShared, t.TempDir(), address, "leader"
	leader := newDoor(t, c, address, "leader")
	n := leader.Node
	var lines bytes.Buffer
	n.log = slog.New(slog.NewTextHandler(&lines, nil))
	n.inbox, n.member, n.allLooked = leader.inbox, cluster.NewAlone(""), true
	quiet := slog.New(slog.DiscardHandler)
	n.settler = &pipeline.Settler{Ledger: n.ledger, Holds: func(string) bool { return false }, Quiet: time.Minute, Limit: time.Hour,
		Now: time.Now, Logger: quiet}
	never := func() time.Duration { return 0 }
	n.retention = &pipeline.Retention{Ledger: n.ledger, Store: n.store, For: never, Now: time.Now, Logger: quiet}
	n.stuck = &notify.Watch{Ledger: n.ledger, StuckAfter: ledger.StuckAfter{Receiving: time.Hour, Study: time.Hour, Delivery: time.Hour},
		Now: time.Now, Logger: quiet}
	in, body := aSlice(t)
	s, err := leader.inbox.Receive(t.Context(), in, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-5 * time.Minute)
	if err := os.Chtimes(filepath.Join(c.Store.Path, filepath.FromSlash(s.Path)), when, when); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		dies(t, address, name, 6*time.Minute)
	}
	ctx, cancel := context.WithCancel(t.Context())
	led := make(chan error, 1)
	go func() { led <- n.leads(ctx) }()
	ledgertest.WaitFor(t, "the revision", func() bool {
		h, err := n.ledger.History(t.Context(), s.StudyUID)
		return err == nil && len(h.Revisions) == 1 && h.State == ledger.StateSettled
	})
	ledgertest.WaitFor(t, "both to be looked for", func() bool {
		one, err := n.ledger.Alive(t.Context(), "one")
		two, err2 := n.ledger.Alive(t.Context(), "two")
		return err == nil && err2 == nil && !one.LookedAt.IsZero() && !two.LookedAt.IsZero()
	})
	cancel()
	if err := <-led; err != nil {
		t.Error(err)
	}
	if looks := strings.Count(lines.String(), "inbox looked through"); looks != 1 {
		t.Errorf("looked through %d times:\n%s", looks, &lines)
	}
}

// A door answers while it cannot write rows, and its machine is lost: another node finds what it took, once.
func TestSeek_WhatADeadDoorTook(t *testing.T) {
	shared := config.Default()
	shared.Store.Kind, shared.Store.Path = config.StoreShared, t.TempDir()
	far := onS3(t)
	far.Store.BeforeAnswer = true
	in, body := aSlice(t)
	for name, c := range map[string]config.Config{"shared folder": shared, "object store": far} {
		t.Run(name, func(t *testing.T) {
			address := pgtest.Shared(t).Database(t, "", nil)
			dead, leader := newDoor(t, c, address, "dead"), newDoor(t, c, address, "leader")
			leader.Node.inbox = leader.inbox
			if _, err := dead.inbox.Receive(t.Context(), in, bytes.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			life := ledger.Alive{ID: "dead", Incarnation: "dead.1", StartedAt: time.Now(), RecordedAt: time.Now()}
			if err := dead.ledger.SignOfLife(t.Context(), life); err != nil {
				t.Fatal(err)
			}
			later := time.Now().Add(seekAfter + time.Second)
			found := func() int {
				t.Helper()
				if _, err := leader.seek(t.Context(), later); err != nil {
					t.Fatal(err)
				}
				studies, err := leader.ledger.Receiving(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return len(studies)
			}
			if n := found(); n != 0 {
				t.Errorf("%d studies recorded for one that lives", n)
			}
			if news, err := leader.ledger.NodeDied(t.Context(), "dead", "dead.1", "it died"); !news || err != nil {
				t.Fatal(news, err)
			}
			leader.config.Settle.Quiet = config.Duration(time.Hour)
			if n := found(); n != 0 {
				t.Errorf("%d studies recorded that somebody may be at", n)
			}
			leader.config.Settle.Quiet = config.Duration(time.Minute)
			if n := found(); n != 1 {
				t.Errorf("%d studies recorded, want 1", n)
			}
			a, err := leader.ledger.Alive(t.Context(), "dead")
			if _, due := seekDue(a, later); err != nil || due {
				t.Errorf("looked for again at once: %+v, %v", a, err)
			}
		})
	}
}

// spoilt is a store of which one file cannot be read for good.
type spoilt struct {
	store.Store
	name string
}

func (s spoilt) Open(ctx context.Context, name string) (store.File, error) {
	if name == s.name {
		return nil, store.FileFault(&fs.PathError{Op: "read", Path: name, Err: syscall.EIO})
	}
	return s.Store.Open(ctx, name)
}

// One file that cannot be read has the leader look no second time.
func TestSeek_PastAFileThatCannotBeRead(t *testing.T) {
	c := config.Default()
	c.Store.Kind, c.Store.Path = config.StoreShared, t.TempDir()
	address := pgtest.Shared(t).Database(t, "", nil)
	leader := newDoor(t, c, address, "leader")
	in, body := aSlice(t)
	s, err := leader.inbox.Receive(t.Context(), in, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	leader.Node.inbox = scp.NewInbox(spoilt{leader.store, s.Path}, scp.InboxOptions{})
	dies(t, address, "dead", 6*time.Minute)
	later := time.Now().Add(seekAfter)
	if done, err := leader.seek(t.Context(), later); !done || err != nil {
		t.Errorf("done %v, %v", done, err)
	}
	a, err := leader.ledger.Alive(t.Context(), "dead")
	if _, due := seekDue(a, later); err != nil || due {
		t.Errorf("looked for again at once: %+v, %v", a, err)
	}
}
