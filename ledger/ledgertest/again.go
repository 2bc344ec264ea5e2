package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"jcsnode/ledger"
)

// An instance that comes again at another door while the files of its study are removed has its file, and the others have none: whoever
// asks for either is told so, before and after the removal is noted. The study is over again later.
func (s suite) TestAgain_WhileFilesAreRemoved(t *testing.T) {
	clock := newClock()
	place := s.Place(t)
	one := s.open(t, place, ledger.Options{Now: clock.Now})
	other := s.open(t, place, ledger.Options{Now: clock.Now, Beside: true})
	came, stays := Slice("1.2", 1), Slice("1.2", 2)
	came.ReceivedAt, stays.ReceivedAt = clock.Now(), clock.Now()
	Record(t, one, came, stays)
	here := func(want ...ledger.Presence) {
		t.Helper()
		got, err := one.Presence(t.Context(), []ledger.Reference{reference(came.SOPClassUID, came.SOPInstanceUID),
			reference(stays.SOPClassUID, stays.SOPInstanceUID)})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("here are %v, %v; want %v", got, err, want)
		}
	}
	rev, err := one.Settle(t.Context(), "1.2", "test")
	Must(t, err, one.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil))
	filesGo := func() (before time.Time, may bool) {
		before = clock.Now().Add(-24 * time.Hour)
		may, err := one.FilesGo(t.Context(), "1.2", before)
		Must(t, err)
		return before, may
	}
	here(ledger.Present, ledger.Present)
	clock.Add(48 * time.Hour)
	before, may := filesGo()
	if !may {
		t.Fatal("the study is not over")
	}
	here(ledger.Absent, ledger.Absent)
	came.ReceivedAt = clock.Now()
	Record(t, other, came)
	here(ledger.Present, ledger.Absent)
	if _, may := filesGo(); may {
		t.Error("a study that came again just now is over")
	}
	Must(t, one.FilesRemoved(t.Context(), "1.2", before, 2, 0))
	if h := History(t, one, "1.2"); !h.RemovedAt.IsZero() || h.Events[len(h.Events)-1].Kind != ledger.EventFilesRemoved {
		t.Errorf("removed at %v, %+v", h.RemovedAt, h.Events)
	}
	here(ledger.Present, ledger.Absent)
	paths, err := one.InstancePaths(t.Context(), "1.2")
	if err != nil || !slices.Equal(paths, []string{came.Path}) {
		t.Errorf("files that should be here: %v, %v", paths, err)
	}
	clock.Add(48 * time.Hour)
	if before, may = filesGo(); !may {
		t.Error("the study is never over again")
	}
	Must(t, one.FilesRemoved(t.Context(), "1.2", before, 2, 0))
	if h := History(t, one, "1.2"); h.RemovedAt.IsZero() {
		t.Error("its files are not removed")
	}
	here(ledger.Absent, ledger.Absent)

	// The same after the removal; another instance is none of these.
	came.ReceivedAt = clock.Now()
	late := Slice("1.2", 3)
	late.ReceivedAt = clock.Now()
	Record(t, other, came, late)
	here(ledger.Present, ledger.Absent)
	if h := History(t, one, "1.2"); h.Instances[0].Gone || !h.Instances[1].Gone || h.Instances[2].Gone {
		t.Errorf("%+v", h.Instances)
	}
}

// What is missing of a study that nobody removed says nothing of the rest, when something of it comes.
func (s suite) TestAgain_OfAStudyWithMissingFiles(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	Record(t, l, Slice("1.2", 1), Slice("1.2", 2))
	Must(t, l.NoteMissing(t.Context(), "1.2", 1, 0))
	Record(t, l, Slice("1.2", 1))
	for _, i := range History(t, l, "1.2").Instances {
		if i.Gone {
			t.Errorf("%s is gone", i.Path)
		}
	}
}

// What came through one door and comes again through another one is known for that: in the row, in the history of either association, and
// when the files of studies that are over are removed.
func (s suite) TestAgain_AtAnotherDoor(t *testing.T) {
	clock := newClock()
	place := s.Place(t)
	one := s.open(t, place, ledger.Options{Now: clock.Now})
	other := s.open(t, place, ledger.Options{Now: clock.Now, Beside: true})
	visit := func(l *ledger.Ledger, association string, numbers ...int) {
		clock.Add(time.Second)
		since := clock.Now()
		for _, n := range numbers {
			i := Slice("1.2", n)
			i.Association, i.ReceivedAt = association, clock.Now()
			Must(t, l.Record(t.Context(), i))
		}
		Must(t, l.Visited(t.Context(), ledger.Event{StudyUID: "1.2", Kind: "over", Association: association},
			since, len(numbers),
			func(fresh, again int) string { return fmt.Sprintf("%s: %d new, %d again", association, fresh, again) }),
			l.Flush(t.Context()))
	}
	visit(one, "a", 1, 2, 3, 3)
	rev, err := one.Settle(t.Context(), "1.2", "test")
	Must(t, err, one.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil))
	ended := func(l *ledger.Ledger) int {
		all, err := l.Ended(t.Context(), clock.Now().Add(-24*time.Hour), 10)
		Must(t, err)
		return len(all)
	}
	clock.Add(48 * time.Hour)
	if n := ended(one); n != 1 {
		t.Fatalf("%d studies are over", n)
	}
	visit(other, "b", 2, 3, 4, 5)
	visit(other, "b", 4) // another association of that name
	h := History(t, one, "1.2")
	said := ""
	for _, e := range h.Events {
		if e.Kind == "over" {
			said += e.Text + "; "
		}
	}
	if said != "a: 3 new, 1 again; b: 2 new, 2 again; b: 0 new, 1 again; " {
		t.Error(said)
	}
	again := 0
	for _, i := range h.Instances {
		again += i.ReceivedAgain
	}
	if again != 4 || len(h.Instances) != 5 {
		t.Errorf("%d instances, %d times again", len(h.Instances), again)
	}
	rev, err = one.Settle(t.Context(), "1.2", "test")
	Must(t, err, one.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil))
	clock.Add(48 * time.Hour)
	visit(other, "c", 1)
	if n := ended(one); n != 0 {
		t.Error("the files of a study that came again just now would be removed")
	}
	clock.Add(48 * time.Hour)
	if n := ended(one); n != 1 {
		t.Error("the study is never over again")
	}
}
