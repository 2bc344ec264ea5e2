package ledgertest

import (
	"fmt"
	"testing"

	"jcsnode/ledger"
)

// held is instance n of study 1.2, over an association that holds it.
func held(n int) ledger.Instance {
	i := Slice("1.2", n)
	i.Holds = true
	return i
}

// settleFree settles study 1.2 unless an association holds it.
func settleFree(t *testing.T, l *ledger.Ledger) bool {
	t.Helper()
	_, settled, err := l.SettleDue(t.Context(), "1.2", func(a ledger.Activity) (string, bool) { return "free", !a.Held })
	Must(t, err)
	return settled
}

func (s suite) TestHold_UntilTheAssociationEnds(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	Record(t, l, held(1), held(2))
	other := held(3)
	other.Association = "a2"
	Record(t, l, other)
	if all, err := l.Receiving(t.Context()); err != nil || len(all) != 1 || !all[0].Held {
		t.Errorf("%+v, %v; want one study, held", all, err)
	}
	for _, association := range []string{"a1", "a2"} {
		if settleFree(t, l) {
			t.Fatalf("settled while %s is open", association)
		}
		l.Release(association)
	}
	if !settleFree(t, l) {
		t.Error("not settled when both are over")
	}
	// The same association is known to hold no more.
	Record(t, l, held(4))
	if settleFree(t, l) {
		t.Error("settled while an association goes on")
	}
}

// The condition is asked for what is true in the transaction that settles.
func (s suite) TestSettleDue_AsksAgain(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	Record(t, l, Slice("1.2", 1))
	seen, err := l.Receiving(t.Context())
	Must(t, err)
	Must(t, l.Record(t.Context(), Slice("1.2", 2))) // not committed yet
	_, settled, err := l.SettleDue(t.Context(), "1.2", func(a ledger.Activity) (string, bool) {
		return "as it was seen", a.Instances == seen[0].Instances
	})
	if err != nil || settled {
		t.Errorf("settled %v, %v; want not with another instance", settled, err)
	}
	if !settleFree(t, l) || settleFree(t, l) {
		t.Error("want it settled, and nothing to settle then")
	}
}

func (s suite) TestHold_OfAProcessThatDied(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{})
	Record(t, l, held(1))
	Must(t, l.Close())
	if !settleFree(t, s.open(t, place, ledger.Options{})) {
		t.Error("the next start does not free what the last one held")
	}
}

func (s suite) TestHold_OfNodesThatShareTheLedger(t *testing.T) {
	l := s.temp(t, ledger.Options{Shared: true})
	Must(t, l.HoldAgain(t.Context(), "a.1", func() []ledger.Hold { return nil }))
	holders := func() string {
		t.Helper()
		all, err := l.Holders(t.Context())
		Must(t, err)
		return fmt.Sprint(all)
	}
	Record(t, l, held(1))
	Must(t, l.HoldAgain(t.Context(), "a.2", func() []ledger.Hold { return []ledger.Hold{{StudyUID: "1.2", Association: "a1"}} }))
	if got := holders(); got != "[a.2]" {
		t.Errorf("%s hold, want the new incarnation alone", got)
	}
	Must(t, l.FreeHolds(t.Context(), "a.1"))
	if settleFree(t, l) {
		t.Error("settled while the new incarnation holds")
	}
	Record(t, l, held(2))
	Must(t, l.FreeHolds(t.Context(), "a.2", "b.1"))
	if !settleFree(t, l) {
		t.Error("not settled when its holder is dead")
	}
	// An association that ends while its hold is written again holds no more.
	open := []ledger.Hold{{StudyUID: "1.2", Association: "a9"}}
	Must(t, l.HoldAgain(t.Context(), "a.3", func() []ledger.Hold {
		now := open
		open = nil
		return now
	}), l.Flush(t.Context()))
	if got := holders(); got != "[]" {
		t.Errorf("%s hold, want nobody", got)
	}
}
