package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/cabletest"
	"jcsnode/pgtest"
	"jcsnode/phantom"
)

// The cable of the node that delivers is pulled while it sends, and it sends no more until it is one among others again: the other one goes
// on within 20 s, and the PACS gets nothing that it should not have.
func TestCluster_CableCut(t *testing.T) {
	machine := cabletest.New(t)
	postgres := pgtest.Start(t, append(machine.Postgres(t), "synchronous_commit = on")...)
	w := &ward{dir: t.TempDir(), postgres: postgres, host: machine.Net + ".1", pacs: startRecorder(t, machine.Net+".1"),
		networks: exactNetworks(t), acked: map[string]string{}}
	w.address = strings.Replace(postgres.Database(t, "", nil), "127.0.0.1", w.host, 1)
	w.files = fmt.Sprintf("[store]\nkind = \"shared\"\npath = %q\n", t.TempDir())
	w.pacs.slow(300 * time.Millisecond)
	stamps := newStamps(t, phantom.Options{Slices: 24, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	door, far, near := w.add(t, "door", "", "door"), w.add(t, "far", "", "read", "deliver"), w.add(t, "near", "", "read", "deliver")
	inside := exec.Command("ip", append(machine.Inside()[1:], os.Args[0], "serve", "--config", far.config)...)
	inside.Env = append(os.Environ(), "JCSNODE_AS_PROGRAM=1")
	far.node = start(t, inside, filepath.Join(far.dir, "node.log"))
	w.serveAll(t, door)
	w.waitUp(t, far)
	w.look(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	send := func() string {
		study, files := stamps.stamp(t)
		w.mustSend(ctx, t, study, files, door)
		return study
	}
	all := []string{send()}
	w.over(t, all, time.Minute) // the far one has what there is to own
	w.serveAll(t, near)
	before := len(w.pacs.arrivals())
	all = append(all, send(), send(), send())
	eventually(t, time.Minute, "something is sent", func() bool { return len(w.pacs.arrivals()) > before })

	cut := time.Now()
	machine.Pull(t)
	var first time.Time
	eventually(t, 40*time.Second, "the other one goes on", func() bool {
		for _, a := range w.pacs.arrivals()[before:] {
			if a.node == "NEAR" && a.at.After(cut) {
				first = a.at
				return true
			}
		}
		return false
	})
	t.Logf("taken over after %.1f s", first.Sub(cut).Seconds())
	if first.Sub(cut) > 20*time.Second {
		t.Error("that is more than 20 s")
	}
	studies := w.over(t, all, time.Minute)
	machine.Plug(t)
	eventually(t, 30*time.Second, "the far one is back", func() bool {
		log, err := os.ReadFile(far.node.log)
		return err == nil && strings.Contains(string(log), "session with PostgreSQL again")
	})
	copies := w.check(t, studies)
	if strange := w.strangers(studies); len(strange) > 0 {
		t.Errorf("at the PACS and not in the ledger: %v", strange)
	}
	t.Logf("%d objects came, %d of them copies", len(w.pacs.arrivals()), copies)
	for _, l := range w.nodes {
		l.node.stop(t)
	}
}
