package dicomout_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/ledger"
)

// logText is a log that may be read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// ward is a site with several studies, each reported once with one object for the archive.
type ward struct {
	*site
	revisions []ledger.Revision
}

func newWard(t *testing.T, studies int, now func() time.Time, d dicomout.Destination) *ward {
	t.Helper()
	w := &ward{site: newSite(t, now, d)}
	for n := range studies {
		w.add(t, n)
	}
	return w
}

// add reports one more study.
func (w *ward) add(t *testing.T, n int) ledger.Revision {
	t.Helper()
	ctx, study, uid := t.Context(), fmt.Sprintf("1.2.%d", n+1), fmt.Sprintf("2.25.%d", n+1)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	instance := ledger.Instance{StudyUID: study, SeriesUID: study + ".1", SOPInstanceUID: study + ".1.1", Path: "inbox/" + uid}
	must(w.Ledger.Record(ctx, instance))
	rev, err := w.Ledger.Settle(ctx, study, "test")
	must(err)
	must(w.Ledger.Begin(ctx, rev.ID))
	must(w.Ledger.Complete(ctx, rev.ID, []ledger.Outgoing{{Object: w.write(t, object.Summary, uid), Destinations: []string{"pacs"}}},
		ledger.Reason{}))
	w.revisions = append(w.revisions, rev)
	return rev
}

// write is an object as a file.
func (w *ward) write(t *testing.T, kind object.Kind, uid string) ledger.Object {
	t.Helper()
	file, err := object.Encode(kind, uid, dataset.ExplicitVRLittleEndian, []*object.Element{
		object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID), object.Text(tag.SOPInstanceUID, "UI", uid)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, uid), file, 0o644); err != nil {
		t.Fatal(err)
	}
	return ledger.Object{SOPInstanceUID: uid, SOPClassUID: kind.SOPClassUID, SeriesUID: "1.2.9", Kind: kind.Name,
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian, Path: uid, SHA256: hexSHA256(file)}
}

func (w *ward) counts(t *testing.T) map[string]int {
	t.Helper()
	counts, err := w.Ledger.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts.Deliveries
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// However many studies wait for an archive that is away, the log says once that it is, and once that it is back; then all go at once.
func TestDeliveryWorker_OneTimerForADestination(t *testing.T) {
	const studies = 8
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	reserved.Close()
	d := archiveAt("pacs", address, dicomout.Profile{Summary: true})
	d.Passing = deliver.Policy{Base: 500 * time.Millisecond, Cap: 500 * time.Millisecond, Factor: 1}
	w := newWard(t, studies, time.Now, d)
	var log logText
	w.Logger = slog.New(slog.NewTextHandler(&log, nil))
	process := func(context.Context, int64) error { return nil }
	if err := w.Ledger.StartJobs(t.Context(), ledger.Handlers{Process: process, Deliver: w.Deliver}, 1, "pacs"); err != nil {
		t.Fatal(err)
	}
	held := func() bool {
		for _, rev := range w.revisions {
			waiting, err := w.Ledger.Pending(t.Context(), rev.ID, "pacs")
			if err != nil || len(waiting) != 1 {
				t.Fatalf("%d wait, %v", len(waiting), err)
			}
			if waiting[0].Trouble != string(deliver.RetrySoon) || !strings.Contains(waiting[0].Detail, "connection refused") {
				return false
			}
		}
		return true
	}
	until(t, "every study says why it waits", held)
	time.Sleep(1500 * time.Millisecond) // some more attempts
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "cannot be reached") {
		t.Errorf("%d lines for an archive that is away:\n%s", lines, log.String())
	}

	archive := &pacs{}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server := &dimse.Server{Handler: archive, Logger: slog.New(slog.DiscardHandler),
		Accept: func(_ dimse.Requestor, _ string, proposed []string) (string, byte) { return proposed[0], 0 }}
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-served })
	back := time.Now()
	until(t, "all are sent", func() bool { return w.counts(t)[ledger.DeliverySent] == studies })
	if took := time.Since(back); took > 12*time.Second {
		t.Errorf("all were sent %v after the archive was back", took)
	}
	until(t, "the log says so", func() bool { return strings.Count(log.String(), "objects delivered") == studies })
	if n := strings.Count(log.String(), "destination is back"); n != 1 || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("the log says %d times that the archive is back:\n%s", n, log.String())
	}
	if err := w.Ledger.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An archive that is away is tried again by its own clock; what is held until then says when, and an operator need not wait.
func TestDeliveryWorker_HeldWhileAway(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	w := newWard(t, 3, clock, pacsAt("127.0.0.1:1"))
	attempts := map[string]int{}
	var took []time.Duration
	w.Attempted = func(destination, result string) { attempts[destination+" "+result]++ }
	w.Delivered = func(d time.Duration) { took = append(took, d) }
	next := func(of int) time.Duration {
		t.Helper()
		if err := w.Deliver(t.Context(), w.revisions[of].ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		waiting, err := w.Ledger.Pending(t.Context(), w.revisions[of].ID, "pacs")
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return 0
		}
		if !strings.Contains(waiting[0].Detail, "connection refused") || waiting[0].Attempts != 0 {
			t.Errorf("study %d waits after %d attempts since %q", of, waiting[0].Attempts, waiting[0].Detail)
		}
		return waiting[0].NextAt.Sub(now)
	}
	if got := next(0); got != 30*time.Second {
		t.Fatalf("first asked again in %v", got)
	}
	now = now.Add(10 * time.Second)
	if got := next(1); got != 20*time.Second {
		t.Errorf("what came later waits %v, want as long as the first", got)
	}
	now = now.Add(20 * time.Second)
	if got := next(1); got != time.Minute {
		t.Errorf("after the second attempt at the archive, by another study, %v", got)
	}
	if got := next(0); got != time.Minute {
		t.Errorf("the first study waits %v, want for the same attempt", got)
	}

	archive := &pacs{}
	w.Destinations()[0].Address = archive.serve(t)
	if got := next(2); got != time.Minute || len(archive.received) != 0 {
		t.Fatalf("a new study waits %v, and %v came", got, archive.received)
	}
	if err := w.Ledger.Requeue(t.Context(), "1.2.1"); err != nil {
		t.Fatal(err)
	}
	if got := next(0); got != 0 || len(archive.received) != 1 {
		t.Fatalf("an operator's wish waits %v, and %v came", got, archive.received)
	}
	for of := 1; of < 3; of++ { // woken by that
		waiting, err := w.Ledger.Pending(t.Context(), w.revisions[of].ID, "pacs")
		if err != nil || len(waiting) != 1 || !waiting[0].NextAt.IsZero() {
			t.Errorf("study %d waits until %v, %v", of, waiting, err)
		}
		if got := next(of); got != 0 {
			t.Errorf("study %d waits %v with the archive back", of, got)
		}
	}
	if len(attempts) != 2 || attempts["pacs "] != 2 || attempts["pacs sent"] != 3 {
		t.Errorf("attempts %v", attempts)
	}
	if len(took) != 3 || took[0] != 30*time.Second {
		t.Errorf("they took %v", took)
	}
}

// An archive that does not know us is held by the longer clock of that trouble, for storage commitment as well.
func TestDeliveryWorker_HeldWhileUnknown(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	server := &dimse.Server{Handler: &pacs{}, Logger: slog.New(slog.DiscardHandler), Admit: func(dimse.Requestor) error {
		asked.Add(1)
		return &dimse.Rejection{Result: 1, Source: 1, Reason: 3}
	}}
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-served })
	w := newWard(t, 3, func() time.Time { return now }, pacsAt(l.Addr().String()))
	for _, rev := range w.revisions {
		if err := w.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		waiting, err := w.Ledger.Pending(t.Context(), rev.ID, "pacs")
		if err != nil || len(waiting) != 1 || waiting[0].NextAt.Sub(now) != time.Hour || waiting[0].Trouble != string(deliver.RetryProbe) {
			t.Errorf("waits %+v, %v", waiting, err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if next, out := w.Out("pacs"); !out || next.Sub(now) != time.Hour {
		t.Errorf("out %v until %v", out, next)
	}
	if _, out := w.Out("other"); out {
		t.Error("a destination that nobody knows is out")
	}
}

// What a configuration says anew about a destination is tried at once.
func TestDeliveryWorker_Anew(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := newWard(t, 2, func() time.Time { return now }, pacsAt("127.0.0.1:1"))
	deliverAll := func() {
		t.Helper()
		for _, rev := range w.revisions {
			if err := w.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
				t.Fatal(err)
			}
		}
	}
	deliverAll()
	w.Destinations()[0].Address = (&pacs{}).serve(t)
	if err := w.Anew(t.Context(), "pacs"); err != nil {
		t.Fatal(err)
	}
	deliverAll()
	if got := w.counts(t); got[ledger.DeliverySent] != 2 {
		t.Errorf("deliveries %v", got)
	}
}
