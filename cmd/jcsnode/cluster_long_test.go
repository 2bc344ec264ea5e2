package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/phantom"
)

// TestCluster_Long has eight scanners send to four nodes for an hour while one of these after the other is killed; the last one is spared
// after a fifth of it, so that its curves are long enough to show a leak. At the end nothing is lost or waits, every object is at the
// PACS under one UID, and neither memory, goroutines and open files nor what waits have grown with time by more than limits say; as many
// studies are read in the last third as in the second one. LONG=15m makes it shorter, and PACE=20s has each scanner rest for that long, on
// average, after each study: an hour without is two busy cores.
func TestCluster_Long(t *testing.T) {
	lasts, pace := time.Hour, time.Duration(0)
	for name, into := range map[string]*time.Duration{"LONG": &lasts, "PACE": &pace} {
		if text := os.Getenv(name); text != "" {
			var err error
			if *into, err = time.ParseDuration(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if os.Getenv("LONG") == "" && os.Getenv("JCSNODE_SOAK") != "1" {
		t.Skip("skipped: an hour; JCSNODE_SOAK=1 runs it")
	}
	w := newWard(t)
	w.pacs.few = true
	for _, name := range []string{"a", "b", "c", "d"} {
		w.add(t, name, "", "door", "read", "deliver")
	}
	spared := w.nodes[3]
	metrics := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	spared.append(t, fmt.Sprintf("[metrics]\nlisten = %q\n", metrics))
	w.serveAll(t, w.nodes...)
	w.look(t)
	stamps := newStamps(t, phantom.Options{Slices: 12, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	random := rand.New(rand.NewPCG(seed(t), 0)) // of the kills
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()

	var mu sync.Mutex // guards what follows
	var studies []string
	var background sync.WaitGroup
	for n := range 8 {
		background.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				study, files := stamps.stamp(t)
				studies = append(studies, study)
				sent := len(studies)
				mu.Unlock()
				// A study that was begun is sent to its end.
				w.mustSend(context.WithoutCancel(ctx), t, study, files, w.nodes[n%4], w.nodes[(n+1)%4], w.nodes[(n+2)%4])
				os.RemoveAll(filepath.Dir(files[0].Path))
				for w.behind(ctx, sent) && pause(ctx, time.Second) { // as fast as they are read
				}
				pause(ctx, rand.N(2*pace+1))
			}
		})
	}
	curves := map[string]curve{}
	background.Go(func() { w.watch(ctx, t, metrics, max(lasts/120, 2*time.Second), curves) })
	kills := 0
	for ctx.Err() == nil {
		if pause(ctx, 10*time.Second+time.Duration(random.Int64N(int64(20*time.Second)))) {
			n := random.IntN(len(w.nodes))
			if w.nodes[n] == spared && time.Since(began) > lasts/5 {
				continue
			}
			w.nodes[n].node.kill()
			kills++
			pause(ctx, time.Duration(random.Int64N(int64(15*time.Second))))
			w.nodes[n].node = start(t, program(context.WithoutCancel(t.Context()), "serve", "--config", w.nodes[n].config),
				filepath.Join(w.nodes[n].dir, "node.log"))
		}
	}
	background.Wait()
	all := map[string]*ledger.History{}
	maps.Copy(all, w.over(t, studies, 5*time.Minute))
	copies := w.check(t, all)
	if strange := w.strangers(all); len(strange) > 0 {
		t.Errorf("at the PACS and not in the ledger: %v", strange)
	}
	leaks(t, curves)
	read := curves["studies read"]
	if third := len(read) / 3; third == 0 {
		t.Errorf("%d values of what is read say nothing", len(read))
	} else {
		second, last := read[2*third-1]-read[third-1], read[3*third-1]-read[2*third-1]
		t.Logf("studies read: %.0f in the second third, %.0f in the last one", second, last)
		if last < 0.7*second {
			t.Error("it reads ever more slowly")
		}
	}
	for _, l := range w.nodes {
		l.node.stop(t)
	}
	t.Logf("%v, %d kills: %d studies, %d objects came, %d of them copies", lasts, kills, len(studies), len(w.pacs.arrivals()), copies)
}

// watch takes the curves until ctx ends. A node that is down says nothing.
func (w *ward) watch(ctx context.Context, t *testing.T, metrics string, every time.Duration, curves map[string]curve) {
	db, err := sql.Open("pgx", w.address)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	for pause(ctx, every) {
		values, err := w.queued(db)
		if err != nil {
			t.Error(err)
			return
		}
		if own, err := measured(metrics); err == nil {
			maps.Copy(values, own)
		}
		if read, err := w.reported(ctx); err == nil {
			values["studies read"] = float64(read)
		}
		for name, v := range values {
			curves[name] = append(curves[name], v)
		}
	}
}

// append adds to the configuration of a node.
func (l *lab) append(t *testing.T, text string) {
	t.Helper()
	f, err := os.OpenFile(l.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
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

// behind says whether too many of the studies that were sent are still to be read.
func (w *ward) behind(ctx context.Context, sent int) bool {
	read, err := w.reported(ctx)
	return err != nil || sent-read > 16
}

// reported is how many studies have been read.
func (w *ward) reported(ctx context.Context) (int, error) {
	s, err := w.ledger.Standing(ctx, time.Time{})
	return s.Counts.Studies[ledger.StateReported], err
}
