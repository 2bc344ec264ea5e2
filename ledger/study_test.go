package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStudy_FromFirstInstanceToReport(t *testing.T) {
	c := newClock()
	l := tempLedger(t, Options{Now: c.Now})
	ctx := t.Context()
	a, b := slice("1.2", 1), slice("1.2", 2)
	b.CallingAE = "CT,2"
	record(t, l, a)
	c.Add(5 * time.Second)
	record(t, l, b, a)

	all, err := l.Receiving(ctx)
	if err != nil {
		t.Fatal(err)
	}
	start := newClock().Now()
	want := []Activity{{StudyUID: "1.2", FirstAt: start, LastAt: start.Add(5 * time.Second), Instances: 2, Total: 2, CallingAEs: []string{"CT1", "CT,2"}, State: StateReceiving}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("receiving (-want +got):\n%s", diff)
	}

	rev, err := l.Settle(ctx, "1.2", "quiet for 60 s")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.Settle(ctx, "1.2", "quiet for 60 s"); err != nil || again.ID != rev.ID {
		t.Errorf("settled twice: %+v, %v", again, err)
	}
	if all, err := l.Receiving(ctx); err != nil || len(all) != 0 {
		t.Errorf("still receiving: %+v, %v", all, err)
	}
	if err := l.Begin(ctx, rev.ID); err != nil {
		t.Fatal(err)
	}
	when, err := l.SaveFindings(ctx, rev.ID, "d1", json.RawMessage(`{"positive":true}`))
	if err != nil {
		t.Fatal(err)
	}
	c.Add(time.Hour)
	if again, err := l.SaveFindings(ctx, rev.ID, "d1", json.RawMessage(`{"positive":true}`)); err != nil || !again.Equal(when) {
		t.Errorf("same findings again: %v, %v; want the first time %v", again, err, when)
	}
	if again, err := l.SaveFindings(ctx, rev.ID, "d1", json.RawMessage(`{"positive":false}`)); err != nil || again.Equal(when) {
		t.Errorf("other findings: %v, %v; want a new time", again, err)
	}
	for range 2 {
		if err := l.SaveInstanceReasons(ctx, rev.ID, []InstanceReason{{Path: b.Path, SOPInstanceUID: b.SOPInstanceUID, Code: "localizer", Text: "a localizer"}}); err != nil {
			t.Fatal(err)
		}
		if err := l.SaveSeriesReasons(ctx, rev.ID, []SeriesReason{{SeriesUID: "1.2.1", Chosen: true, Text: "the only one"}}); err != nil {
			t.Fatal(err)
		}
		objects := to([]string{"PACS", "ARCHIVE"}, Object{SOPInstanceUID: "2.25.1", Kind: "seg", Path: "objects/1.dcm", SHA256: "aa"},
			Object{SOPInstanceUID: "2.25.2", Kind: "sr", Path: "objects/2.dcm", SHA256: "bb"})
		if err := l.Complete(ctx, rev.ID, objects, Reason{}); err != nil {
			t.Fatal(err)
		}
	}
	pending, err := l.Pending(ctx, rev.ID, "PACS")
	if err != nil || len(pending) != 2 || pending[0].Object.SOPInstanceUID != "2.25.1" {
		t.Fatalf("pending %+v, %v; want both objects in order", pending, err)
	}
	for _, o := range []DeliveryOutcome{{State: DeliveryWaiting, Attempted: true, Status: "A700H", Detail: "full", NextAt: c.Now().Add(time.Minute)}, {State: DeliverySent, Attempted: true, Status: "0000H"}, {State: DeliveryFailed}} {
		if err := l.RecordDelivery(ctx, pending[0].ID, o); err != nil {
			t.Fatal(err)
		}
	}
	h := history(t, l, "1.2")
	d := h.Revisions[0].Deliveries
	if len(d) != 4 || d[1].State != DeliverySent || d[1].Attempts != 2 || d[1].SentAt.IsZero() || !d[1].NextAt.IsZero() {
		t.Errorf("deliveries %+v", d)
	}
	if h.State != StateReported || len(h.Instances[1].Reasons) != 1 || h.Instances[0].ReceivedAgain != 1 || len(h.Revisions[0].Series) != 1 || len(h.Revisions[0].Objects) != 2 {
		t.Errorf("history %+v", h)
	}
	wantKinds := "receiving, settled, processing, findings, findings, reported, reported, object not sent yet, object sent"
	if got := eventKinds(h); got != wantKinds {
		t.Errorf("events: %s\nwant:   %s", got, wantKinds)
	}
	if _, err := json.Marshal(h); err != nil {
		t.Error(err)
	}
	all2, err := l.Studies(ctx, Filter{State: StateReported, StudyUID: "1."})
	if err != nil || len(all2) != 1 || all2[0].Deliveries[DeliveryWaiting] != 3 || all2[0].Deliveries[DeliverySent] != 1 {
		t.Errorf("studies %+v, %v", all2, err)
	}
	if err := l.Begin(ctx, rev.ID); err == nil {
		t.Error("began a reported revision")
	}
}

func TestLateInstances_SupersedeTheReport(t *testing.T) {
	l := tempLedger(t, Options{})
	ctx := t.Context()
	record(t, l, slice("1.2", 1))
	first, err := l.Settle(ctx, "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	record(t, l, slice("1.2", 2)) // while the first is processed
	if err := l.Complete(ctx, first.ID, nil, Reason{}); err != nil {
		t.Fatal(err)
	}
	if h := history(t, l, "1.2"); h.State != StateReceiving {
		t.Errorf("state %q after the report, want receiving: late instances wait", h.State)
	}
	second, err := l.Settle(ctx, "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	if prev := history(t, l, "1.2").Revisions[0]; prev.ID != first.ID || prev.SupersededBy != 2 {
		t.Errorf("previous %+v; want revision 1, superseded by 2", prev)
	}
	if _, instances, err := l.Revision(ctx, second.ID); err != nil || len(instances) != 2 {
		t.Errorf("revision 2 has %d instances, %v; want both", len(instances), err)
	}
	if _, instances, err := l.Revision(ctx, first.ID); err != nil || len(instances) != 1 {
		t.Errorf("revision 1 has %d instances, %v; want the first alone", len(instances), err)
	}
	record(t, l, slice("1.2", 3)) // before the second has begun
	third, err := l.Settle(ctx, "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	h := history(t, l, "1.2")
	if r := h.Revisions[1]; r.State != StateNotProcessed || r.Reason.Code != ReasonSuperseded {
		t.Errorf("revision 2 is %s (%s), want not processed, superseded", r.State, r.Reason.Code)
	}
	if third.Number != 3 || h.State != StateSettled {
		t.Errorf("revision %d, study %s", third.Number, h.State)
	}
}

func TestOtherBytesUnderOneUID_AreKeptAndFlagged(t *testing.T) {
	l := tempLedger(t, Options{})
	var all []Instance
	for n := range 5 {
		i := slice("1.2", n)
		i.SOPInstanceUID = "7afb0d48"
		i.Flag = "uid: not a UID"
		all = append(all, i)
	}
	record(t, l, all...)
	record(t, l, all...)
	h := history(t, l, "1.2")
	if len(h.Instances) != 5 {
		t.Fatalf("%d instances, want 5", len(h.Instances))
	}
	for _, i := range h.Instances {
		if i.Flag != "uid: not a UID; "+FlagOtherBytes {
			t.Errorf("%s: flag %q", i.Path, i.Flag)
		}
	}
	if c, err := l.Counts(t.Context()); err != nil || c.Flagged != 5 {
		t.Errorf("counts %+v, %v", c, err)
	}
}

func TestHostileText_IsOnlyText(t *testing.T) {
	l := tempLedger(t, Options{})
	study := `../../../../evil/study'; DROP TABLE instance; -- %s`
	record(t, l, slice(study, 1))
	if _, err := l.Settle(t.Context(), study, `"why'`); err != nil {
		t.Fatal(err)
	}
	if h := history(t, l, study); h.StudyUID != study || len(h.Instances) != 1 {
		t.Errorf("history %+v", h)
	}
	if all, err := l.Studies(t.Context(), Filter{StudyUID: "../../%"}); err != nil || len(all) != 0 {
		t.Errorf("wildcard in a filter matched: %+v, %v", all, err)
	}
}

func TestErrors_NameWhatIsMissing(t *testing.T) {
	l := tempLedger(t, Options{})
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"settle":   func() error { _, err := l.Settle(ctx, "9.9", ""); return err },
		"history":  func() error { _, err := l.History(ctx, "9.9"); return err },
		"revision": func() error { _, _, err := l.Revision(ctx, 99); return err },
		"begin":    func() error { return l.Begin(ctx, 99) },
		"findings": func() error { _, err := l.SaveFindings(ctx, 99, "", json.RawMessage(`{}`)); return err },
		"report":   func() error { return l.Complete(ctx, 99, nil, Reason{}) },
		"delivery": func() error { return l.RecordDelivery(ctx, 99, DeliveryOutcome{State: DeliverySent}) },
		"requeue":  func() error { return l.Requeue(ctx, "9.9") },
		"reasons":  func() error { return l.SaveInstanceReasons(ctx, 99, nil) },
	} {
		if err := call(); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "99") && !strings.Contains(err.Error(), "9.9") {
			t.Errorf("%s: %v; want ErrNotFound with the name", name, err)
		}
	}
	if err := l.NotProcessed(ctx, 1, Reason{}, nil); err == nil {
		t.Error("not processed without a reason")
	}
	if err := l.RecordDelivery(ctx, 1, DeliveryOutcome{State: "lost"}); err == nil {
		t.Error("unknown delivery state accepted")
	}
}

// Whatever comes in whatever order: no instance is lost or twice, each belongs to a
// revision or the study is receiving, and only the newest revision is not superseded.
func TestStudy_Properties(t *testing.T) {
	l := tempLedger(t, Options{})
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		ctx := t.Context()
		study := fmt.Sprintf("1.%d", run)
		seen := map[string]bool{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch step := rapid.SampledFrom([]string{"record", "record", "settle", "begin", "report", "refuse", "requeue"}).Draw(rt, "step"); step {
			case "record":
				i := slice(study, rapid.IntRange(0, 5).Draw(rt, "slice"))
				seen[i.Path] = true
				if err := l.Record(ctx, i); err != nil {
					rt.Fatal(err)
				}
			case "settle":
				if _, err := l.Settle(ctx, study, "test"); err != nil && !(errors.Is(err, ErrNotFound) && len(seen) == 0) {
					rt.Fatal(err)
				}
			default:
				if err := l.Flush(ctx); err != nil {
					rt.Fatal(err)
				}
				h, err := l.History(ctx, study)
				if err != nil || len(h.Revisions) == 0 {
					continue
				}
				rev := h.Revisions[rapid.IntRange(0, len(h.Revisions)-1).Draw(rt, "revision")]
				switch step {
				case "begin":
					err = l.Begin(ctx, rev.ID)
					if (err == nil) != (rev.State == StateSettled || rev.State == StateProcessing) {
						rt.Fatalf("begin of a %s revision: %v", rev.State, err)
					}
				case "report":
					err = l.Complete(ctx, rev.ID, nil, Reason{})
				case "refuse":
					err = l.NotProcessed(ctx, rev.ID, Reason{Code: "x", Text: "x"}, nil)
				case "requeue":
					err = l.Requeue(ctx, study)
				}
				if err != nil && step != "begin" {
					rt.Fatal(err)
				}
			}
			if len(seen) == 0 {
				continue
			}
			checkStudy(rt, l, study, len(seen))
		}
	})
}

func checkStudy(rt *rapid.T, l *Ledger, study string, want int) {
	if err := l.Flush(rt.Context()); err != nil {
		rt.Fatal(err)
	}
	h, err := l.History(rt.Context(), study)
	if err != nil {
		rt.Fatal(err)
	}
	if len(h.Instances) != want {
		rt.Fatalf("%d instances, want %d", len(h.Instances), want)
	}
	unsettled := 0
	for _, i := range h.Instances {
		if i.Revision == 0 {
			unsettled++
		}
		if i.Revision > len(h.Revisions) {
			rt.Fatalf("instance of revision %d of %d", i.Revision, len(h.Revisions))
		}
	}
	if (unsettled > 0) != (h.State == StateReceiving) {
		rt.Fatalf("study is %s with %d unsettled instances", h.State, unsettled)
	}
	for n, r := range h.Revisions {
		newest := n == len(h.Revisions)-1
		if (r.SupersededBy == 0) != newest {
			rt.Fatalf("revision %d of %d is superseded by %d", r.Number, len(h.Revisions), r.SupersededBy)
		}
		if newest && unsettled == 0 && r.State != h.State {
			rt.Fatalf("study is %s, its newest revision %s", h.State, r.State)
		}
		if (r.State == StateReported || r.State == StateNotProcessed) == r.FinishedAt.IsZero() {
			rt.Fatalf("revision %d is %s, finished at %v", r.Number, r.State, r.FinishedAt)
		}
	}
}

// The newest failure of processing counts, of no other job and revision, until somebody requeues the study.
func TestHistory_Failure(t *testing.T) {
	failed := func(text string, revision float64) Event {
		return Event{Kind: EventJobFailed, Text: text, Attributes: map[string]any{"revision": revision}}
	}
	first, room := failed("process, attempt 1 of 4: no network", 2), failed("process waits for room on the disk: no space left on device", 2)
	deliver, other := failed("deliver, attempt 1 of 4: no", 2), failed("process, attempt 4 of 4: no", 1)
	for name, test := range map[string]struct {
		events []Event
		want   string
	}{
		"none":            {[]Event{{Kind: EventProcessing}}, ""},
		"one":             {[]Event{first, {Kind: EventProcessing}}, "attempt 1 of 4: no network"},
		"newest":          {[]Event{first, room}, "waits for room on the disk: no space left on device"},
		"of processing":   {[]Event{first, deliver}, "attempt 1 of 4: no network"},
		"of the revision": {[]Event{other, deliver}, ""},
		"requeued":        {[]Event{first, {Kind: EventRequeued}}, ""},
	} {
		got := ""
		if f := failure(test.events, 2); f != nil {
			got = f.Text
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// An instance that came again changes nothing, unless a corrected copy has replaced it: then it is the one that came last.
func TestRecord_ReplacedInstanceComesAgain(t *testing.T) {
	for code, want := range map[string]string{"": StateReported, "repeated-slice": StateReported, ReasonCorrected: StateReceiving, ReasonPartCorrected: StateReceiving} {
		l := tempLedger(t, Options{})
		rev := begun(t, l, 1)
		replaced := slice("1.2", 1)
		if code != "" {
			must(t, l.SaveInstanceReasons(t.Context(), rev.ID, []InstanceReason{{Path: replaced.Path, Code: code, Text: "x"}}))
		}
		must(t, l.Complete(t.Context(), rev.ID, nil, Reason{}))
		record(t, l, replaced)
		h := history(t, l, "1.2")
		if h.State != want || len(h.Instances) != 1 || h.Instances[0].ReceivedAgain != 1 {
			t.Errorf("replaced by %q: %s, %+v, want %s", code, h.State, h.Instances, want)
		}
		if want == StateReceiving {
			second, err := l.Settle(t.Context(), "1.2", "quiet")
			must(t, err)
			if _, instances, err := l.Revision(t.Context(), second.ID); err != nil || second.Number != 2 || len(instances) != 1 {
				t.Errorf("revision %d of %d instances, %v", second.Number, len(instances), err)
			}
		}
	}
}
