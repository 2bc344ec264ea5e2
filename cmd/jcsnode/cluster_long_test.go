package main

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/phantom"
)

// TestCluster_Long has eight scanners send to four nodes for an hour while one of these after the other is killed. At the end nothing is
// lost or waits, every object is at the PACS under one UID, and neither memory nor open files nor the queue have grown with time.
func TestCluster_Long(t *testing.T) {
	lasts := time.Hour
	if text := os.Getenv("LONG"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	} else if os.Getenv("JCSNODE_SOAK") != "1" {
		t.Skip("skipped: an hour; JCSNODE_SOAK=1 runs it")
	}
	w := newWard(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.add(t, name, "", "door", "read", "deliver")
	}
	w.serveAll(t, w.nodes...)
	w.look(t)
	stamps := newStamps(t, phantom.Options{Slices: 24, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()

	var mu sync.Mutex // guards what follows
	var studies []string
	var scanners sync.WaitGroup
	for n := range 8 {
		scanners.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				study, files := stamps.stamp(t)
				studies = append(studies, study)
				sent := len(studies)
				mu.Unlock()
				// A study that was begun is sent to its end.
				w.mustSend(context.WithoutCancel(ctx), t, study, files, w.nodes[n%4], w.nodes[(n+1)%4], w.nodes[(n+2)%4])
				for ; ctx.Err() == nil && sent-w.reported(ctx) > 16; time.Sleep(time.Second) { // as fast as they are read
				}
			}
		})
	}
	kills := 0
	for ctx.Err() == nil {
		if pause(ctx, 10*time.Second+rand.N(20*time.Second)) {
			l := w.nodes[rand.IntN(len(w.nodes))]
			l.node.kill()
			kills++
			pause(ctx, rand.N(15*time.Second))
			l.node = start(t, program(context.WithoutCancel(t.Context()), "serve", "--config", l.config),
				filepath.Join(l.dir, "node.log"))
		}
	}
	scanners.Wait()
	all := map[string]*ledger.History{}
	maps.Copy(all, w.over(t, studies, 5*time.Minute))
	copies := w.check(t, all)
	if strange := w.strangers(all); len(strange) > 0 {
		t.Errorf("at the PACS and not in the ledger: %v", strange)
	}
	for i, l := range w.nodes {
		files, err := os.ReadDir("/proc/" + strconv.Itoa(l.node.cmd.Process.Pid) + "/fd")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > 200 {
			t.Errorf("%s has %d files open", w.names[i], len(files))
		}
		t.Logf("%s: %d files open, %s of memory", w.names[i], len(files), memoryOf(t, l.node.cmd.Process.Pid))
		l.node.stop(t)
	}
	t.Logf("%v, %d kills: %d studies, %d objects came, %d of them copies", lasts, kills, len(studies), len(w.pacs.arrivals()), copies)
}

// pause waits and tells whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// reported is how many studies have been read.
func (w *ward) reported(ctx context.Context) int {
	s, err := w.ledger.Standing(ctx, time.Time{})
	if err != nil {
		return 0
	}
	return s.Counts.Studies[ledger.StateReported]
}

func memoryOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
