package ledger

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func request(t *testing.T, l *Ledger, c CommitmentSCP) CommitmentSCP {
	t.Helper()
	id, err := l.RequestCommitment(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return commitment(t, l, id)
}

func commitment(t *testing.T, l *Ledger, id int64) CommitmentSCP {
	t.Helper()
	c, err := l.CommitmentSCP(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPresence(t *testing.T) {
	l := tempLedger(t, Options{})
	i := slice("1.2", 1)
	record(t, l, i)
	got, err := l.Presence(t.Context(), []Reference{{i.SOPClassUID, i.SOPInstanceUID}, {"1.9", i.SOPInstanceUID}, {i.SOPClassUID, "9.9"}, {"", ""}})
	if err != nil || !slices.Equal(got, []Presence{Present, OtherClass, Absent, Absent}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRequestCommitment_TellsARepetitionFromADuplicate(t *testing.T) {
	l := tempLedger(t, Options{})
	i := slice("1.2", 1)
	record(t, l, i)
	first := CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1", CalledAE: "JCS", References: []Reference{{i.SOPClassUID, i.SOPInstanceUID}, {"a", "b"}}}
	one := request(t, l, first)
	if one.State != SCPWaiting || one.Duplicate || !slices.Equal(one.References, first.References) || one.CalledAE != "JCS" {
		t.Errorf("got %+v", one)
	}
	if again := request(t, l, first); again.Duplicate {
		t.Error("the same request is taken for a duplicate")
	}
	if got := commitment(t, l, one.ID); got.State != SCPReplaced {
		t.Errorf("the first request is %s, want replaced", got.State)
	}
	other := first
	other.References = other.References[:1]
	if !request(t, l, other).Duplicate {
		t.Error("other instances under the same transaction are no duplicate")
	}
	other = first
	other.CallingAE = "CT2"
	if !request(t, l, other).Duplicate {
		t.Error("another requestor under the same transaction is no duplicate")
	}
	if request(t, l, first).Duplicate {
		t.Error("duplicates make the right request a duplicate")
	}
	h, err := l.History(t.Context(), "1.2")
	if err != nil || !slices.ContainsFunc(h.Events, func(e Event) bool { return e.Kind == EventCommitmentRequested }) {
		t.Errorf("the study's history lacks the request: %v", err)
	}
	if _, err := l.CommitmentSCP(t.Context(), 999); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestCommitmentJob_RetriesAndSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	open := func() *Ledger {
		l, err := Open(t.Context(), dir+"/ledger.db", Options{RetryDelay: fast, TestOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	queued := request(t, l, CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1"})
	unqueued := request(t, l, CommitmentSCP{TransactionUID: "1.2", CallingAE: "CT1"})
	held := make(chan struct{})
	handlers := Handlers{Process: reporting(l), Deliver: deliverNothing, Commit: func(ctx context.Context, id int64) error {
		close(held)
		<-ctx.Done() // until the process ends
		return ctx.Err()
	}}
	if err := l.QueueCommitmentSCP(t.Context(), queued.ID); err != nil {
		t.Fatal(err)
	}
	// Without a handler the rows wait.
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: deliverNothing})
	if err := l.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.FinishCommitmentSCP(t.Context(), unqueued.ID, SCPReported, "on the same association"); err != nil {
		t.Fatal(err)
	}
	startJobs(t, l, handlers)
	<-held
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = open()
	defer l.Close()
	var calls atomic.Int32
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: deliverNothing, Commit: func(ctx context.Context, id int64) error {
		if id != queued.ID {
			t.Errorf("job of %d", id)
		}
		if calls.Add(1) < 3 {
			return errors.Join(l.RetryCommitmentSCP(ctx, id, "nobody there"), &RetryAfter{Delay: time.Millisecond})
		}
		return l.FinishCommitmentSCP(ctx, id, SCPReported, "done")
	}})
	waitFor(t, "the report", func() bool { return commitment(t, l, queued.ID).State == SCPReported })
	if c := commitment(t, l, queued.ID); c.Attempts != 2 || c.Detail != "done" || c.FinishedAt.IsZero() {
		t.Errorf("got %+v", c)
	}
	if c := commitment(t, l, unqueued.ID); c.Detail != "on the same association" {
		t.Errorf("got %+v", c)
	}
}

func TestCommitmentJob_OfAKilledProcessRunsAgain(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast})
	c := request(t, l, CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1"})
	if err := l.QueueCommitmentSCP(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	// What kill -9 in the middle of the last attempt leaves.
	if _, err := l.write.Exec(`UPDATE river_job SET state = 'running', attempt = max_attempts WHERE kind = 'commit'`); err != nil {
		t.Fatal(err)
	}
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: deliverNothing, Commit: func(ctx context.Context, id int64) error {
		return l.FinishCommitmentSCP(ctx, id, SCPReported, "done")
	}})
	waitFor(t, "the report", func() bool { return commitment(t, l, c.ID).State == SCPReported })
}

func TestCommitmentJob_FailingHandlerEndsIt(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 2})
	c := request(t, l, CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1"})
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: deliverNothing, Commit: func(context.Context, int64) error { return errors.New("broken") }})
	if err := l.QueueCommitmentSCP(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end", func() bool { return commitment(t, l, c.ID).State == SCPFailed })
}

func TestForgetCommitments(t *testing.T) {
	c := newClock()
	l := tempLedger(t, Options{Now: c.Now})
	done := request(t, l, CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1", References: []Reference{{"a", "b"}}})
	open := request(t, l, CommitmentSCP{TransactionUID: "1.2", CallingAE: "CT1", References: []Reference{{"a", "b"}}})
	must(t, l.FinishCommitmentSCP(t.Context(), done.ID, SCPReported, ""))
	c.Add(time.Hour)
	must(t, l.ForgetCommitments(t.Context(), c.Now().Add(-2*time.Hour)))
	commitment(t, l, done.ID) // too young
	must(t, l.ForgetCommitments(t.Context(), c.Now()))
	if _, err := l.CommitmentSCP(t.Context(), done.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if got := commitment(t, l, open.ID); len(got.References) != 1 {
		t.Errorf("%+v, want it as it was", got)
	}
}
