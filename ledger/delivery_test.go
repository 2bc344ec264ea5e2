package ledger

import (
	"context"
	"testing"
	"time"
)

// Failures of one kind count in a row, another kind begins anew, and an object whose turn never came stays unattempted and goes
// first the next time.
func TestRecordDelivery_CountsTroublesInARow(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	l := tempLedger(t, Options{Now: c.Now})
	rev := settle(t, l, "1.2")
	if err := l.Begin(ctx, rev.ID); err != nil {
		t.Fatal(err)
	}
	objects := []Object{{SOPInstanceUID: "2.25.1", Kind: "summary", Path: "1", SHA256: "aa"}, {SOPInstanceUID: "2.25.2", Kind: "seg", Path: "2", SHA256: "bb"}}
	if err := l.Report(ctx, rev.ID, objects, []string{"PACS"}, Reason{}); err != nil {
		t.Fatal(err)
	}
	pending := func() []Delivery {
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
		o := DeliveryOutcome{State: DeliveryWaiting, Attempted: step.attempted, Trouble: step.trouble, NextAt: c.Now()}
		if err := l.RecordDelivery(ctx, first.ID, o); err != nil {
			t.Fatal(err)
		}
		var d Delivery
		for _, p := range pending() {
			if p.ID == first.ID {
				d = p
			}
		}
		if d.Trouble != step.trouble || d.Troubles != step.troubles || d.Attempts != step.attempts || !d.Since.Equal(start) {
			t.Errorf("after %+v: %s x%d since %v, %d attempts", step, d.Trouble, d.Troubles, d.Since, d.Attempts)
		}
		c.Add(time.Minute)
		troubles, since := d.Row(step.trouble, c.Now())
		if troubles != step.troubles+1 || !since.Equal(start) {
			t.Errorf("one more would be %d since %v, want %d since %v", troubles, since, step.troubles+1, start)
		}
	}
	if now := pending(); now[0].Object.SOPInstanceUID != "2.25.2" {
		t.Errorf("%s goes first, want the object that was attempted least", now[0].Object.SOPInstanceUID)
	}
}
