package pipeline

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/ledger"
)

// Files stay until all about a study is over for as long as the configuration says, and then go; the ledger tells of it.
func TestRetention(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*[0-5].dcm"))
	days, stay := 0, 24*time.Hour
	k := &Retention{Ledger: b.Ledger, Store: b.Store, For: func() time.Duration { return stay }, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().AddDate(0, 0, days) }}
	object := filepath.Join(b.dir, got.Objects[0].Path)
	sweep := func(why string, want bool) {
		t.Helper()
		if err := k.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		h, err := b.Ledger.History(t.Context(), b.study)
		if err != nil {
			t.Fatal(err)
		}
		there := true
		for _, i := range h.Instances {
			if _, err := os.Stat(filepath.Join(b.dir, i.Path)); err != nil {
				there = false
			}
		}
		if _, err := os.Stat(object); (err == nil) == want || there == want || h.RemovedAt.IsZero() == want {
			t.Fatalf("%s: instances there %v, object %v, removed at %v; want gone %v", why, there, err, h.RemovedAt, want)
		}
	}
	days = 3
	sweep("a delivery waits", false)
	sent := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}
	if err := b.Ledger.RecordDelivery(t.Context(), got.Deliveries[0].ID, sent); err != nil {
		t.Fatal(err)
	}
	days = 0
	sweep("the day is not over", false)
	days, stay = 3, 0
	sweep("for ever", false)
	stay = 24 * time.Hour
	reference := []ledger.Reference{{SOPInstanceUID: "2.25.0"}}
	if h, err := b.Ledger.History(t.Context(), b.study); err == nil {
		reference[0] = ledger.Reference{SOPClassUID: h.Instances[0].SOPClassUID, SOPInstanceUID: h.Instances[0].SOPInstanceUID}
	}
	present := func() ledger.Presence {
		t.Helper()
		p, err := b.Ledger.Presence(t.Context(), reference)
		if err != nil {
			t.Fatal(err)
		}
		return p[0]
	}
	if present() != ledger.Present {
		t.Error("an instance that is here is not confirmed")
	}
	sweep("all is over", true)
	if present() != ledger.Absent {
		t.Error("an instance that was removed is confirmed")
	}

	// A late slice finds no study to belong to.
	late := b.process(t, b.receive(t, "*6.dcm"))
	if late.State != ledger.StateNotProcessed || late.Reason.Code != "files-removed" || late.Reason.Remedy == "" {
		t.Errorf("%s, %+v; want files-removed and what to do", late.State, late.Reason)
	}
}
