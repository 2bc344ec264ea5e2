package ledgertest

import (
	"errors"
	"testing"

	"jcsnode/ledger"
)

// visit begins with all deliveries of a revision that wait; it gives them, with its marks, and how many of them are heirs.
func visit(t *testing.T, l *ledger.Ledger, rev ledger.Revision) (waiting []ledger.Delivery, heirs int) {
	t.Helper()
	waiting, err := l.Pending(t.Context(), rev.ID, "PACS")
	Must(t, err)
	var ids []int64
	for _, d := range waiting {
		ids = append(ids, d.ID)
	}
	marks, err := l.BeginDeliveries(t.Context(), rev.ID, "PACS", ids)
	Must(t, err)
	for i := range waiting {
		mark := marks[waiting[i].ID]
		waiting[i].BegunAt = mark.At
		if mark.Heir {
			heirs++
		}
	}
	return waiting, heirs
}

// waits asks for a delivery as its visit does.
func waits(t *testing.T, l *ledger.Ledger, d ledger.Delivery, heir bool) bool {
	t.Helper()
	waits, err := l.Waits(t.Context(), d.ID, ledger.Mark{At: d.BegunAt, Heir: heir})
	Must(t, err)
	return waits
}

// reportedTwice are two revisions; what happens in between is the test's.
func reportedTwice(t *testing.T, l *ledger.Ledger, between func(first ledger.Revision)) (first, second ledger.Revision) {
	t.Helper()
	first = begun(t, l, 1)
	Must(t, l.Complete(t.Context(), first.ID, twoObjects(first), ledger.Reason{}))
	between(first)
	second = begun(t, l, 2)
	Must(t, l.Complete(t.Context(), second.ID, twoObjects(second), ledger.Reason{}))
	return first, second
}

// What a node has begun with when it dies may be at the destination: it goes out again, and before the revision that replaced it.
func (s suite) TestBeginDeliveries_WhatNobodyKnowsGoesBeforeTheNextRevision(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	first, second := reportedTwice(t, l, func(first ledger.Revision) { visit(t, l, first) }) // nothing more is heard of this visit
	if got, want := deliveries(t, l), "1 waiting, 1 waiting, 2 waiting, 2 waiting"; got != want {
		t.Fatalf("replaced when begun: %s, want %s", got, want)
	}
	var later *ledger.RetryAfter
	if err := l.MayBegin(t.Context(), second.ID, "PACS"); !errors.As(err, &later) || later.Delay <= 0 {
		t.Errorf("asked whether it may begin: %v", err)
	}
	Must(t, l.MayBegin(t.Context(), second.ID, "OTHER"), l.MayBegin(t.Context(), first.ID, "PACS"))
	if _, err := l.BeginDeliveries(t.Context(), second.ID, "PACS", nil); !errors.As(err, &later) || later.Delay <= 0 {
		t.Errorf("revision 2 begins: %v, want it put off", err)
	}
	if _, err := l.BeginDeliveries(t.Context(), second.ID, "OTHER", nil); err != nil {
		t.Errorf("at another destination: %v", err)
	}
	for n := 2; n > 0; n-- {
		waiting, heirs := visit(t, l, first)
		if len(waiting) != n || heirs != n {
			t.Fatalf("%d wait, %d of them heirs, want %d", len(waiting), heirs, n)
		}
		if !waits(t, l, waiting[0], true) {
			t.Error("an heir does not go out")
		}
		recordFirst(t, l, first, ledger.DeliverySent)
	}
	if _, heirs := visit(t, l, second); heirs != 0 {
		t.Errorf("revision 2 has %d heirs, want none", heirs)
	}
}

// A visit withdraws what was replaced since it began, and what it leaves is begun only where nobody knows what the destination has.
func (s suite) TestBeginDeliveries_TheVisitEndsWhatItBegan(t *testing.T) {
	for _, c := range []struct {
		name string
		end  ledger.DeliveryOutcome
		want string
	}{
		{"its turn never came", ledger.DeliveryOutcome{State: ledger.DeliveryWaiting}, "1 withdrawn, 1 withdrawn"},
		{"the destination refused it", ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Attempted: true, Status: "A700H"},
			"1 withdrawn, 1 withdrawn"},
		{"no answer", ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Attempted: true, Begun: true}, "1 waiting, 1 withdrawn"},
		{"given up", ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Attempted: true, Begun: true}, "1 failed, 1 withdrawn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := s.temp(t, ledger.Options{})
			var waiting []ledger.Delivery
			first, second := reportedTwice(t, l, func(first ledger.Revision) {
				waiting, _ = visit(t, l, first)
				if !waits(t, l, waiting[0], false) {
					t.Error("what nobody has replaced does not go out")
				}
				c.end.Mark = waiting[0].BegunAt
				Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, c.end))
			})
			if waits(t, l, waiting[1], false) {
				t.Error("what was replaced since the visit began goes out")
			}
			if got, want := deliveries(t, l), c.want+", 2 waiting, 2 waiting"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			_, err := l.BeginDeliveries(t.Context(), second.ID, "PACS", nil)
			if _, heirs := visit(t, l, first); (heirs > 0) != (err != nil) {
				t.Errorf("revision 1 has %d heirs, and revision 2 begins: %v", heirs, err)
			}
		})
	}
}

// A node that was frozen comes back with a visit that another one has taken over: what it says of objects that the heir has in hand does
// not count, whatever the clock said when either began, unless the destination has them.
func (s suite) TestBeginDeliveries_WhoComesBackEndsNothingOfItsHeir(t *testing.T) {
	for _, c := range []struct {
		name string
		back ledger.DeliveryOutcome
		want string
	}{
		{"its turn never came", ledger.DeliveryOutcome{State: ledger.DeliveryWaiting}, "1 waiting, 1 waiting"},
		{"no answer", ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Attempted: true, Begun: true}, "1 waiting, 1 waiting"},
		{"given up", ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Attempted: true}, "1 waiting, 1 waiting"},
		{"nobody wants it", ledger.DeliveryOutcome{State: ledger.DeliveryWithdrawn}, "1 waiting, 1 waiting"},
		{"sent", ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true}, "1 sent, 1 waiting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := s.temp(t, ledger.Options{})
			_, second := reportedTwice(t, l, func(first ledger.Revision) {
				frozen, heirs := visit(t, l, first)
				if heirs != 0 {
					t.Fatalf("%d heirs at first", heirs)
				}
				if _, heirs = visit(t, l, first); heirs != 2 { // at the same time, for the clock of the test
					t.Fatalf("%d heirs, want 2", heirs)
				}
				c.back.Mark = frozen[0].BegunAt
				Must(t, l.RecordDelivery(t.Context(), frozen[0].ID, c.back))
				if waits(t, l, frozen[1], false) {
					t.Error("who comes back sends what its heir has in hand")
				}
			})
			if got, want := deliveries(t, l), c.want+", 2 waiting, 2 waiting"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			var later *ledger.RetryAfter
			if _, err := l.BeginDeliveries(t.Context(), second.ID, "PACS", nil); !errors.As(err, &later) {
				t.Errorf("revision 2 while 1 is in hand: %v, want it put off", err)
			}
		})
	}
}

// What was given back and then replaced is not begun again: who dies between that and asking would leave it to an heir, which sends what it
// inherits, after the newer revision.
func (s suite) TestBeginDeliveries_LeavesAloneWhatIsReplaced(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	first, _ := reportedTwice(t, l, func(first ledger.Revision) { visit(t, l, first) })
	given, _ := visit(t, l, first)
	for _, d := range given {
		Must(t, l.RecordDelivery(t.Context(), d.ID, ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Mark: d.BegunAt}))
	}
	visit(t, l, first) // nothing more is heard of this one
	waiting, heirs := visit(t, l, first)
	if len(waiting) != 2 || heirs != 0 {
		t.Fatalf("%d wait, %d of them heirs, want 2 and none", len(waiting), heirs)
	}
	for _, d := range waiting {
		if waits(t, l, d, false) {
			t.Error("what was replaced goes out")
		}
	}
	if got, want := deliveries(t, l), "1 withdrawn, 1 withdrawn, 2 waiting, 2 waiting"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
