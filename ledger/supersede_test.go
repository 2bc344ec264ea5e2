package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// begun is the revision that comes of one more instance of study 1.2.
func begun(t *testing.T, l *Ledger, n int) Revision {
	t.Helper()
	record(t, l, slice("1.2", n))
	rev, err := l.Settle(t.Context(), "1.2", "quiet")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	return rev
}

// twoObjects are on their way to PACS.
func twoObjects(rev Revision) []Outgoing {
	return to([]string{"PACS"}, Object{SOPInstanceUID: fmt.Sprintf("2.25.%d1", rev.Number)}, Object{SOPInstanceUID: fmt.Sprintf("2.25.%d2", rev.Number)})
}

// deliveries are the states of all deliveries of the study, in order.
func deliveries(t *testing.T, l *Ledger) string {
	t.Helper()
	var all []string
	for _, r := range history(t, l, "1.2").Revisions {
		for _, d := range r.Deliveries {
			all = append(all, fmt.Sprintf("%d %s", r.Number, d.State))
		}
	}
	return strings.Join(all, ", ")
}

// recordFirst records the outcome of the first delivery of the revision that waits.
func recordFirst(t *testing.T, l *Ledger, rev Revision, state string) Delivery {
	t.Helper()
	waiting, err := l.Pending(t.Context(), rev.ID, "PACS")
	if err != nil || len(waiting) == 0 {
		t.Fatalf("%d wait, %v", len(waiting), err)
	}
	if err := l.RecordDelivery(t.Context(), waiting[0].ID, DeliveryOutcome{State: state, Attempted: true}); err != nil {
		t.Fatal(err)
	}
	return waiting[0]
}

func TestReport_WithdrawsWhatItReplaces(t *testing.T) {
	l := tempLedger(t, Options{})
	first := begun(t, l, 1)
	must(t, l.Complete(t.Context(), first.ID, twoObjects(first), Reason{}))
	recordFirst(t, l, first, DeliverySent)
	inFlight, err := l.Pending(t.Context(), first.ID, "PACS")
	must(t, err)

	second := begun(t, l, 2)
	must(t, l.NotProcessed(t.Context(), second.ID, Reason{Code: "x", Text: "x"}, twoObjects(second)))
	if got, want := deliveries(t, l), "1 sent, 1 waiting, 2 waiting, 2 waiting"; got != want {
		t.Errorf("after a revision that was not processed: %s, want %s", got, want)
	}
	third := begun(t, l, 3)
	must(t, l.Complete(t.Context(), third.ID, nil, Reason{Code: ReasonUnchanged}))
	if got, want := deliveries(t, l), "1 sent, 1 waiting, 2 waiting, 2 waiting"; got != want {
		t.Errorf("after a revision that changed nothing: %s, want %s", got, want)
	}
	fourth := begun(t, l, 4)
	must(t, l.Complete(t.Context(), fourth.ID, twoObjects(fourth), Reason{}))
	if got, want := deliveries(t, l), "1 sent, 1 withdrawn, 2 withdrawn, 2 withdrawn, 4 waiting, 4 waiting"; got != want {
		t.Errorf("after another result: %s, want %s", got, want)
	}
	fifth := begun(t, l, 5)
	must(t, l.NotProcessed(t.Context(), fifth.ID, Reason{Code: ReasonPartCorrected, Text: "x"}, nil))
	if got, want := deliveries(t, l), "1 sent, 1 withdrawn, 2 withdrawn, 2 withdrawn, 4 withdrawn, 4 withdrawn"; got != want {
		t.Errorf("after a correction of the patient in part: %s, want %s", got, want)
	}
	must(t, l.Requeue(t.Context(), "1.2"))
	if got, want := deliveries(t, l), "1 sent, 1 withdrawn, 2 withdrawn, 2 withdrawn, 4 withdrawn, 4 withdrawn"; got != want {
		t.Errorf("requeued: %s, want %s", got, want)
	}
	// An attempt that was under way comes to its end: a failure changes nothing, a success is the truth.
	for _, c := range []struct{ state, want string }{{DeliveryWaiting, DeliveryWithdrawn}, {DeliveryFailed, DeliveryWithdrawn}, {DeliverySent, DeliverySent}} {
		must(t, l.RecordDelivery(t.Context(), inFlight[0].ID, DeliveryOutcome{State: c.state}))
		if got := history(t, l, "1.2").Revisions[0].Deliveries[1].State; got != c.want {
			t.Errorf("attempt ended as %s: %s, want %s", c.state, got, c.want)
		}
	}
	events := 0
	for _, e := range history(t, l, "1.2").Events {
		if e.Kind == EventWithdrawn && e.Text == "3 objects replaced by revision 4 before it was sent" {
			events++
		}
	}
	if events != 1 {
		t.Errorf("%d events, want 1", events)
	}
}

// Two workers may end revisions in the wrong order.
func TestReport_OfARevisionThatIsReplacedAlready(t *testing.T) {
	l := tempLedger(t, Options{})
	first, second := begun(t, l, 1), begun(t, l, 2)
	must(t, l.Complete(t.Context(), second.ID, twoObjects(second), Reason{}))
	must(t, l.Complete(t.Context(), first.ID, twoObjects(first), Reason{}))
	if got, want := deliveries(t, l), "1 withdrawn, 1 withdrawn, 2 waiting, 2 waiting"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A revision that has ended stays as it is; deliveries of what none has replaced begin anew.
func TestRequeue_ReadsAgainAsARevisionOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(t *testing.T, l *Ledger, rev Revision) // what becomes of revision 2
		want string
	}{
		{"changed nothing", func(t *testing.T, l *Ledger, rev Revision) {
			must(t, l.Complete(t.Context(), rev.ID, nil, Reason{Code: ReasonUnchanged}))
		}, "1 waiting, 1 sent"},
		{"another result", func(t *testing.T, l *Ledger, rev Revision) {
			must(t, l.Complete(t.Context(), rev.ID, twoObjects(rev), Reason{}))
			recordFirst(t, l, rev, DeliveryWithdrawn)
		}, "1 failed, 1 sent, 2 waiting, 2 waiting"},
		{"not processed", func(t *testing.T, l *Ledger, rev Revision) {
			must(t, l.NotProcessed(t.Context(), rev.ID, Reason{Code: "x", Text: "x"}, twoObjects(rev)))
			recordFirst(t, l, rev, DeliveryFailed)
		}, "1 waiting, 1 sent, 2 waiting, 2 waiting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := tempLedger(t, Options{})
			first := begun(t, l, 1)
			must(t, l.Complete(t.Context(), first.ID, twoObjects(first), Reason{}))
			recordFirst(t, l, first, DeliveryFailed)
			recordFirst(t, l, first, DeliverySent)
			c.then(t, l, begun(t, l, 2))
			before := history(t, l, "1.2").Revisions
			must(t, l.Requeue(t.Context(), "1.2"), l.Requeue(t.Context(), "1.2"))
			if got := deliveries(t, l); got != c.want {
				t.Errorf("deliveries %s, want %s", got, c.want)
			}
			after := history(t, l, "1.2")
			if len(after.Revisions) != 3 || after.Revisions[2].State != StateSettled || after.State != StateSettled {
				t.Fatalf("%d revisions, the study is %s; want a third one that is settled", len(after.Revisions), after.State)
			}
			for i, r := range before {
				if now := after.Revisions[i]; now.State != r.State || now.Reason != r.Reason || !now.FinishedAt.Equal(r.FinishedAt) {
					t.Errorf("revision %d was %s %+v, is %s %+v", r.Number, r.State, r.Reason, now.State, now.Reason)
				}
			}
			// Its result replaces the others.
			must(t, l.Complete(t.Context(), after.Revisions[2].ID, twoObjects(after.Revisions[2].Revision), Reason{}))
			if got, want := deliveries(t, l), strings.ReplaceAll(c.want, "waiting", "withdrawn")+", 3 waiting, 3 waiting"; got != want {
				t.Errorf("then: %s, want %s", got, want)
			}
		})
	}
}

func TestRequeue_WhatWasRemovedOrNeverSettled(t *testing.T) {
	l := tempLedger(t, Options{})
	record(t, l, slice("1.2", 1))
	if err := l.Requeue(t.Context(), "1.2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a study that is being received: %v", err)
	}
	rev := begun(t, l, 2)
	must(t, l.Complete(t.Context(), rev.ID, twoObjects(rev), Reason{}))
	must(t, l.FilesRemoved(t.Context(), "1.2", 2, 2))
	if err := l.Resend(t.Context(), "1.2"); !errors.Is(err, ErrFilesRemoved) {
		t.Errorf("a study whose files were removed: %v", err)
	}
	if h := history(t, l, "1.2"); h.State != StateReported || len(h.Revisions) != 1 {
		t.Errorf("it is %s with %d revisions", h.State, len(h.Revisions))
	}
	record(t, l, slice("1.2", 3))
	must(t, l.Requeue(t.Context(), "1.2"))
	if h := history(t, l, "1.2"); h.State != StateReceiving || len(h.Revisions) != 2 {
		t.Errorf("with a late instance: it is %s with %d revisions, want to be received still, and read again", h.State, len(h.Revisions))
	}
}
