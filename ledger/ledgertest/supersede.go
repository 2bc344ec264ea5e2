package ledgertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// begun is the revision that comes of one more instance of study 1.2.
func begun(t *testing.T, l *ledger.Ledger, n int) ledger.Revision {
	t.Helper()
	Record(t, l, Slice("1.2", n))
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
func twoObjects(rev ledger.Revision) []ledger.Outgoing {
	return to([]string{"PACS"}, objects(fmt.Sprintf("2.25.%d1", rev.Number), fmt.Sprintf("2.25.%d2", rev.Number))...)
}

// deliveries are the states of all deliveries of the study, in order.
func deliveries(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	var all []string
	for _, r := range History(t, l, "1.2").Revisions {
		for _, d := range r.Deliveries {
			all = append(all, fmt.Sprintf("%d %s", r.Number, d.State))
		}
	}
	return strings.Join(all, ", ")
}

// recordFirst records the outcome of the first delivery of the revision that waits.
func recordFirst(t *testing.T, l *ledger.Ledger, rev ledger.Revision, state string) ledger.Delivery {
	t.Helper()
	waiting, err := l.Pending(t.Context(), rev.ID, "PACS")
	if err != nil || len(waiting) == 0 {
		t.Fatalf("%d wait, %v", len(waiting), err)
	}
	if err := l.RecordDelivery(t.Context(), waiting[0].ID, ledger.DeliveryOutcome{State: state, Attempted: true}); err != nil {
		t.Fatal(err)
	}
	return waiting[0]
}

func (s suite) TestReport_WithdrawsWhatItReplaces(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	first := begun(t, l, 1)
	Must(t, l.Complete(t.Context(), first.ID, twoObjects(first), ledger.Reason{}))
	recordFirst(t, l, first, ledger.DeliverySent)
	inFlight, err := l.Pending(t.Context(), first.ID, "PACS")
	Must(t, err)

	second := begun(t, l, 2)
	Must(t, l.NotProcessed(t.Context(), second.ID, ledger.Reason{Code: "x", Text: "x"}, twoObjects(second)))
	if got, want := deliveries(t, l), "1 sent, 1 waiting, 2 waiting, 2 waiting"; got != want {
		t.Errorf("after a revision that was not processed: %s, want %s", got, want)
	}
	third := begun(t, l, 3)
	Must(t, l.Complete(t.Context(), third.ID, nil, ledger.Reason{Code: ledger.ReasonUnchanged}))
	if got, want := deliveries(t, l), "1 sent, 1 waiting, 2 waiting, 2 waiting"; got != want {
		t.Errorf("after a revision that changed nothing: %s, want %s", got, want)
	}
	fourth := begun(t, l, 4)
	Must(t, l.Complete(t.Context(), fourth.ID, twoObjects(fourth), ledger.Reason{}))
	if got, want := deliveries(t, l), "1 sent, 1 withdrawn, 2 withdrawn, 2 withdrawn, 4 waiting, 4 waiting"; got != want {
		t.Errorf("after another result: %s, want %s", got, want)
	}
	fifth := begun(t, l, 5)
	Must(t, l.NotProcessed(t.Context(), fifth.ID, ledger.Reason{Code: ledger.ReasonPartCorrected, Text: "x"}, nil))
	if got, want := deliveries(t, l), "1 sent, 1 withdrawn, 2 withdrawn, 2 withdrawn, 4 withdrawn, 4 withdrawn"; got != want {
		t.Errorf("after a correction of the patient in part: %s, want %s", got, want)
	}
	Must(t, l.Requeue(t.Context(), "1.2"))
	if got, want := deliveries(t, l), "1 sent, 1 withdrawn, 2 withdrawn, 2 withdrawn, 4 withdrawn, 4 withdrawn"; got != want {
		t.Errorf("requeued: %s, want %s", got, want)
	}
	// An attempt that was under way comes to its end: a failure changes nothing, a success is the truth.
	for _, c := range []struct{ state, want string }{
		{ledger.DeliveryWaiting, ledger.DeliveryWithdrawn},
		{ledger.DeliveryFailed, ledger.DeliveryWithdrawn},
		{ledger.DeliverySent, ledger.DeliverySent},
	} {
		Must(t, l.RecordDelivery(t.Context(), inFlight[0].ID, ledger.DeliveryOutcome{State: c.state}))
		if got := History(t, l, "1.2").Revisions[0].Deliveries[1].State; got != c.want {
			t.Errorf("attempt ended as %s: %s, want %s", c.state, got, c.want)
		}
	}
	events := 0
	for _, e := range History(t, l, "1.2").Events {
		if e.Kind == ledger.EventWithdrawn && e.Text == "3 objects not sent: replaced by revision 4" {
			events++
		}
	}
	if events != 1 {
		t.Errorf("%d events, want 1", events)
	}
}

// Two workers may end revisions in the wrong order.
func (s suite) TestReport_OfARevisionThatIsReplacedAlready(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	first, second := begun(t, l, 1), begun(t, l, 2)
	Must(t, l.Complete(t.Context(), second.ID, twoObjects(second), ledger.Reason{}))
	Must(t, l.Complete(t.Context(), first.ID, twoObjects(first), ledger.Reason{}))
	if got, want := deliveries(t, l), "1 withdrawn, 1 withdrawn, 2 waiting, 2 waiting"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A revision that has ended stays as it is; deliveries of what none has replaced begin anew.
func (s suite) TestRequeue_ReadsAgainAsARevisionOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(t *testing.T, l *ledger.Ledger, rev ledger.Revision) // what becomes of revision 2
		want string
	}{
		{"changed nothing", func(t *testing.T, l *ledger.Ledger, rev ledger.Revision) {
			Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{Code: ledger.ReasonUnchanged}))
		}, "1 waiting, 1 sent"},
		{"another result", func(t *testing.T, l *ledger.Ledger, rev ledger.Revision) {
			Must(t, l.Complete(t.Context(), rev.ID, twoObjects(rev), ledger.Reason{}))
			recordFirst(t, l, rev, ledger.DeliveryWithdrawn)
		}, "1 failed, 1 sent, 2 waiting, 2 waiting"},
		{"not processed", func(t *testing.T, l *ledger.Ledger, rev ledger.Revision) {
			Must(t, l.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "x", Text: "x"}, twoObjects(rev)))
			recordFirst(t, l, rev, ledger.DeliveryFailed)
		}, "1 waiting, 1 sent, 2 waiting, 2 waiting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := s.temp(t, ledger.Options{})
			first := begun(t, l, 1)
			Must(t, l.Complete(t.Context(), first.ID, twoObjects(first), ledger.Reason{}))
			recordFirst(t, l, first, ledger.DeliveryFailed)
			recordFirst(t, l, first, ledger.DeliverySent)
			c.then(t, l, begun(t, l, 2))
			before := History(t, l, "1.2").Revisions
			Must(t, l.Requeue(t.Context(), "1.2"), l.Requeue(t.Context(), "1.2"))
			if got := deliveries(t, l); got != c.want {
				t.Errorf("deliveries %s, want %s", got, c.want)
			}
			after := History(t, l, "1.2")
			if len(after.Revisions) != 3 || after.Revisions[2].State != ledger.StateSettled || after.State != ledger.StateSettled {
				t.Fatalf("%d revisions, the study is %s; want a third one that is settled", len(after.Revisions), after.State)
			}
			for i, r := range before {
				if now := after.Revisions[i]; now.State != r.State || now.Reason != r.Reason || !now.FinishedAt.Equal(r.FinishedAt) {
					t.Errorf("revision %d was %s %+v, is %s %+v", r.Number, r.State, r.Reason, now.State, now.Reason)
				}
			}
			// Its result replaces the others.
			Must(t, l.Complete(t.Context(), after.Revisions[2].ID, twoObjects(after.Revisions[2].Revision), ledger.Reason{}))
			if got, want := deliveries(t, l), strings.ReplaceAll(c.want, "waiting", "withdrawn")+", 3 waiting, 3 waiting"; got != want {
				t.Errorf("then: %s, want %s", got, want)
			}
		})
	}
}

func (s suite) TestRequeue_WhatWasRemovedOrNeverSettled(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	Record(t, l, Slice("1.2", 1))
	if err := l.Requeue(t.Context(), "1.2"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a study that is being received: %v", err)
	}
	rev := begun(t, l, 2)
	Must(t, l.Complete(t.Context(), rev.ID, twoObjects(rev), ledger.Reason{}))
	Must(t, l.FilesRemoved(t.Context(), "1.2", time.Now().AddDate(1, 0, 0), 2, 2))
	if err := l.Resend(t.Context(), "1.2"); !errors.Is(err, ledger.ErrFilesRemoved) {
		t.Errorf("a study whose files were removed: %v", err)
	}
	if h := History(t, l, "1.2"); h.State != ledger.StateReported || len(h.Revisions) != 1 {
		t.Errorf("it is %s with %d revisions", h.State, len(h.Revisions))
	}
	Record(t, l, Slice("1.2", 3))
	Must(t, l.Requeue(t.Context(), "1.2"))
	if h := History(t, l, "1.2"); h.State != ledger.StateReceiving || len(h.Revisions) != 2 {
		t.Errorf("with a late instance: it is %s with %d revisions, want to be received still, and read again", h.State, len(h.Revisions))
	}
}
