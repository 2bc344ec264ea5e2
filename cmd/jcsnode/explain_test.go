package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"jcsnode/findings"

	"github.com/google/go-cmp/cmp"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
)

var times = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d`)

// explained is what explain says of the study, with TIME for every time.
func explained(t *testing.T, l *ledger.Ledger, study string, now time.Time) string {
	t.Helper()
	h, err := l.History(t.Context(), study)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	e := explanation{w: &text, settle: config.Default().Settle, quietOf: node.QuietOf([]config.Peer{{AETitle: "SLOW", Quiet: config.Duration(time.Hour)}}),
		destinations: []string{"pacs", "research"}, now: now}
	e.study(h)
	return times.ReplaceAllString(text.String(), "TIME")
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExplain_Receiving(t *testing.T) {
	l := ledgerStudy(t, t.TempDir(), "1.2.3")
	late(t, l, "1.2.3", 2)
	wantText(t, explained(t, l, "1.2.3", time.Now()), `
Study 1.2.3 is receiving.

What arrived
  2 instances of 1 series came from SCANNER 10.0.0.1 between TIME and TIME, over 1 association.

What happens next
  2 instances wait until the study is complete: at TIME, if nothing more comes and no association that stored into it is open, and at TIME in any case.
`)
}

// A peer with a quiet time of its own keeps the study open for longer.
func TestExplain_QuietTimeOfThePeer(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	for caller, want := range map[string]string{"SCANNER": "at 2026-03-01 12:01:00 " + at.Format("-07:00") + ", if", "SLOW": "at 2026-03-01 13:00:00 " + at.Format("-07:00") + ", if"} {
		e := explanation{settle: config.Default().Settle, quietOf: node.QuietOf([]config.Peer{{AETitle: "SLOW", Quiet: config.Duration(time.Hour)}}), now: at}
		h := &ledger.History{State: ledger.StateReceiving, Instances: []ledger.Instance{{CallingAE: "SCANNER", ReceivedAt: at}, {CallingAE: caller, ReceivedAt: at}}}
		if got := strings.Join(e.next(h), " "); !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", caller, got, want)
		}
	}
}

func TestExplain_EveryAnswerOfADestination(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	rev := settled(t, l, study)
	text, err := json.Marshal(findings.Findings{State: findings.StateReported,
		Decision: &findings.Decision{Positive: true, Text: "positive: 31 of 40 slices are positive, more than 25"},
		Lesions:  &findings.Lesions{Count: 3, VolumeML: 41.03}, Lungs: &findings.Lungs{LesionShare: 0.0067},
		Models: []findings.Model{{Name: "classifier", Status: "untrained"}}})
	if err != nil {
		t.Fatal(err)
	}
	reading := ledger.Reading{
		Findings: text,
		Series: []ledger.SeriesReason{
			{SeriesUID: "1.2.3.1", Chosen: true, Text: "axial, thinnest slices"},
			{SeriesUID: "1.2.3.2", Text: "a localizer"},
		},
		Instances: []ledger.InstanceReason{
			{Path: "inbox/9", Code: "other-size", Text: "256 x 256 pixels"},
			{Path: "inbox/8", Code: "other-size", Text: "256 x 256 pixels"},
		},
	}
	if _, err := l.SaveFindings(t.Context(), rev.ID, reading); err != nil {
		t.Fatal(err)
	}
	objects := outgoing("pacs", ledger.Object{Kind: "summary", SOPInstanceUID: "2.25.1"}, ledger.Object{Kind: "seg", SOPInstanceUID: "2.25.2"},
		ledger.Object{Kind: "outline", SOPInstanceUID: "2.25.3"}, ledger.Object{Kind: "outline", SOPInstanceUID: "2.25.4"})
	if err := l.Complete(t.Context(), rev.ID, objects, ledger.Reason{Text: "positive"}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	if err != nil || len(waiting) != 4 {
		t.Fatalf("%d deliveries, %v", len(waiting), err)
	}
	for i, o := range []ledger.DeliveryOutcome{
		{State: ledger.DeliverySent, Attempted: true, Status: "0000H", Detail: "stored"},
		{State: ledger.DeliveryFailed, Attempted: true, Status: "A900H", Detail: "peer does not want this object"},
		{State: ledger.DeliveryWaiting, Attempted: true, Status: "A700H", Detail: "peer cannot store now", Trouble: "slow", NextAt: now.Add(90 * time.Second)},
	} {
		if err := l.RecordDelivery(t.Context(), waiting[i].ID, o); err != nil {
			t.Fatal(err)
		}
	}
	want := `
Study 1.2.3 is reported.

What arrived
  1 instance of 1 series came from SCANNER 10.0.0.1 between TIME and TIME, over 1 association.

Revision 1
  Taken as complete at TIME: quiet for 60 s.
  Series 1.2.3.1 was read: axial, thinnest slices.
  Series 1.2.3.2 was not read: a localizer.
  2 instances left out: 256 x 256 pixels.
  The study is positive: 31 of 40 slices are positive, more than 25.
  3 lesions of 41.0 mL were segmented, 0.7 % of the lungs.
  The weights of the networks are untrained.
  4 objects made by TIME: 1 summary, 1 segmentation, 2 outline.

Delivery of revision 1
  pacs is to have 1 summary, 1 segmentation, 2 outline.
  research is to have nothing of it: its profile asks for none of these objects, or it was configured later.
  pacs took 1 object by TIME: 0000H stored.
  pacs did not take 1 object, for good, after 1 attempt: A900H peer does not want this object.
  pacs has not taken 1 object so far, after 1 attempt: A700H peer cannot store now.
  pacs has not been asked yet about 1 object.

What happens next
`
	wantText(t, explained(t, l, study, now), want+`  pacs is asked as soon as an association is free, and at the next start if the node is down.
  1 delivery failed for good: once the cause is gone, `+"`jcsnode requeue 1.2.3`"+` has them tried again.
`)
	// The one that was never asked is sent: what is left waits for its time.
	if err := l.RecordDelivery(t.Context(), waiting[3].ID, ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true, Status: "0000H", Detail: "stored"}); err != nil {
		t.Fatal(err)
	}
	if got, want := explained(t, l, study, now), "pacs is asked again at TIME, in 1m30s."; !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %q", got, want)
	}
}

// What a new result replaced before it was sent, and what failed for good of it, are nobody's concern any more.
func TestExplain_ReplacedBeforeItWasSent(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	for n := 1; n <= 2; n++ {
		rev := settled(t, l, study)
		objects := outgoing("pacs", ledger.Object{Kind: "summary", SOPInstanceUID: fmt.Sprintf("2.25.%d1", n)}, ledger.Object{Kind: "seg", SOPInstanceUID: fmt.Sprintf("2.25.%d2", n)})
		if err := l.Complete(t.Context(), rev.ID, objects, ledger.Reason{}); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
			if err != nil {
				t.Fatal(err)
			}
			if err := l.RecordDelivery(t.Context(), waiting[0].ID, ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Status: "A900H"}); err != nil {
				t.Fatal(err)
			}
		}
		late(t, l, study, n+1)
	}
	got := explained(t, l, study, time.Now())
	for _, want := range []string{"pacs did not take 1 object, for good", "pacs does not get 1 object: replaced by revision 2 before it was sent."} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "has them tried again") {
		t.Errorf("offers to send what is out of date:\n%s", got)
	}
}

func TestExplain_NotProcessedAndSuperseded(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	rev := settled(t, l, study)
	why := ledger.Reason{Code: "no-axial-series", Text: "no axial series", Remedy: "send the axial reconstruction"}
	if err := l.NotProcessed(t.Context(), rev.ID, why, nil); err != nil {
		t.Fatal(err)
	}
	late(t, l, study, 2)
	settled(t, l, study)
	wantText(t, explained(t, l, study, time.Now()), `
Study 1.2.3 is processing.

What arrived
  2 instances of 1 series came from SCANNER 10.0.0.1 between TIME and TIME, over 1 association.

Revision 1
  Taken as complete at TIME: quiet for 60 s.
  It was not processed (no-axial-series): no axial series.
  What to do: send the axial reconstruction.
  No object was made.
  Revision 2 followed.

Revision 2
  Taken as complete at TIME: quiet for 60 s.
  It is being processed since TIME.

What happens next
  The node finishes revision 2; if it is down, it begins again at the next start.
`)
}

// Processing that fails is tried again: meanwhile explain says what failed and when it goes on.
func TestExplain_ProcessingFails(t *testing.T) {
	const study = "1.2.3"
	l := ledgerStudy(t, t.TempDir(), study)
	rev, err := l.Settle(t.Context(), study, "quiet for 60 s")
	if err != nil {
		t.Fatal(err)
	}
	calls, proceed := make(chan int), make(chan struct{})
	t.Cleanup(func() { l.StopJobs(context.WithoutCancel(t.Context())) })
	n := 0
	if err := l.StartJobs(t.Context(), ledger.Handlers{Deliver: func(context.Context, int64, string) error { return nil },
		Process: func(ctx context.Context, id int64) error {
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			if n++; n == 1 {
				return errors.New("the network cannot be run")
			}
			calls <- n
			select {
			case <-proceed:
				return l.NotProcessed(ctx, id, ledger.Reason{Code: "no-axial-series", Text: "no axial series"}, nil)
			case <-ctx.Done():
				return ctx.Err()
			}
		}}, 1); err != nil {
		t.Fatal(err)
	}
	var h *ledger.History
	until := func(what string, holds func() bool) {
		t.Helper()
		eventually(t, time.Minute, what, func() bool {
			if h, err = l.History(t.Context(), study); err != nil {
				t.Fatal(err)
			}
			return holds()
		})
	}
	until("the next attempt", func() bool { return !h.Revisions[0].RetryAt.IsZero() })
	got := explained(t, l, study, h.Revisions[0].RetryAt.Add(-9*time.Second))
	for _, want := range []string{"60 s.\n  Processing failed at TIME: attempt 1 of 4: the network cannot be run.\n",
		"\n  Revision 1 is processed again at TIME, in 9s; `jcsnode requeue 1.2.3` has it done at once.\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}

	again := h.Revisions[0]
	again.RetryAt = time.Time{} // the next attempt runs
	text := times.ReplaceAllString(strings.Join(unfinished(&again), " "), "TIME")
	if want := "Processing failed at TIME: attempt 1 of 4: the network cannot be run. It is being processed since TIME."; text != want {
		t.Errorf("%q, want %q", text, want)
	}

	if err := l.Requeue(t.Context(), study); err != nil { // does not wait for the time
		t.Fatal(err)
	}
	<-calls
	got = explained(t, l, study, time.Now())
	if strings.Contains(got, "failed") || !strings.Contains(got, "It is being processed since TIME.") {
		t.Errorf("tells of a failure before it was requeued, or not that it is processed:\n%s", got)
	}
	close(proceed)
	until("the outcome of revision "+fmt.Sprint(rev.Number), func() bool { return h.State == ledger.StateNotProcessed })
}

func TestExplain_Commitment(t *testing.T) {
	now := time.Now()
	delivery := func(destination, commitment, detail string) ledger.Delivery {
		return ledger.Delivery{Object: ledger.Object{Kind: "outline"}, Destination: destination, State: ledger.DeliverySent, Status: "0000H", Detail: "stored", SentAt: now,
			Commitment: commitment, CommitmentDetail: detail, CommitmentAt: now}
	}
	again := ledger.Delivery{Object: ledger.Object{Kind: "outline"}, Destination: "pacs", State: ledger.DeliveryWaiting, Attempts: 1, Detail: "taken, but not kept: 0112H (no such SOP instance)", Resent: 1}
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateReported, Revisions: []ledger.RevisionHistory{{
		Revision: ledger.Revision{Number: 1, State: ledger.StateReported},
		Deliveries: []ledger.Delivery{delivery("pacs", ledger.ObjectCommitted, "PACS at 10.0.0.7:4000"), delivery("pacs", ledger.ObjectCommitted, "PACS at 10.0.0.7:4000"),
			delivery("pacs", ledger.ObjectNotCommitted, "0112H (no such SOP instance)"), again,
			delivery("slow", ledger.ObjectAsked, ""), delivery("new", ledger.ObjectAsked, ""), delivery("deaf", ledger.ObjectAsked, "")},
		Confirmations: []ledger.CommitmentSCU{{Destination: "pacs", State: ledger.SCUAnswered},
			{Destination: "slow", State: ledger.SCUWaiting, Asked: 2, AskedAt: now, NextAt: now.Add(time.Hour)},
			{Destination: "new", State: ledger.SCUWaiting},
			{Destination: "deaf", State: ledger.SCUWaiting, Attempts: 3, Detail: "connection refused", NextAt: now.Add(time.Minute)}}}}}
	var text strings.Builder
	e := explanation{w: &text, settle: config.Default().Settle, quietOf: node.QuietOf(nil), now: now}
	e.study(h)
	_, got, _ := strings.Cut(times.ReplaceAllString(text.String(), "TIME"), "\nDelivery of revision 1\n")
	wantText(t, got, `
  deaf is to have 1 outline.
  new is to have 1 outline.
  pacs is to have 4 outline.
  slow is to have 1 outline.
  deaf took 1 object by TIME: 0000H stored.
  new took 1 object by TIME: 0000H stored.
  pacs took 3 objects by TIME: 0000H stored.
  pacs has not taken 1 object so far, after 1 attempt: taken, but not kept: 0112H (no such SOP instance).
  slow took 1 object by TIME: 0000H stored.
  pacs has confirmed by TIME that it keeps 2 objects.
  pacs does not confirm that it keeps 1 object: 0112H (no such SOP instance).
  slow was asked to confirm that it keeps 1 object, 2 times, last at TIME, and has not answered.
  new has not been asked yet to confirm that it keeps 1 object.
  deaf could not be asked to confirm that it keeps 1 object, after 3 attempts: connection refused.

What happens next
  slow is asked again to confirm what it keeps at TIME, in 1h0m0s.
  deaf is asked again to confirm what it keeps at TIME, in 1m0s.
  pacs is asked as soon as an association is free, and at the next start if the node is down.
  1 object not confirmed for good: once the cause is gone, `+"`jcsnode requeue 1.2`"+` has them sent again.
`)
}
