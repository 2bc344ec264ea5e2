package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/ledger"
)

// stored is a revision of three objects that the PACS was sent, the second in another form.
func stored(t *testing.T, l *ledger.Ledger) ledger.Revision {
	t.Helper()
	Record(t, l, Slice("1.2", 1))
	rev := found(t, l, `{}`)
	Must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs"}, objects("2.25.1", "2.25.2", "2.25.3")...), ledger.Reason{}))
	deliverAll(t, l, rev)
	return rev
}

func deliverAll(t *testing.T, l *ledger.Ledger, rev ledger.Revision) {
	t.Helper()
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	Must(t, err)
	for _, d := range waiting {
		o := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true, Status: "0000H"}
		if d.Object.SOPInstanceUID == "2.25.2" {
			o.SentClass, o.SentUID = "d", "2.25.22"
		}
		Must(t, l.RecordDelivery(t.Context(), d.ID, o))
	}
}

// commitments lists what the PACS says about each object, and how often each was sent again.
func commitments(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	var all []string
	for _, d := range History(t, l, "1.2").Revisions[0].Deliveries {
		all = append(all, fmt.Sprintf("%s %s %d", d.State, d.Commitment, d.Resent))
	}
	return strings.Join(all, ", ")
}

func commitmentSCU(t *testing.T, l *ledger.Ledger, id int64) ledger.CommitmentSCU {
	t.Helper()
	c, err := l.CommitmentSCU(t.Context(), id)
	Must(t, err)
	return c
}

func answer(ctx context.Context, l *ledger.Ledger, a ledger.CommitmentAnswer) error {
	study, err := l.AnswerCommitment(ctx, a)
	if err == nil && study != "1.2" {
		return fmt.Errorf("the transaction is about study %q", study)
	}
	return err
}

// reported is an answer of the PACS.
func reported(transactionUID string, committed []ledger.Reference, failed ...ledger.FailedReference) ledger.CommitmentAnswer {
	return ledger.CommitmentAnswer{TransactionUID: transactionUID, From: "PACS", Committed: committed, Failed: failed}
}

func ref(n string) ledger.Reference { return reference("c", "2.25."+n) }

func refused(r ledger.Reference) ledger.FailedReference {
	return ledger.FailedReference{Reference: r, Reason: "0112H"}
}

func (s suite) TestCommitmentSCU_AskedWhenAllIsStored(t *testing.T) {
	l := s.temp(t, ledger.Options{CommitmentFrom: []string{"pacs"}})
	Record(t, l, Slice("1.2", 1))
	rev := found(t, l, `{}`)
	Must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "viewer"}, objects("2.25.1", "2.25.2")...), ledger.Reason{}))
	viewer, err := l.Pending(t.Context(), rev.ID, "viewer")
	Must(t, err)
	pacs, err := l.Pending(t.Context(), rev.ID, "pacs")
	Must(t, err)
	for _, d := range []ledger.Delivery{viewer[0], viewer[1], pacs[0]} {
		Must(t, l.RecordDelivery(t.Context(), d.ID, ledger.DeliveryOutcome{State: ledger.DeliverySent}))
		if n := len(History(t, l, "1.2").Revisions[0].Commitments); n != 0 {
			t.Fatalf("%d requests before the PACS has all", n)
		}
	}
	// The last one is given up: the PACS is asked about what it took.
	Must(t, l.RecordDelivery(t.Context(), pacs[1].ID, ledger.DeliveryOutcome{State: ledger.DeliveryFailed}))
	c := commitmentSCU(t, l, 1)
	if c.State != ledger.SCUWaiting || c.Destination != "pacs" || !slices.Equal(c.References, []ledger.Reference{ref("1")}) {
		t.Errorf("%+v", c)
	}
}

func (s suite) TestCommitmentSCU_SentAgainOnceThenFailed(t *testing.T) {
	l := s.temp(t, ledger.Options{CommitmentFrom: []string{"pacs"}, Receivers: everything})
	rev := stored(t, l)
	ctx := t.Context()
	c := commitmentSCU(t, l, 1)
	if want := []ledger.Reference{ref("1"), reference("d", "2.25.22"), ref("3")}; !slices.Equal(c.References, want) {
		t.Fatalf("asked about %v, want %v, as they were sent", c.References, want)
	}
	Must(t,
		l.SaveTransactionUID(ctx, 1, "5.1"),
		l.AskedForCommitment(ctx, 1, time.Now().Add(time.Hour)),
		l.SaveTransactionUID(ctx, 1, "5.2"))
	if err := answer(ctx, l, ledger.CommitmentAnswer{TransactionUID: "5.9"}); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("unknown transaction: %v", err)
	}
	// The answer to the first request comes after the second one left. It says nothing of the third object.
	Must(t, answer(ctx, l, reported("5.1", []ledger.Reference{ref("1")}, refused(reference("", "2.25.22")))))
	if got := commitments(t, l); got != "sent committed 0, waiting  1, sent asked 0" {
		t.Fatal(got)
	}
	Must(t, answer(ctx, l, reported("5.2", []ledger.Reference{ref("1"), ref("3")})))
	if c := commitmentSCU(t, l, 1); c.State != ledger.SCUAnswered || c.FinishedAt.IsZero() {
		t.Errorf("%+v", c)
	}

	// Sent again, asked again, and still not there.
	deliverAll(t, l, rev)
	if c := commitmentSCU(t, l, 2); !slices.Equal(c.References, []ledger.Reference{reference("d", "2.25.22")}) {
		t.Fatalf("%+v", c)
	}
	Must(t, l.SaveTransactionUID(ctx, 2, "5.3"))
	for range 2 { // a peer that says it twice
		Must(t, answer(ctx, l, reported("5.3", nil, refused(reference("d", "2.25.22")))))
	}
	if got := commitments(t, l); got != "sent committed 0, sent failed 1, sent committed 0" {
		t.Fatal(got)
	}
	wantTold(t, l, "ris: result, , waiting", "ris: failed delivery to pacs, not-confirmed, waiting")

	// The operator has removed the cause.
	Must(t, l.Requeue(ctx, "1.2"))
	deliverAll(t, l, rev)
	Must(t, l.SaveTransactionUID(ctx, 3, "5.4"), answer(ctx, l, reported("5.4", []ledger.Reference{reference("d", "2.25.22")})))
	if got := commitments(t, l); got != "sent committed 0, sent committed 0, sent committed 0" {
		t.Error(got)
	}

	// It has lost all of them, and is asked about them anew.
	Must(t, l.Resend(ctx, "1.2"))
	deliverAll(t, l, rev)
	if c := commitmentSCU(t, l, 4); len(c.References) != 3 {
		t.Errorf("asked about %d objects that were sent again, want 3", len(c.References))
	}
}

// A request that was at fault is made again in its time; nothing is sent a second time for it.
func (s suite) TestCommitmentSCU_AskedAgainForADuplicateTransaction(t *testing.T) {
	l := s.temp(t, ledger.Options{CommitmentFrom: []string{"pacs"}})
	stored(t, l)
	ctx := t.Context()
	Must(t, l.SaveTransactionUID(ctx, 1, "5.1"), l.AskedForCommitment(ctx, 1, time.Now().Add(time.Hour)))
	again := ledger.FailedReference{Reference: ref("1"), Reason: "0131H", Again: true}
	Must(t, answer(ctx, l, reported("5.1", []ledger.Reference{reference("d", "2.25.22"), ref("3")}, again)))
	if c := commitmentSCU(t, l, 1); c.State != ledger.SCUWaiting || !slices.Equal(c.References, []ledger.Reference{ref("1")}) {
		t.Errorf("%+v", c)
	}
}

func (s suite) TestCommitmentSCU_GivenUp(t *testing.T) {
	l := s.temp(t, ledger.Options{CommitmentFrom: []string{"pacs"}, Receivers: everything})
	stored(t, l)
	Must(t, l.SaveTransactionUID(t.Context(), 1, "5.1"), answer(t.Context(), l, reported("5.1", []ledger.Reference{ref("1")})))
	Must(t, l.GiveUpCommitmentSCU(t.Context(), 1, "no answer for a week"))
	if got := commitments(t, l); got != "sent committed 0, sent failed 0, sent failed 0" {
		t.Error(got)
	}
	wantTold(t, l, "ris: result, , waiting", "ris: failed delivery to pacs, not-confirmed, waiting")
	if f := History(t, l, "1.2").Notifications[1].Notice; !strings.Contains(f.Reason.Text, "no answer for a week (2 objects)") {
		t.Errorf("%+v", f)
	}
}

// What a newer revision has replaced is not sent again, and nobody is told that it is lost.
func (s suite) TestCommitmentSCU_OfWhatIsReplaced(t *testing.T) {
	l := s.temp(t, ledger.Options{CommitmentFrom: []string{"pacs"}, Receivers: pager})
	stored(t, l)
	Must(t, l.SaveTransactionUID(t.Context(), 1, "5.1"))
	second := begun(t, l, 2)
	Must(t, l.Complete(t.Context(), second.ID, to([]string{"pacs"}, objects("2.25.4")...), ledger.Reason{}))
	Must(t, answer(t.Context(), l, reported("5.1", []ledger.Reference{ref("1"), ref("3")}, refused(reference("d", "2.25.22")))))
	if got := commitments(t, l); got != "sent committed 0, sent failed 0, sent committed 0" {
		t.Error(got)
	}
	wantTold(t, l)
}

func (s suite) TestCommitmentSCUJob_SurvivesARestart(t *testing.T) {
	place := s.Place(t)
	opt := ledger.Options{RetryDelay: fast, CommitmentFrom: []string{"pacs"}}
	l := s.open(t, place, opt)
	held := make(chan struct{})
	hold := func(ctx context.Context, id int64) error {
		if err := l.SaveTransactionUID(ctx, id, "5.1"); err != nil {
			return err
		}
		close(held)
		<-ctx.Done() // until the process ends
		return ctx.Err()
	}
	stored(t, l) // before a job reads the study, too
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: deliverNothing, CommitmentSCU: hold})
	<-held
	Must(t, l.Close())

	l = s.open(t, place, opt)
	var calls atomic.Int32
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l), CommitmentSCU: func(ctx context.Context, id int64) error {
		if calls.Add(1) < 3 {
			return errors.Join(l.RetryCommitmentSCU(ctx, id, "nobody there", time.Now()), &ledger.RetryAfter{Delay: time.Millisecond})
		}
		// The answer to what was asked before the restart is known still.
		return answer(ctx, l, reported("5.1", []ledger.Reference{ref("1"), reference("d", "2.25.22"), ref("3")}))
	}})
	WaitFor(t, "the answer", func() bool { return commitmentSCU(t, l, 1).State == ledger.SCUAnswered })
	if c := commitmentSCU(t, l, 1); c.Attempts != 2 {
		t.Errorf("%+v", c)
	}
}
