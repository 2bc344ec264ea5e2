package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jcsnode/ledger"
)

func (s suite) TestStudy_FromFirstInstanceToReport(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	ctx := t.Context()
	a, b := Slice("1.2", 1), Slice("1.2", 2)
	b.CallingAE = "CT,2"
	Record(t, l, a)
	c.Add(5 * time.Second)
	Record(t, l, b, a)

	all, err := l.Receiving(ctx)
	if err != nil {
		t.Fatal(err)
	}
	start := newClock().Now()
	want := []ledger.Activity{{
		StudyUID:   "1.2",
		FirstAt:    start,
		LastAt:     start.Add(5 * time.Second),
		Instances:  2,
		Total:      2,
		CallingAEs: []string{"CT,2", "CT1"},
		State:      ledger.StateReceiving,
	}}
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
	reading := func(findings string) ledger.Reading {
		return ledger.Reading{
			InputDigest: "d1",
			Findings:    json.RawMessage(findings),
			Instances:   []ledger.InstanceReason{{Path: b.Path, SOPInstanceUID: b.SOPInstanceUID, Code: "localizer", Text: "a localizer"}},
			Series:      []ledger.SeriesReason{{SeriesUID: "1.2.1", Chosen: true, Text: "the only one"}},
		}
	}
	when, err := l.SaveFindings(ctx, rev.ID, reading(`{"positive":true}`))
	if err != nil {
		t.Fatal(err)
	}
	c.Add(time.Hour)
	if again, err := l.SaveFindings(ctx, rev.ID, reading(`{"positive":true}`)); err != nil || !again.Equal(when) {
		t.Errorf("same findings again: %v, %v; want the first time %v", again, err, when)
	}
	if again, err := l.SaveFindings(ctx, rev.ID, reading(`{"positive":false}`)); err != nil || again.Equal(when) {
		t.Errorf("other findings: %v, %v; want a new time", again, err)
	}
	for range 2 {
		objects := to([]string{"PACS", "ARCHIVE"},
			ledger.Object{SOPInstanceUID: "2.25.1", Kind: "seg", Path: "objects/1.dcm", SHA256: "aa"},
			ledger.Object{SOPInstanceUID: "2.25.2", Kind: "sr", Path: "objects/2.dcm", SHA256: "bb"})
		if err := l.Complete(ctx, rev.ID, objects, ledger.Reason{}); err != nil {
			t.Fatal(err)
		}
	}
	pending, err := l.Pending(ctx, rev.ID, "PACS")
	if err != nil || len(pending) != 2 || pending[0].Object.SOPInstanceUID != "2.25.1" {
		t.Fatalf("pending %+v, %v; want both objects in order", pending, err)
	}
	for _, o := range []ledger.DeliveryOutcome{
		{State: ledger.DeliveryWaiting, Attempted: true, Status: "A700H", Detail: "full", NextAt: c.Now().Add(time.Minute)},
		{State: ledger.DeliverySent, Attempted: true, Status: "0000H"},
		{State: ledger.DeliveryFailed},
	} {
		if err := l.RecordDelivery(ctx, pending[0].ID, o); err != nil {
			t.Fatal(err)
		}
	}
	h := History(t, l, "1.2")
	d := h.Revisions[0].Deliveries
	if len(d) != 4 || d[1].State != ledger.DeliverySent || d[1].Attempts != 2 || d[1].SentAt.IsZero() || !d[1].NextAt.IsZero() {
		t.Errorf("deliveries %+v", d)
	}
	if h.State != ledger.StateReported || len(h.Instances[1].Reasons) != 1 || h.Instances[0].ReceivedAgain != 1 ||
		len(h.Revisions[0].Series) != 1 || len(h.Revisions[0].Objects) != 2 {
		t.Errorf("history %+v", h)
	}
	wantKinds := "receiving, settled, processing, findings, findings, reported, reported, object not sent yet, object sent"
	if got := eventKinds(h); got != wantKinds {
		t.Errorf("events: %s\nwant:   %s", got, wantKinds)
	}
	if _, err := json.Marshal(h); err != nil {
		t.Error(err)
	}
	all2, err := l.Studies(ctx, ledger.Filter{State: ledger.StateReported, StudyUID: "1."})
	if err != nil || len(all2) != 1 || all2[0].Deliveries[ledger.DeliveryWaiting] != 3 || all2[0].Deliveries[ledger.DeliverySent] != 1 {
		t.Errorf("studies %+v, %v", all2, err)
	}
	if err := l.Begin(ctx, rev.ID); err == nil {
		t.Error("began a reported revision")
	}
}

func (s suite) TestLateInstances_SupersedeTheReport(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	ctx := t.Context()
	Record(t, l, Slice("1.2", 1))
	first, err := l.Settle(ctx, "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	Record(t, l, Slice("1.2", 2)) // while the first is processed
	if err := l.Complete(ctx, first.ID, nil, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	if h := History(t, l, "1.2"); h.State != ledger.StateReceiving {
		t.Errorf("state %q after the report, want receiving: late instances wait", h.State)
	}
	second, err := l.Settle(ctx, "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	if prev := History(t, l, "1.2").Revisions[0]; prev.ID != first.ID || prev.SupersededBy != 2 {
		t.Errorf("previous %+v; want revision 1, superseded by 2", prev)
	}
	if _, instances, err := l.Revision(ctx, second.ID); err != nil || len(instances) != 2 {
		t.Errorf("revision 2 has %d instances, %v; want both", len(instances), err)
	}
	if _, instances, err := l.Revision(ctx, first.ID); err != nil || len(instances) != 1 {
		t.Errorf("revision 1 has %d instances, %v; want the first alone", len(instances), err)
	}
	Record(t, l, Slice("1.2", 3)) // before the second has begun
	third, err := l.Settle(ctx, "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	h := History(t, l, "1.2")
	if r := h.Revisions[1]; r.State != ledger.StateNotProcessed || r.Reason.Code != ledger.ReasonSuperseded {
		t.Errorf("revision 2 is %s (%s), want not processed, superseded", r.State, r.Reason.Code)
	}
	if third.Number != 3 || h.State != ledger.StateSettled {
		t.Errorf("revision %d, study %s", third.Number, h.State)
	}
}

func (s suite) TestOtherBytesUnderOneUID_AreKeptAndFlagged(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	var all []ledger.Instance
	for n := range 5 {
		i := Slice("1.2", n)
		i.SOPInstanceUID = "7afb0d48"
		i.Flag = "uid: not a UID"
		all = append(all, i)
	}
	Record(t, l, all...)
	Record(t, l, all...)
	h := History(t, l, "1.2")
	if len(h.Instances) != 5 {
		t.Fatalf("%d instances, want 5", len(h.Instances))
	}
	for _, i := range h.Instances {
		if i.Flag != "uid: not a UID; "+ledger.FlagOtherBytes {
			t.Errorf("%s: flag %q", i.Path, i.Flag)
		}
	}
	if c, err := l.Counts(t.Context()); err != nil || c.Flagged != 5 {
		t.Errorf("counts %+v, %v", c, err)
	}
}

func (s suite) TestHostileText_IsOnlyText(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	study := `../../../../evil/study'; DROP TABLE instance; -- %s`
	Record(t, l, Slice(study, 1))
	if _, err := l.Settle(t.Context(), study, `"why'`); err != nil {
		t.Fatal(err)
	}
	if h := History(t, l, study); h.StudyUID != study || len(h.Instances) != 1 {
		t.Errorf("history %+v", h)
	}
	if all, err := l.Studies(t.Context(), ledger.Filter{StudyUID: "../../%"}); err != nil || len(all) != 0 {
		t.Errorf("wildcard in a filter matched: %+v, %v", all, err)
	}
}

func (s suite) TestErrors_NameWhatIsMissing(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"settle":   func() error { _, err := l.Settle(ctx, "9.9", ""); return err },
		"history":  func() error { _, err := l.History(ctx, "9.9"); return err },
		"revision": func() error { _, _, err := l.Revision(ctx, 99); return err },
		"begin":    func() error { return l.Begin(ctx, 99) },
		"findings": func() error {
			_, err := l.SaveFindings(ctx, 99, ledger.Reading{InputDigest: "", Findings: json.RawMessage(`{}`)})
			return err
		},
		"report":   func() error { return l.Complete(ctx, 99, nil, ledger.Reason{}) },
		"delivery": func() error { return l.RecordDelivery(ctx, 99, ledger.DeliveryOutcome{State: ledger.DeliverySent}) },
		"requeue":  func() error { return l.Requeue(ctx, "9.9") },
		"earlier":  func() error { _, err := l.Earlier(ctx, 99); return err },
	} {
		err := call()
		if !errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), "99") && !strings.Contains(err.Error(), "9.9") {
			t.Errorf("%s: %v; want ErrNotFound with the name", name, err)
		}
	}
	if err := l.NotProcessed(ctx, 1, ledger.Reason{}, nil); err == nil {
		t.Error("not processed without a reason")
	}
	if err := l.RecordDelivery(ctx, 1, ledger.DeliveryOutcome{State: "lost"}); err == nil {
		t.Error("unknown delivery state accepted")
	}
}

// Whatever comes in whatever order: no instance is lost or twice, each belongs to a
// revision or the study is receiving, and only the newest revision is not superseded.
func (s suite) TestStudy_Properties(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	run := 0
	steps := rapid.SampledFrom([]string{"record", "record", "settle", "begin", "report", "refuse", "requeue"})
	rapid.Check(t, func(rt *rapid.T) {
		run++
		ctx := t.Context()
		study := fmt.Sprintf("1.%d", run)
		seen := map[string]bool{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch step := steps.Draw(rt, "step"); step {
			case "record":
				i := Slice(study, rapid.IntRange(0, 5).Draw(rt, "slice"))
				seen[i.Path] = true
				if err := l.Record(ctx, i); err != nil {
					rt.Fatal(err)
				}
			case "settle":
				if _, err := l.Settle(ctx, study, "test"); err != nil && !(errors.Is(err, ledger.ErrNotFound) && len(seen) == 0) {
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
					if (err == nil) != (rev.State == ledger.StateSettled || rev.State == ledger.StateProcessing) {
						rt.Fatalf("begin of a %s revision: %v", rev.State, err)
					}
				case "report":
					err = l.Complete(ctx, rev.ID, nil, ledger.Reason{})
				case "refuse":
					err = l.NotProcessed(ctx, rev.ID, ledger.Reason{Code: "x", Text: "x"}, nil)
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

func checkStudy(rt *rapid.T, l *ledger.Ledger, study string, want int) {
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
	if (unsettled > 0) != (h.State == ledger.StateReceiving) {
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
		if (r.State == ledger.StateReported || r.State == ledger.StateNotProcessed) == r.FinishedAt.IsZero() {
			rt.Fatalf("revision %d is %s, finished at %v", r.Number, r.State, r.FinishedAt)
		}
	}
}

// Who looks meanwhile finds what is recorded together whole or not at all, more than the writer writes at a time though it be.
func (s suite) TestRecordTogether(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	const slices = 1200
	var all []ledger.Instance
	for n := range slices {
		all = append(all, Slice("1.2", n))
	}
	Must(t, l.RecordTogether(t.Context(), all))
	WaitFor(t, "the study", func() bool {
		found, err := l.Receiving(t.Context())
		Must(t, err)
		if len(found) > 0 && found[0].Total != slices {
			t.Fatalf("%d instances, want %d", found[0].Total, slices)
		}
		return len(found) > 0
	})
	if err := l.RecordTogether(t.Context(), []ledger.Instance{Slice("1.2", 1), Slice("1.3", 1)}); err == nil {
		t.Error("two studies are recorded together")
	}
}
