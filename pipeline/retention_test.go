package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// Files stay until all about a study is over for as long as the configuration says, and then go; the ledger tells of it.
func TestRetention(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*[0-5].dcm"))
	days, stay := 0, 24*time.Hour
	rows := time.Duration(0)
	k := &Retention{Ledger: b.Ledger, Store: b.Store, Logger: slog.New(slog.DiscardHandler),
		For: func() time.Duration { return stay }, Rows: func() time.Duration { return rows },
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

// A study of which a file is missing loses its other files like any other, objects included.
func TestRetention_AFileIsMissing(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*[0-5].dcm"))
	sent := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}
	if err := b.Ledger.RecordDelivery(t.Context(), got.Deliveries[0].ID, sent); err != nil {
		t.Fatal(err)
	}
	h, err := b.Ledger.History(t.Context(), b.study)
	if err != nil {
		t.Fatal(err)
	}
	newest := h.Instances[len(h.Instances)-1].Path // what a start asks for
	if err := os.Remove(filepath.Join(b.dir, newest)); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	missing, err := CheckFiles(t.Context(), b.Ledger, b.Store, quiet, NewestStudies)
	if err != nil || missing.Instances != 1 {
		t.Fatalf("%+v, %v; want one instance missing", missing, err)
	}
	k := &Retention{Ledger: b.Ledger, Store: b.Store, Logger: quiet, For: func() time.Duration { return 24 * time.Hour },
		Rows: func() time.Duration { return 0 }, Now: func() time.Time { return time.Now().AddDate(0, 0, 3) }}
	if err := k.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{h.Instances[0].Path, got.Objects[0].Path} {
		if _, err := os.Stat(filepath.Join(b.dir, path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s stays: %v", path, err)
		}
	}
	if h, err = b.Ledger.History(t.Context(), b.study); err != nil || h.Missing || h.RemovedAt.IsZero() {
		t.Errorf("missing %v, removed at %v, %v", h.Missing, h.RemovedAt, err)
	}
	if missing, err = CheckFiles(t.Context(), b.Ledger, b.Store, quiet, 0); err != nil || missing.Studies != 0 {
		t.Errorf("%+v, %v; want nothing missing any more", missing, err)
	}
}

// comingAgain is a ledger in which something happens once the studies that are over are listed, or once their files may go.
type comingAgain struct {
	RetentionLedger
	listed, going func()
}

func (c comingAgain) Ended(ctx context.Context, before time.Time, limit int) ([]ledger.Ended, error) {
	all, err := c.RetentionLedger.Ended(ctx, before, limit)
	c.listed()
	return all, err
}

func (c comingAgain) FilesGo(ctx context.Context, studyUID string, before time.Time) (bool, error) {
	may, err := c.RetentionLedger.FilesGo(ctx, studyUID, before)
	c.going()
	return may, err
}

// An instance that comes again at another door while the files of its study are removed has a file, and what the ledger says of the others
// is true.
func TestRetention_ComesAgainMeanwhile(t *testing.T) {
	for name, c := range map[string]struct{ listed, gone bool }{
		"before they may go": {listed: true},
		"when they go":       {gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			got := b.process(t, b.receive(t, "*[0-5].dcm"))
			sent := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}
			if err := b.Ledger.RecordDelivery(t.Context(), got.Deliveries[0].ID, sent); err != nil {
				t.Fatal(err)
			}
			h, err := b.Ledger.History(t.Context(), b.study)
			if err != nil {
				t.Fatal(err)
			}
			now, came := time.Now().AddDate(0, 0, 3), 0
			come := func(is bool) func() {
				return func() {
					if !is {
						return
					}
					came++
					again := h.Instances[0]
					again.ReceivedAt = now
					err := os.Chtimes(filepath.Join(b.dir, again.Path), now, now)
					if err := errors.Join(err, b.Ledger.Record(t.Context(), again), b.Ledger.Flush(t.Context())); err != nil {
						t.Fatal(err)
					}
				}
			}
			k := &Retention{Ledger: comingAgain{b.Ledger, come(c.listed), come(c.gone)}, Store: b.Store,
				Logger: slog.New(slog.DiscardHandler), For: func() time.Duration { return 24 * time.Hour },
				Rows: func() time.Duration { return 0 }, Now: func() time.Time { return now }}
			if err := k.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(b.dir, got.Objects[0].Path)); err != nil || came != 1 {
				t.Errorf("after %d times: %v", came, err)
			}
			if h, err = b.Ledger.History(t.Context(), b.study); err != nil {
				t.Fatal(err)
			}
			for n, i := range h.Instances {
				_, err := os.Stat(filepath.Join(b.dir, i.Path))
				if want := c.gone && n > 0; i.Gone != want || (err != nil) != want {
					t.Errorf("instance %d is gone: %v, and its file: %v", n, i.Gone, err)
				}
			}
		})
	}
}

// Rows of instances go long after the files; what came of the study stays. A part of it that comes later is no study, the whole is one.
func TestRetention_ThinsOutTheLedger(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*[0-5].dcm"))
	ctx := t.Context()
	sent := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}
	for _, d := range got.Deliveries {
		if err := b.Ledger.RecordDelivery(ctx, d.ID, sent); err != nil {
			t.Fatal(err)
		}
	}
	days, rows := 2, 3*24*time.Hour
	k := &Retention{Ledger: b.Ledger, Store: b.Store, Logger: slog.New(slog.DiscardHandler),
		For: func() time.Duration { return 24 * time.Hour }, Rows: func() time.Duration { return rows },
		Now: func() time.Time { return time.Now().AddDate(0, 0, days) }}
	sweep := func() (*ledger.History, ledger.Counts) {
		t.Helper()
		if err := k.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		h, err := b.Ledger.History(ctx, b.study)
		if err != nil {
			t.Fatal(err)
		}
		counts, err := b.Ledger.Counts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return h, counts
	}
	h, before := sweep()
	if len(h.Instances) != 5 || h.RemovedAt.IsZero() {
		t.Fatalf("after two days %d rows, files removed at %v", len(h.Instances), h.RemovedAt)
	}
	days = 4
	h, after := sweep()
	r := h.Revisions[0]
	if len(h.Instances) != 0 || h.Thinned != 5 || h.ThinnedAt.IsZero() ||
		after.Instances != before.Instances || after.Bytes != before.Bytes {
		t.Errorf("after four days %d rows, %d gone at %v; counted %d, before %d",
			len(h.Instances), h.Thinned, h.ThinnedAt, after.Instances, before.Instances)
	}
	if r.State != got.State || len(r.Findings) == 0 || len(r.Objects) != len(got.Objects) || r.Deliveries[0].State != ledger.DeliverySent {
		t.Errorf("of its outcome %+v is left", r)
	}
	if h, _ = sweep(); h.Thinned != 5 {
		t.Errorf("thinned out twice: %d", h.Thinned)
	}

	inbox := filepath.Join(b.dir, "inbox")
	files := func() { // those of the study, and a copy of the sixth
		t.Helper()
		err := errors.Join(os.RemoveAll(inbox), os.CopyFS(inbox, os.DirFS(phantomStudy(t))))
		sixth, _ := filepath.Glob(filepath.Join(inbox, "*6.dcm"))
		data, readErr := os.ReadFile(sixth[0])
		if err = errors.Join(err, readErr, os.WriteFile(filepath.Join(inbox, "copy.dcm"), data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	files()
	b.receive(t, "copy.dcm")
	late := b.process(t, b.receive(t, "*6.dcm"))
	if late.State != ledger.StateNotProcessed || late.Reason.Code != filesRemoved || !strings.Contains(late.Reason.Text, "4 of 5") {
		t.Errorf("a late slice: %s, %+v", late.State, late.Reason)
	}
	for round := range 3 {
		files()
		whole := b.process(t, b.receive(t, "*[0-6].dcm"))
		if whole.State != got.State || whole.Reason.Code == filesRemoved {
			t.Fatalf("sent again, round %d: %s, %+v; want %s", round, whole.State, whole.Reason, got.State)
		}
		for _, d := range whole.Deliveries {
			if err := b.Ledger.RecordDelivery(ctx, d.ID, sent); err != nil {
				t.Fatal(err)
			}
		}
		if h, _ = sweep(); len(h.Instances) != 0 || h.Thinned != 6 {
			t.Fatalf("after round %d %d rows, %d gone; want none, 6", round, len(h.Instances), h.Thinned)
		}
	}
}
