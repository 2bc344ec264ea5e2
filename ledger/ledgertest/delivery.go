package ledgertest

import (
	"context"
	"testing"
	"time"

	"jcsnode/ledger"
)

// Each destination gets the objects that are for it, and nothing else; an object for nobody is kept.
func (s suite) TestReport_EachObjectGoesWhereItIsWanted(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	rev := settle(t, l, "1.2")
	if err := l.Begin(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	objects := []ledger.Outgoing{
		{Object: ledger.Object{SOPInstanceUID: "2.25.1", Kind: "summary"}, Destinations: []string{"PACS", "RESEARCH"}},
		{Object: ledger.Object{SOPInstanceUID: "2.25.2", Kind: "seg"}, Destinations: []string{"RESEARCH"}},
		{Object: ledger.Object{SOPInstanceUID: "2.25.3", Kind: "outline"}},
	}
	if err := l.Complete(t.Context(), rev.ID, objects, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	for destination, want := range map[string]string{"PACS": "2.25.1 ", "RESEARCH": "2.25.1 2.25.2 ", "NOBODY": ""} {
		waiting, err := l.Pending(t.Context(), rev.ID, destination)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, d := range waiting {
			got += d.Object.SOPInstanceUID + " "
		}
		if got != want {
			t.Errorf("%s is to get %q, want %q", destination, got, want)
		}
	}
	if h := History(t, l, "1.2"); len(h.Revisions[0].Objects) != 3 {
		t.Errorf("%d objects in the ledger, want 3", len(h.Revisions[0].Objects))
	}
}

// What was sent is the object itself, or the form of it that the caller names.
func (s suite) TestRecordDelivery_KeepsTheFormThatWasSent(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	rev := settle(t, l, "1.2")
	if err := l.Begin(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	objects := to([]string{"PACS"},
		ledger.Object{SOPInstanceUID: "2.25.1", SOPClassUID: "1.7"},
		ledger.Object{SOPInstanceUID: "2.25.2", SOPClassUID: "1.66.7"},
		ledger.Object{SOPInstanceUID: "2.25.3", SOPClassUID: "1.7"})
	if err := l.Complete(t.Context(), rev.ID, objects, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	waiting, err := l.Pending(t.Context(), rev.ID, "PACS")
	if err != nil || len(waiting) != 3 {
		t.Fatalf("%d wait, %v", len(waiting), err)
	}
	for i, o := range []ledger.DeliveryOutcome{
		{State: ledger.DeliverySent},
		{State: ledger.DeliverySent, SentClass: "1.66.4", SentUID: "2.25.9"},
		{State: ledger.DeliveryWaiting},
	} {
		if err := l.RecordDelivery(t.Context(), waiting[i].ID, o); err != nil {
			t.Fatal(err)
		}
	}
	got := ""
	for _, d := range History(t, l, "1.2").Revisions[0].Deliveries {
		got += d.SentClass + " " + d.SentUID + ", "
	}
	if want := "1.7 2.25.1, 1.66.4 2.25.9,  , "; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// Who requeues takes the cause for gone: what failed or waits is due at once, with all its attempts before it; what was sent stays.
func (s suite) TestRequeue_DeliveriesBeginAnew(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	rev := settle(t, l, "1.2")
	if err := l.Begin(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	objects := to([]string{"PACS"}, objects("2.25.1", "2.25.2", "2.25.3")...)
	if err := l.Complete(t.Context(), rev.ID, objects, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	waiting, err := l.Pending(t.Context(), rev.ID, "PACS")
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range []ledger.DeliveryOutcome{
		{State: ledger.DeliverySent, Attempted: true},
		{State: ledger.DeliveryFailed, Attempted: true, Trouble: "few"},
		{State: ledger.DeliveryWaiting, Attempted: true, Trouble: "probe", NextAt: c.Now().Add(6 * time.Hour)},
	} {
		if err := l.RecordDelivery(t.Context(), waiting[i].ID, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Requeue(t.Context(), "1.2"); err != nil {
		t.Fatal(err)
	}
	if waiting, err = l.Pending(t.Context(), rev.ID, "PACS"); err != nil || len(waiting) != 2 {
		t.Fatalf("%d wait, %v; want the one that failed and the one that waited", len(waiting), err)
	}
	for _, d := range waiting {
		troubles, _ := d.Streak("few", c.Now())
		if !d.NextAt.IsZero() || troubles != 1 || d.Attempts != 1 {
			t.Errorf("%s: next at %v, failure %d in a row, %d attempts; want at once, 1, 1",
				d.Object.SOPInstanceUID, d.NextAt, troubles, d.Attempts)
		}
	}
	Must(t, l.Resend(t.Context(), "1.2"))
	if waiting, err = l.Pending(t.Context(), rev.ID, "PACS"); err != nil || len(waiting) != 3 {
		t.Errorf("%d wait, %v; want all, for a destination that has lost them", len(waiting), err)
	}
}

// Failures of one kind count in a row, another kind begins anew, and an object whose turn never came stays unattempted and goes
// first the next time.
func (s suite) TestRecordDelivery_CountsTroublesInARow(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	rev := settle(t, l, "1.2")
	if err := l.Begin(ctx, rev.ID); err != nil {
		t.Fatal(err)
	}
	objects := to([]string{"PACS"},
		ledger.Object{SOPInstanceUID: "2.25.1", Kind: "summary", Path: "1", SHA256: "aa"},
		ledger.Object{SOPInstanceUID: "2.25.2", Kind: "seg", Path: "2", SHA256: "bb"})
	if err := l.Complete(ctx, rev.ID, objects, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	pending := func() []ledger.Delivery {
		t.Helper()
		all, err := l.Pending(ctx, rev.ID, "PACS")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := pending()[0]
	start := c.Now()
	for _, step := range []struct {
		trouble   string
		attempted bool
		troubles  int
		attempts  int
	}{{"soon", false, 1, 0}, {"soon", true, 2, 1}, {"few", true, 1, 2}, {"few", true, 2, 3}} {
		if step.troubles == 1 {
			start = c.Now()
		}
		o := ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Attempted: step.attempted, Trouble: step.trouble, NextAt: c.Now()}
		if err := l.RecordDelivery(ctx, first.ID, o); err != nil {
			t.Fatal(err)
		}
		var d ledger.Delivery
		for _, p := range pending() {
			if p.ID == first.ID {
				d = p
			}
		}
		if d.Trouble != step.trouble || d.Troubles != step.troubles || d.Attempts != step.attempts || !d.Since.Equal(start) {
			t.Errorf("after %+v: %s x%d since %v, %d attempts", step, d.Trouble, d.Troubles, d.Since, d.Attempts)
		}
		c.Add(time.Minute)
		troubles, since := d.Streak(step.trouble, c.Now())
		if troubles != step.troubles+1 || !since.Equal(start) {
			t.Errorf("one more would be %d since %v, want %d since %v", troubles, since, step.troubles+1, start)
		}
	}
	if now := pending(); now[0].Object.SOPInstanceUID != "2.25.2" {
		t.Errorf("%s goes first, want the object that was attempted least", now[0].Object.SOPInstanceUID)
	}
}
