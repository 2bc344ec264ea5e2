package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/phantom"
)

// serveDetached starts a node that SIGHUP reaches.
func (w *ward) serveDetached(t *testing.T, nodes ...*lab) {
	t.Helper()
	for _, l := range nodes {
		l.node = start(t, l.asService(t), filepath.Join(l.dir, "node.log"))
	}
	for _, l := range nodes {
		w.waitUp(t, l)
	}
}

// has waits until a node has the destination for the nth time.
func (l *lab) has(t *testing.T, n int) {
	t.Helper()
	eventually(t, 20*time.Second, filepath.Base(l.dir)+" has the destination", func() bool {
		return strings.Count(l.log(t), `"msg":"the node works for a destination or a webhook from now on","lock":"deliver pacs"`) >= n
	})
}

// Nodes of a cluster take another configuration while one of them sends. A destination that is taken out of one of them goes to the other,
// which has it still, with what was in hand; one whose address has changed gets what follows at the new one; and what waits for a
// destination that only a node has which is down waits for that node.
func TestCluster_Reload(t *testing.T) {
	t.Parallel() // it waits
	w := newSharedWard(t)
	reader := w.add(t, "reader", "", "door", "read")
	a, b := w.add(t, "a", "", "deliver"), w.add(t, "b", "", "deliver")
	w.serveDetached(t, reader, a)
	w.look(t)
	a.has(t, 1)
	w.serveDetached(t, b)
	stamps := newStamps(t, phantom.Options{Slices: 12, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	send := func() string {
		t.Helper()
		study, files := stamps.stamp(t)
		w.mustSend(ctx, t, study, files, reader)
		return study
	}
	all := map[string]*ledger.History{}
	over := func(study string, node string) {
		t.Helper()
		before := len(w.pacs.arrivals())
		all[study] = w.over(t, []string{study}, time.Minute)[study]
		w.check(t, all)
		if last := w.pacs.arrivals()[len(w.pacs.arrivals())-1]; last.node != node {
			t.Errorf("%s sent the last of the objects from the %d. on, want %s", last.node, before, node)
		}
	}
	change := func(l *lab, text string, expect string) {
		t.Helper()
		if err := os.WriteFile(l.config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		before := strings.Count(l.log(t), "configuration reloaded")
		if err := l.node.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "it is reloaded", func() bool { return strings.Count(l.log(t), "configuration reloaded") > before })
		if !strings.Contains(l.log(t), expect) {
			t.Errorf("the log does not say %s", expect)
		}
	}
	with, err := os.ReadFile(a.config)
	if err != nil {
		t.Fatal(err)
	}
	without, _, _ := strings.Cut(string(with), "[[destination]]")

	w.pacs.slow(5 * time.Second) // so that something is in hand
	study := send()
	eventually(t, 30*time.Second, "something is sent", func() bool { return len(w.pacs.arrivals()) > 0 })
	change(a, without, `destination \"pacs\" removed`)
	w.pacs.slow(0)
	b.has(t, 1)
	over(study, "B")

	b.node.kill() // the only one that knows the destination
	study = send()
	eventually(t, time.Minute, "it is read", func() bool {
		h := w.history(ctx, study)
		return h != nil && h.State == ledger.StateReported
	})
	eventually(t, 30*time.Second, "a finds that nobody has it", func() bool {
		return strings.Contains(a.log(t), "no running node has in its configuration")
	})
	w.serveDetached(t, b)
	over(study, "B")

	// Another place for it, on both, and a may have it again.
	elsewhere := startRecorder(t, "")
	moved := func(l *lab) string {
		text, err := os.ReadFile(l.config)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(string(text), w.pacs.address(), elsewhere.address(), 1)
	}
	change(b, moved(b), `destination \"pacs\" address`)
	change(a, strings.Replace(string(with), w.pacs.address(), elsewhere.address(), 1), `destination \"pacs\" added`)
	before := len(w.pacs.arrivals())
	study = send()
	all[study] = w.over(t, []string{study}, time.Minute)[study]
	if n := len(elsewhere.arrivals()); n != 3 || len(w.pacs.arrivals()) != before {
		t.Errorf("%d objects at the new place and %d at the old one, want 3 and none", n, len(w.pacs.arrivals())-before)
	}
	stop := time.Now()
	b.node.stop(t)
	a.has(t, 2)
	t.Logf("a has the destination again %.1f s after b was stopped", time.Since(stop).Seconds())
	for _, l := range []*lab{reader, a} {
		l.node.stop(t)
	}
}
