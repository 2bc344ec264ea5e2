package ledgertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"jcsnode/ledger"
)

// atA is instance n of study 1.2, whose file is on node a alone.
func atA(n int) ledger.Instance {
	i := Slice("1.2", n)
	i.At = "a"
	return i
}

// away is of how many instances of the study not every node has the file.
func away(t *testing.T, l *ledger.Ledger) int {
	t.Helper()
	all, err := l.Receiving(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d studies, %v", len(all), err)
	}
	return all[0].Away
}

func (s suite) TestStored_StudyWaitsForFilesOnOneNode(t *testing.T) {
	l := s.temp(t, ledger.Options{Shared: true})
	Record(t, l, atA(1), atA(2), Slice("1.2", 3))
	if n := away(t, l); n != 2 {
		t.Errorf("%d files are on one node alone, want 2", n)
	}
	paths, err := l.AtNode(t.Context(), "a")
	if err != nil || len(paths) != 2 {
		t.Errorf("%q are on a alone, %v; want two", paths, err)
	}
	if h := History(t, l, "1.2"); h.Instances[0].At+h.Instances[1].At+h.Instances[2].At != "aa" {
		t.Errorf("history: %+v", h.Instances)
	}
	listed := 0
	Must(t, l.EachFile(t.Context(), func(string) error { listed++; return nil }))
	if listed != 1 {
		t.Errorf("%d files should be there for whichever node, want 1", listed)
	}
	for _, path := range append(paths, paths[0], "inbox/1.2/unknown.dcm") {
		Must(t, l.Stored(t.Context(), path))
	}
	Must(t, l.Flush(t.Context()))
	if n := away(t, l); n != 0 {
		t.Errorf("%d files are on one node alone, want none", n)
	}
	// One that comes again through the door of a node is there, too, until it goes up again.
	Record(t, l, atA(1))
	if n := away(t, l); n != 1 {
		t.Errorf("%d files are on one node alone, want the one that came again", n)
	}
	if got := History(t, l, "1.2").Instances[0]; got.ReceivedAgain != 1 {
		t.Errorf("came again %d times", got.ReceivedAgain)
	}
}

// Whoever requeues a study gives up its files on the disk of nodes that do not run, and no others.
func (s suite) TestRequeue_FilesOnOneNode(t *testing.T) {
	l := s.temp(t, ledger.Options{Shared: true})
	lives := ledger.Alive{ID: "a", Incarnation: "a.1", StartedAt: time.Now()}
	Must(t, l.SignOfLife(t.Context(), lives))
	Record(t, l, atA(1), atA(2), Slice("1.2", 3))
	if err := l.Requeue(t.Context(), "1.2"); !errors.Is(err, ledger.ErrNotFound) || away(t, l) != 2 {
		t.Errorf("while the node lives: %v, and the study waits for %d files, want 2", err, away(t, l))
	}
	if news, err := l.NodeDied(t.Context(), "a", "a.1", "it is dead"); err != nil || !news {
		t.Fatalf("%v, %v", news, err)
	}
	Must(t, l.Requeue(t.Context(), "1.2"))
	if n := away(t, l); n != 0 {
		t.Errorf("the study waits for %d files of a dead node", n)
	}
	Record(t, l, atA(1))
	lives.StoppedAt = time.Now()
	Must(t, l.SignOfLife(t.Context(), lives))
	Must(t, l.Requeue(t.Context(), "1.2"))
	if n := away(t, l); n != 0 {
		t.Errorf("the study waits for %d files of a node that was stopped", n)
	}
}

// A node that has the ledger for itself reads its own disk.
func (s suite) TestStored_NobodyElse(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	Record(t, l, atA(1))
	if n := away(t, l); n != 0 {
		t.Error(fmt.Sprint(n, " files keep the study of a node that is alone"))
	}
}

// That a file of a study is missing keeps the others no longer: when the study is over they go, and nothing of it is missing any more.
func (s suite) TestNoteMissing_TheOtherFilesGo(t *testing.T) {
	clock := newClock()
	l := s.temp(t, ledger.Options{Now: clock.Now})
	one, other := Slice("1.2", 1), Slice("1.2", 2)
	one.ReceivedAt, other.ReceivedAt = clock.Now(), clock.Now()
	Record(t, l, one, other)
	Must(t, l.NoteMissing(t.Context(), "1.2", 1, 0))
	rev, err := l.Settle(t.Context(), "1.2", "test")
	Must(t, err)
	before := func() time.Time { return clock.Now().Add(-24 * time.Hour) }
	over := func() int {
		t.Helper()
		all, err := l.Ended(t.Context(), before(), 10)
		Must(t, err)
		may, err := l.FilesGo(t.Context(), "1.2", before())
		if err != nil || may != (len(all) == 1) {
			t.Errorf("%d studies are over; files may go: %v, %v", len(all), may, err)
		}
		return len(all)
	}
	clock.Add(48 * time.Hour)
	if over() != 0 {
		t.Error("over before it is read")
	}
	Must(t, l.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "odd", Text: "odd"}, nil))
	clock.Add(48 * time.Hour)
	if over() != 1 {
		t.Fatal("not over, since a file is missing")
	}
	Must(t, l.FilesRemoved(t.Context(), "1.2", before(), 2, 0))
	if h := History(t, l, "1.2"); h.Missing || !h.RemovedAt.Equal(clock.Now()) {
		t.Errorf("missing %v, removed at %v", h.Missing, h.RemovedAt)
	}
	if over() != 0 {
		t.Error("removed again")
	}
	if n, err := l.Thin(t.Context(), before(), 10); n != 1 || err != nil {
		t.Errorf("rows of %d studies go, %v; want one", n, err)
	}
}

// Whoever looks for files while another node removes them finds nothing missing.
func (s suite) TestNoteMissing_FilesRemoved(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	Record(t, l, Slice("1.2", 1))
	before := time.Now().AddDate(1, 0, 0)
	Must(t, l.FilesRemoved(t.Context(), "1.2", before, 1, 0), l.NoteMissing(t.Context(), "1.2", 1, 0),
		l.NoteMissing(t.Context(), "1.2", 0, 1))
	if h := History(t, l, "1.2"); h.Missing || len(h.Events) == 0 || h.Events[len(h.Events)-1].Kind != ledger.EventFilesRemoved {
		t.Errorf("missing %v, %+v", h.Missing, h.Events)
	}
	Record(t, l, Slice("1.3", 1))
	Must(t, l.NoteMissing(t.Context(), "1.3", 1, 0))
	if h := History(t, l, "1.3"); !h.Missing {
		t.Error("what is missing is not noted")
	}
	Must(t, l.FilesRemoved(t.Context(), "1.3", before, 1, 0))
	if h := History(t, l, "1.3"); h.Missing {
		t.Error("what was removed is missing")
	}
}
