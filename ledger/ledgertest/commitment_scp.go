package ledgertest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/ledger"
)

func reference(class, instance string) ledger.Reference {
	return ledger.Reference{SOPClassUID: class, SOPInstanceUID: instance}
}

func request(t *testing.T, l *ledger.Ledger, c ledger.CommitmentSCP) ledger.CommitmentSCP {
	t.Helper()
	id, err := l.RequestCommitment(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return commitmentSCP(t, l, id)
}

func commitmentSCP(t *testing.T, l *ledger.Ledger, id int64) ledger.CommitmentSCP {
	t.Helper()
	c, err := l.CommitmentSCP(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s suite) TestPresence(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	i := Slice("1.2", 1)
	Record(t, l, i)
	got, err := l.Presence(t.Context(), []ledger.Reference{
		reference(i.SOPClassUID, i.SOPInstanceUID),
		reference("1.9", i.SOPInstanceUID),
		reference(i.SOPClassUID, "9.9"),
		reference("", ""),
	})
	if err != nil || !slices.Equal(got, []ledger.Presence{ledger.Present, ledger.OtherClass, ledger.Absent, ledger.Absent}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func (s suite) TestRequestCommitment_TellsARepetitionFromADuplicate(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	i := Slice("1.2", 1)
	Record(t, l, i)
	first := ledger.CommitmentSCP{
		TransactionUID: "1.1",
		CallingAE:      "CT1",
		CalledAE:       "JCS",
		References:     []ledger.Reference{reference(i.SOPClassUID, i.SOPInstanceUID), reference("a", "b")},
	}
	one := request(t, l, first)
	if one.State != ledger.SCPWaiting || one.Duplicate || !slices.Equal(one.References, first.References) || one.CalledAE != "JCS" {
		t.Errorf("got %+v", one)
	}
	if again := request(t, l, first); again.Duplicate {
		t.Error("the same request is taken for a duplicate")
	}
	if got := commitmentSCP(t, l, one.ID); got.State != ledger.SCPReplaced {
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
	if err != nil || !slices.ContainsFunc(h.Events, func(e ledger.Event) bool { return e.Kind == ledger.EventCommitmentRequested }) {
		t.Errorf("the study's history lacks the request: %v", err)
	}
	if _, err := l.CommitmentSCP(t.Context(), 999); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func (s suite) TestCommitmentSCPJob_RetriesAndSurvivesARestart(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{RetryDelay: fast})
	queued := request(t, l, ledger.CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1"})
	unqueued := request(t, l, ledger.CommitmentSCP{TransactionUID: "1.2", CallingAE: "CT1"})
	held := make(chan struct{})
	handlers := ledger.Handlers{Process: reporting(l), Deliver: deliverNothing, CommitmentSCP: func(ctx context.Context, id int64) error {
		close(held)
		<-ctx.Done() // until the process ends
		return ctx.Err()
	}}
	if err := l.QueueCommitmentSCP(t.Context(), queued.ID); err != nil {
		t.Fatal(err)
	}
	// Without a handler the rows wait.
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: deliverNothing})
	if err := l.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.FinishCommitmentSCP(t.Context(), unqueued.ID, ledger.SCPReported, "on the same association"); err != nil {
		t.Fatal(err)
	}
	startJobs(t, l, handlers)
	<-held
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = s.open(t, place, ledger.Options{RetryDelay: fast})
	var calls atomic.Int32
	report := func(ctx context.Context, id int64) error {
		if id != queued.ID {
			t.Errorf("job of %d", id)
		}
		if calls.Add(1) < 3 {
			return errors.Join(l.RetryCommitmentSCP(ctx, id, "nobody there"), &ledger.RetryAfter{Delay: time.Millisecond})
		}
		return l.FinishCommitmentSCP(ctx, id, ledger.SCPReported, "done")
	}
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: deliverNothing, CommitmentSCP: report})
	WaitFor(t, "the report", func() bool { return commitmentSCP(t, l, queued.ID).State == ledger.SCPReported })
	if c := commitmentSCP(t, l, queued.ID); c.Attempts != 2 || c.Detail != "done" || c.FinishedAt.IsZero() {
		t.Errorf("got %+v", c)
	}
	if c := commitmentSCP(t, l, unqueued.ID); c.Detail != "on the same association" {
		t.Errorf("got %+v", c)
	}
}

func (s suite) TestCommitmentSCPJob_FailingHandlerEndsIt(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 2})
	c := request(t, l, ledger.CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1"})
	broken := func(context.Context, int64) error { return errors.New("broken") }
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: deliverNothing, CommitmentSCP: broken})
	if err := l.QueueCommitmentSCP(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	WaitFor(t, "the end", func() bool { return commitmentSCP(t, l, c.ID).State == ledger.SCPFailed })
}

func (s suite) TestForgetCommitments(t *testing.T) {
	c := newClock()
	l := s.temp(t, ledger.Options{Now: c.Now})
	references := []ledger.Reference{reference("a", "b")}
	done := request(t, l, ledger.CommitmentSCP{TransactionUID: "1.1", CallingAE: "CT1", References: references})
	open := request(t, l, ledger.CommitmentSCP{TransactionUID: "1.2", CallingAE: "CT1", References: references})
	Must(t, l.FinishCommitmentSCP(t.Context(), done.ID, ledger.SCPReported, ""))
	c.Add(time.Hour)
	Must(t, l.ForgetCommitments(t.Context(), c.Now().Add(-2*time.Hour)))
	commitmentSCP(t, l, done.ID) // too young
	Must(t, l.ForgetCommitments(t.Context(), c.Now()))
	if _, err := l.CommitmentSCP(t.Context(), done.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if got := commitmentSCP(t, l, open.ID); len(got.References) != 1 {
		t.Errorf("%+v, want it as it was", got)
	}
}
