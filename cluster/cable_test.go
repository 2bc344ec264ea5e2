package cluster_test

import (
	"strings"
	"testing"
	"time"

	"jcsnode/cabletest"
	"jcsnode/pgtest"
)

// A machine whose cable is pulled sends no word. It stops by itself, before anybody takes over; when the cable is back it takes part again.
func TestProcess_CableCut(t *testing.T) {
	machine := cabletest.New(t)
	t.Parallel()
	server := pgtest.Start(t, cabletest.Postgres(t, machine)...)
	url := server.Database(t, "", nil)
	a := start(t, strings.Replace(url, "127.0.0.1", machine.Net+".1", 1), "a", machine.Inside()...)
	a.waits(t, time.Time{}, "sends")
	b := start(t, url, "b")
	b.waits(t, time.Time{}, "joined")

	cut := time.Now()
	machine.Pull(t)
	lost := a.waits(t, cut, "lost")
	t.Logf("it noticed after %v", lost.at.Sub(cut).Round(10*time.Millisecond))
	if lost.at.Sub(cut) > 6*time.Second {
		t.Error("too late")
	}
	first := takesOver(t, a, b, cut, 20*time.Second)
	if last := a.lastSent(first.at); last.After(lost.at) {
		t.Errorf("it sent %v after it was lost", last.Sub(lost.at))
	}
	machine.Plug(t)
	a.waits(t, lost.at, "joined")
}
