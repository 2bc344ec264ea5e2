package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stored is a revision of three objects that the PACS was sent, the second in another form.
func stored(t *testing.T, l *Ledger) Revision {
	t.Helper()
	record(t, l, slice("1.2", 1))
	rev := found(t, l, `{}`)
	must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs"}, Object{SOPInstanceUID: "2.25.1", SOPClassUID: "c"}, Object{SOPInstanceUID: "2.25.2", SOPClassUID: "c"},
		Object{SOPInstanceUID: "2.25.3", SOPClassUID: "c"}), Reason{}))
	deliverAll(t, l, rev)
	return rev
}

func deliverAll(t *testing.T, l *Ledger, rev Revision) {
	t.Helper()
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	must(t, err)
	for _, d := range waiting {
		o := DeliveryOutcome{State: DeliverySent, Attempted: true, Status: "0000H"}
		if d.Object.SOPInstanceUID == "2.25.2" {
			o.SentClass, o.SentUID = "d", "2.25.22"
		}
		must(t, l.RecordDelivery(t.Context(), d.ID, o))
	}
}

// commitments lists what the PACS says about each object, and how often each was sent again.
func commitments(t *testing.T, l *Ledger) string {
	t.Helper()
	var all []string
	for _, d := range history(t, l, "1.2").Revisions[0].Deliveries {
		all = append(all, fmt.Sprintf("%s %s %d", d.State, d.Commitment, d.Resent))
	}
	return strings.Join(all, ", ")
}

func confirmation(t *testing.T, l *Ledger, id int64) CommitmentSCU {
	t.Helper()
	c, err := l.CommitmentSCU(t.Context(), id)
	must(t, err)
	return c
}

func ref(n string) Reference { return Reference{"c", "2.25." + n} }

func refused(r Reference) FailedReference { return FailedReference{Reference: r, Reason: "0112H"} }

func TestConfirmation_AskedWhenAllIsStored(t *testing.T) {
	l := tempLedger(t, Options{Confirming: []string{"pacs"}})
	record(t, l, slice("1.2", 1))
	rev := found(t, l, `{}`)
	must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "viewer"}, Object{SOPInstanceUID: "2.25.1", SOPClassUID: "c"}, Object{SOPInstanceUID: "2.25.2", SOPClassUID: "c"}), Reason{}))
	viewer, err := l.Pending(t.Context(), rev.ID, "viewer")
	must(t, err)
	pacs, err := l.Pending(t.Context(), rev.ID, "pacs")
	must(t, err)
	for _, d := range []Delivery{viewer[0], viewer[1], pacs[0]} {
		must(t, l.RecordDelivery(t.Context(), d.ID, DeliveryOutcome{State: DeliverySent}))
		if n := len(history(t, l, "1.2").Revisions[0].Confirmations); n != 0 {
			t.Fatalf("%d confirmations before the PACS has all", n)
		}
	}
	// The last one is given up: the PACS is asked about what it took.
	must(t, l.RecordDelivery(t.Context(), pacs[1].ID, DeliveryOutcome{State: DeliveryFailed}))
	c := confirmation(t, l, 1)
	if c.State != SCUWaiting || c.Destination != "pacs" || !slices.Equal(c.References, []Reference{ref("1")}) {
		t.Errorf("%+v", c)
	}
}

func TestConfirmation_SentAgainOnceThenFailed(t *testing.T) {
	l := tempLedger(t, Options{Confirming: []string{"pacs"}, Receivers: everything})
	rev := stored(t, l)
	ctx := t.Context()
	c := confirmation(t, l, 1)
	if want := []Reference{ref("1"), {"d", "2.25.22"}, ref("3")}; !slices.Equal(c.References, want) {
		t.Fatalf("asked about %v, want %v, as they were sent", c.References, want)
	}
	must(t, l.SaveTransactionUID(ctx, 1, "5.1"), l.AskedForCommitment(ctx, 1, l.now().Add(time.Hour)), l.SaveTransactionUID(ctx, 1, "5.2"))
	if err := l.AnswerCommitment(ctx, CommitmentAnswer{TransactionUID: "5.9"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown transaction: %v", err)
	}
	// The answer to the first request comes after the second one left. It says nothing of the third object.
	must(t, l.AnswerCommitment(ctx, CommitmentAnswer{"5.1", "PACS", []Reference{ref("1")}, []FailedReference{refused(Reference{"", "2.25.22"})}}))
	if got := commitments(t, l); got != "sent committed 0, waiting  1, sent asked 0" {
		t.Fatal(got)
	}
	must(t, l.AnswerCommitment(ctx, CommitmentAnswer{"5.2", "PACS", []Reference{ref("1"), ref("3")}, nil}))
	if c := confirmation(t, l, 1); c.State != SCUAnswered || c.FinishedAt.IsZero() {
		t.Errorf("%+v", c)
	}

	// Sent again, asked again, and still not there.
	deliverAll(t, l, rev)
	if c := confirmation(t, l, 2); !slices.Equal(c.References, []Reference{{"d", "2.25.22"}}) {
		t.Fatalf("%+v", c)
	}
	must(t, l.SaveTransactionUID(ctx, 2, "5.3"))
	for range 2 { // a peer that says it twice
		must(t, l.AnswerCommitment(ctx, CommitmentAnswer{"5.3", "PACS", nil, []FailedReference{refused(Reference{"d", "2.25.22"})}}))
	}
	if got := commitments(t, l); got != "sent committed 0, sent failed 1, sent committed 0" {
		t.Fatal(got)
	}
	wantTold(t, l, "ris: result, , waiting", "ris: failed delivery to pacs, not-confirmed, waiting")

	// The operator has removed the cause.
	must(t, l.Requeue(ctx, "1.2"))
	deliverAll(t, l, rev)
	must(t, l.SaveTransactionUID(ctx, 3, "5.4"), l.AnswerCommitment(ctx, CommitmentAnswer{"5.4", "PACS", []Reference{{"d", "2.25.22"}}, nil}))
	if got := commitments(t, l); got != "sent committed 0, sent committed 0, sent committed 0" {
		t.Error(got)
	}

	// It has lost all of them, and is asked about them anew.
	must(t, l.Resend(ctx, "1.2"))
	deliverAll(t, l, rev)
	if c := confirmation(t, l, 4); len(c.References) != 3 {
		t.Errorf("asked about %d objects that were sent again, want 3", len(c.References))
	}
}

// A request that was at fault is made again in its time; nothing is sent a second time for it.
func TestConfirmation_AskedAgainForADuplicateTransaction(t *testing.T) {
	l := tempLedger(t, Options{Confirming: []string{"pacs"}})
	stored(t, l)
	ctx := t.Context()
	must(t, l.SaveTransactionUID(ctx, 1, "5.1"), l.AskedForCommitment(ctx, 1, l.now().Add(time.Hour)))
	again := FailedReference{Reference: ref("1"), Reason: "0131H", Again: true}
	must(t, l.AnswerCommitment(ctx, CommitmentAnswer{"5.1", "PACS", []Reference{{"d", "2.25.22"}, ref("3")}, []FailedReference{again}}))
	if c := confirmation(t, l, 1); c.State != SCUWaiting || !slices.Equal(c.References, []Reference{ref("1")}) {
		t.Errorf("%+v", c)
	}
}

func TestConfirmation_GivenUp(t *testing.T) {
	l := tempLedger(t, Options{Confirming: []string{"pacs"}, Receivers: everything})
	stored(t, l)
	must(t, l.SaveTransactionUID(t.Context(), 1, "5.1"), l.AnswerCommitment(t.Context(), CommitmentAnswer{"5.1", "PACS", []Reference{ref("1")}, nil}))
	must(t, l.GiveUpCommitmentSCU(t.Context(), 1, "no answer for a week"))
	if got := commitments(t, l); got != "sent committed 0, sent failed 0, sent failed 0" {
		t.Error(got)
	}
	wantTold(t, l, "ris: result, , waiting", "ris: failed delivery to pacs, not-confirmed, waiting")
	if f := history(t, l, "1.2").Notifications[1].Notice; !strings.Contains(f.Reason.Text, "no answer for a week (2 objects)") {
		t.Errorf("%+v", f)
	}
}

// What a newer revision has replaced is not sent again, and nobody is told that it is lost.
func TestConfirmation_OfWhatIsReplaced(t *testing.T) {
	l := tempLedger(t, Options{Confirming: []string{"pacs"}, Receivers: []Subscription{{"pager", []string{NoticeFailure}}}})
	stored(t, l)
	must(t, l.SaveTransactionUID(t.Context(), 1, "5.1"))
	second := begun(t, l, 2)
	must(t, l.Complete(t.Context(), second.ID, to([]string{"pacs"}, Object{SOPInstanceUID: "2.25.4", SOPClassUID: "c"}), Reason{}))
	must(t, l.AnswerCommitment(t.Context(), CommitmentAnswer{"5.1", "PACS", []Reference{ref("1"), ref("3")}, []FailedReference{refused(Reference{"d", "2.25.22"})}}))
	if got := commitments(t, l); got != "sent committed 0, sent failed 0, sent committed 0" {
		t.Error(got)
	}
	wantTold(t, l)
}

func TestConfirmationJob_SurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	opt := Options{RetryDelay: fast, Confirming: []string{"pacs"}}
	l := openTest(t, path, opt)
	held := make(chan struct{})
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l), Confirm: func(ctx context.Context, id int64) error {
		if err := l.SaveTransactionUID(ctx, id, "5.1"); err != nil {
			return err
		}
		close(held)
		<-ctx.Done() // until the process ends
		return ctx.Err()
	}})
	stored(t, l)
	<-held
	must(t, l.Close())

	l = openTest(t, path, opt)
	var calls atomic.Int32
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l), Confirm: func(ctx context.Context, id int64) error {
		if calls.Add(1) < 3 {
			return errors.Join(l.RetryCommitmentSCU(ctx, id, "nobody there", l.now()), &RetryAfter{Delay: time.Millisecond})
		}
		// The answer to what was asked before the restart is known still.
		return l.AnswerCommitment(ctx, CommitmentAnswer{"5.1", "PACS", []Reference{ref("1"), {"d", "2.25.22"}, ref("3")}, nil})
	}})
	waitFor(t, "the answer", func() bool { return confirmation(t, l, 1).State == SCUAnswered })
	if c := confirmation(t, l, 1); c.Attempts != 2 {
		t.Errorf("%+v", c)
	}
}
