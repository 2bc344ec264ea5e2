package node

import (
	"bytes"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/pgtest"
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
				if err := leader.seek(t.Context(), later); err != nil {
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
