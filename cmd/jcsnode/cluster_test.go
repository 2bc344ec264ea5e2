package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/scu"
)

// serveAll starts the nodes at once and waits until the doors answer.
func (w *ward) serveAll(t *testing.T, nodes ...*lab) {
	t.Helper()
	for _, l := range nodes {
		l.node = start(t, program(context.WithoutCancel(t.Context()), "serve", "--config", l.config), filepath.Join(l.dir, "node.log"))
	}
	for _, l := range nodes {
		w.waitUp(t, l)
	}
}

// waitUp waits until a door answers, and any other node has its networks.
func (w *ward) waitUp(t *testing.T, l *lab) {
	t.Helper()
	said := 0
	eventually(t, 2*time.Minute, "node "+filepath.Base(l.dir)+" works", func() bool {
		text, _ := os.ReadFile(l.node.log)
		select {
		case <-l.node.ended:
			t.Fatalf("the node ended at once:\n%s", tail(text, 3000))
		default:
		}
		said = strings.Count(string(text), "jcsnode starts")
		if strings.Count(string(text), "inbox compared with the ledger") < said {
			return false
		}
		config, _ := os.ReadFile(l.config)
		return !strings.Contains(string(config), `"door"`) ||
			program(t.Context(), "echo", "--to", l.address(), "--called", "JCSNODE").Run() == nil
	})
}

// delivered is what came, without the time of the findings, by UID.
func (r *recorder) delivered(t *testing.T) map[string][]byte {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string][]byte{}
	for uid, content := range r.files {
		all[uid] = timeless(t, content)
	}
	return all
}

// The main job over two doors, two readers and an object store, against one node with its file and its disk. A study comes in two halves
// through two doors and is one revision; a second one comes late slices through the other door and is two. The PACS gets the same objects
// to the byte, each once, revision 2 after 1, and a rejection of what that replaces.
func TestCluster_SameResultsAsOneNode(t *testing.T) {
	stamps := newStamps(t, phantom.Options{Slices: 24, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	one, files := stamps.stamp(t)
	two, more := stamps.stamp(t)
	deliver := func(t *testing.T, w *ward, a, b *lab) map[string]*ledger.History {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var g sync.WaitGroup
		g.Go(func() { w.mustSend(ctx, t, one, files[:12], a) })
		g.Go(func() { w.mustSend(ctx, t, one, files[12:], b) })
		w.mustSend(ctx, t, two, more[:18], a)
		g.Wait()
		eventually(t, time.Minute, "revision 1 of the second study is read", func() bool {
			h := w.history(ctx, two)
			return h != nil && h.State == ledger.StateReported
		})
		w.mustSend(ctx, t, two, more[18:], b)
		return w.over(t, []string{one, two}, time.Minute)
	}

	alone := &ward{dir: t.TempDir(), pacs: startRecorder(t, "127.0.0.1"), networks: exactNetworks(t), acked: map[string]string{}}
	single := alone.add(t, "single", "", "door", "read", "deliver")
	alone.serveAll(t, single)
	alone.address = filepath.Join(single.dir, "data", "ledger.db")
	alone.look(t)
	deliver(t, alone, single, single)
	single.node.stop(t)
	want := alone.pacs.delivered(t)
	if len(want) != 10 {
		t.Fatalf("%d objects, want 3 of each of three revisions and a rejection", len(want))
	}

	w := newWard(t)
	a, b := w.add(t, "a", "", "door"), w.add(t, "b", "", "door")
	c, d := w.add(t, "c", "", "read", "deliver"), w.add(t, "d", "", "read", "deliver")
	w.serveAll(t, a, b, c, d)
	w.look(t)
	all := deliver(t, w, a, b)
	if n := len(all[one].Revisions); n != 1 {
		t.Errorf("the study that came through two doors at once has %d revisions", n)
	}
	got := w.pacs.delivered(t)
	for uid, content := range want {
		if !bytes.Equal(got[uid], content) {
			t.Errorf("%s differs from that of one node, %d bytes, then %d", uid, len(content), len(got[uid]))
		}
	}
	if n := len(w.pacs.arrivals()); n != len(want) {
		t.Errorf("%d objects came, want %d", n, len(want))
	}
	w.check(t, all)
	for _, l := range w.nodes {
		l.node.stop(t)
	}
}

func (w *ward) mustSend(ctx context.Context, t *testing.T, study string, files []scu.File, doors ...*lab) {
	t.Helper()
	if err := w.send(ctx, study, files, doors...); err != nil {
		t.Error(err)
	}
}

// check wants every object at the PACS under one UID with the same bytes whenever it came, those of a revision for the first time before
// any of the next, and each rejection to name what came before it and was not rejected yet. It says how many came once more.
func (w *ward) check(t *testing.T, studies map[string]*ledger.History) (copies int) {
	t.Helper()
	first, times := map[string]time.Time{}, map[string]int{}
	sums := map[string]map[[32]byte]bool{}
	for _, a := range w.pacs.arrivals() {
		if times[a.uid]++; times[a.uid] == 1 {
			first[a.uid], sums[a.uid] = a.at, map[[32]byte]bool{}
		}
		sums[a.uid][a.sum] = true
	}
	for study, h := range studies {
		var last time.Time    // that an object of an earlier revision came for the first time
		var replaced []string // objects of earlier revisions that came and were not rejected
		for n, r := range h.Revisions {
			var latest time.Time
			var results []string
			rejected := false
			for _, d := range r.Deliveries {
				uid := d.Object.SOPInstanceUID
				if d.SentUID != "" {
					uid = d.SentUID
				}
				at, came := first[uid]
				switch {
				case d.State == ledger.DeliveryFailed:
					t.Errorf("study %s: %s of revision %d: %s", study, d.Object.Kind, n+1, d.Detail)
				case d.State == ledger.DeliverySent && !came:
					t.Errorf("study %s: %s of revision %d is taken for sent and is not there", study, d.Object.Kind, n+1)
				case came && len(sums[uid]) > 1:
					t.Errorf("study %s: %s of revision %d came with different bytes", study, d.Object.Kind, n+1)
				case came && at.Before(last):
					t.Errorf("study %s: %s of revision %d came before one of an earlier revision", study, d.Object.Kind, n+1)
				}
				if came && d.Object.Kind == object.Rejection.Name {
					rejected = true
					if names := w.pacs.rejected(t, uid); !slices.Equal(names, slices.Sorted(slices.Values(replaced))) {
						t.Errorf("study %s: revision %d rejects %q; before it came, and was not rejected, %q", study, n+1, names, replaced)
					}
				} else if came {
					results = append(results, uid)
				}
				if came {
					copies += times[uid] - 1
					latest = slices.MaxFunc([]time.Time{latest, at}, time.Time.Compare)
				}
				delete(first, uid)
			}
			last = slices.MaxFunc([]time.Time{last, latest}, time.Time.Compare)
			if rejected {
				replaced = nil
			}
			if n == len(h.Revisions)-1 && len(replaced) > 0 {
				t.Errorf("study %s: nothing rejects %q", study, replaced)
			}
			replaced = append(replaced, results...)
		}
	}
	return copies
}

// rejected is what a rejection that came lists, sorted.
func (r *recorder) rejected(t *testing.T, uid string) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := dataset.Read(bytes.NewReader(r.files[uid]), int64(len(r.files[uid])), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return slices.Sorted(slices.Values(rejectedBy(f)))
}

// strangers are objects at the PACS that the ledger does not know of these studies.
func (w *ward) strangers(studies map[string]*ledger.History) (all []string) {
	known := map[string]bool{}
	for _, h := range studies {
		for _, r := range h.Revisions {
			for _, d := range r.Deliveries {
				known[d.Object.SOPInstanceUID], known[d.SentUID] = true, true
			}
		}
	}
	for _, a := range w.pacs.arrivals() {
		if !known[a.uid] {
			all = append(all, fmt.Sprintf("%s from %s", a.uid, a.node))
		}
	}
	return all
}
