package dicomout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/commitment"
	"jcsnode/dicomout"
	"jcsnode/dimse"
	"jcsnode/ledger"
)

// commitmentSCP is an archive that is asked for storage commitment.
type commitmentSCP struct {
	pacs
	asked  []commitment.Request
	called []string
	status dimse.Status
	// answer gives the report to request n, from 1, on the association of the request; nil: none comes there.
	answer func(n int, r commitment.Request) *commitment.Result
}

func (k *commitmentSCP) Action(_ context.Context, a *dimse.Association, req *dimse.ActionRequest) (dimse.Status, string) {
	r, err := commitment.DecodeRequest(req.Body, req.TransferSyntaxUID)
	if err != nil {
		return dimse.StatusInvalidArgument, err.Error()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.status != dimse.StatusSuccess {
		return k.status, "of a test"
	}
	k.asked = append(k.asked, r)
	k.called = append(k.called, a.Requestor().CalledAETitle)
	if k.answer == nil {
		return dimse.StatusSuccess, ""
	}
	if report := k.answer(len(k.asked), r); report != nil {
		a.QueueEventReport(dimse.EventReport{SOPClassUID: commitment.PushModel, SOPInstanceUID: commitment.PushModelInstance,
			Make: func(syntax string) (uint16, []byte, error) { return report.EventType(), report.Encode(syntax), nil }})
	}
	return dimse.StatusSuccess, ""
}

// requests are those that came.
func (k *commitmentSCP) requests() []commitment.Request {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.asked)
}

// While the archive is out it is not asked, and nothing is written down about that.
func TestCommitmentSCU_WaitsForWhoIsOut(t *testing.T) {
	o := newOffice(t, (&pacs{}).serve(t))
	o.deliver(t)
	out := true
	o.scu.Out = func(string) (time.Time, bool) { return o.now.Add(7 * time.Minute), out }
	if got := o.ask(t, 1); got != 7*time.Minute {
		t.Errorf("asked again in %v", got)
	}
	if c := o.commitment(t, 1); c.Attempts != 0 || c.Asked != 0 || c.Detail != "" {
		t.Errorf("%+v", c)
	}
	out = false
	o.ask(t, 1)
	if c := o.commitment(t, 1); c.Attempts+c.Asked != 1 {
		t.Errorf("%+v", c)
	}
}

// An archive that is not in the configuration any more is not waited for.
func TestCommitmentSCU_EndsForWhoIsGone(t *testing.T) {
	archive := &commitmentSCP{}
	o := newOffice(t, archive.serve(t))
	o.deliver(t)
	if got := o.ask(t, 1); got < time.Minute {
		t.Fatalf("asked again in %v, want later", got)
	}
	o.scu.Destinations = func() []dicomout.Destination { return nil }
	if got := o.ask(t, 1); got != 0 || o.commitment(t, 1).State != ledger.SCUFailed {
		t.Errorf("asked again in %v: %+v", got, o.commitment(t, 1))
	}
}

// office is a ledger with a revision of three objects, the archive that they go to, and who sends and asks.
type office struct {
	now time.Time
	*ledger.Ledger
	rev    ledger.Revision
	worker *dicomout.DeliveryWorker
	scu    *dicomout.CommitmentSCU
}

func newOffice(t *testing.T, address string) *office {
	t.Helper()
	o := &office{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return o.now }
	l, dir, rev := reported(t, clock)
	o.Ledger, o.rev = l, rev
	o.worker = deliveryWorker(t, l, dir, clock, pacsAt(address))
	archive := &o.worker.Destinations()[0]
	archive.CommitmentAETitle, archive.CommitmentWait = "SAFE", time.Hour
	o.scu = &dicomout.CommitmentSCU{
		Ledger:       l,
		Destinations: o.worker.Destinations,
		Out:          o.worker.Out,
		Missed:       o.worker.Missed,
		Linger:       50 * time.Millisecond,
		Now:          clock,
		Logger:       slog.New(slog.DiscardHandler),
	}
	return o
}

func (o *office) deliver(t *testing.T) {
	t.Helper()
	if err := o.worker.Deliver(t.Context(), o.rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
}

// ask asks once, and returns after how long it will again, 0 for never.
func (o *office) ask(t *testing.T, id int64) time.Duration {
	t.Helper()
	err := o.scu.Ask(t.Context(), id)
	var retry *ledger.RetryAfter
	if err != nil && !errors.As(err, &retry) {
		t.Fatal(err)
	}
	if retry == nil {
		return 0
	}
	return retry.Delay
}

func (o *office) commitment(t *testing.T, id int64) ledger.CommitmentSCU {
	t.Helper()
	c, err := o.CommitmentSCU(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// says is what the archive says of each object.
func (o *office) says(t *testing.T) string {
	t.Helper()
	all := states(t, o.Ledger)
	var each []string
	for _, uid := range []string{"2.25.1", "2.25.2", "2.25.3"} {
		each = append(each, strings.Join(strings.Fields(all[uid].State+" "+all[uid].Commitment+" "+all[uid].CommitmentDetail), " "))
	}
	return strings.Join(each, ", ")
}

// all commits to everything, save that it does not have the instances named.
func all(r commitment.Request, save ...string) *commitment.Result {
	report := &commitment.Result{TransactionUID: r.TransactionUID}
	for _, reference := range r.References {
		if slices.Contains(save, reference.SOPInstanceUID) {
			report.Failed = append(report.Failed, commitment.Failure{Reference: reference, Reason: dimse.StatusNoSuchInstance})
		} else {
			report.Committed = append(report.Committed, reference)
		}
	}
	return report
}

func TestCommitmentSCU_OnTheSameAssociation(t *testing.T) {
	k := &commitmentSCP{answer: func(_ int, r commitment.Request) *commitment.Result { return all(r) }}
	o := newOffice(t, k.serveAs(t, k))
	o.scu.Linger = 10 * time.Second
	o.deliver(t)
	if got := o.says(t); got != "sent asked, sent asked, sent asked" {
		t.Fatal(got)
	}
	o.ask(t, 1)
	if got := o.says(t); got != "sent committed pacs, sent committed pacs, sent committed pacs" {
		t.Error(got)
	}
	if c := o.commitment(t, 1); c.State != ledger.SCUAnswered || c.Asked != 1 {
		t.Errorf("%+v", c)
	}
	if len(k.asked) != 1 || len(k.asked[0].References) != 3 ||
		k.called[0] != "SAFE" || !strings.HasPrefix(k.asked[0].TransactionUID, "2.25.") {
		t.Errorf("asked %+v of %v", k.asked, k.called)
	}
	if d := o.ask(t, 1); d != 0 || len(k.requests()) != 1 {
		t.Errorf("asked again, after %s", d)
	}
}

// What the archive does not have is sent once more, and asked about anew; what it has is left alone.
func TestCommitmentSCU_FailedObjectIsSentAgainOnce(t *testing.T) {
	k := &commitmentSCP{answer: func(_ int, r commitment.Request) *commitment.Result { return all(r, "2.25.2") }}
	o := newOffice(t, k.serveAs(t, k))
	o.scu.Linger = 10 * time.Second
	o.deliver(t)
	o.ask(t, 1)
	if got := o.says(t); got != "sent committed pacs, waiting, sent committed pacs" {
		t.Fatal(got)
	}
	o.deliver(t)
	o.ask(t, 2)
	if got := o.says(t); got != "sent committed pacs, sent failed 0112H (no such SOP instance), sent committed pacs" {
		t.Error(got)
	}
	if want := []string{"2.25.1", "2.25.2", "2.25.3", "2.25.2"}; !slices.Equal(k.received, want) {
		t.Errorf("the archive was sent %v, want %v", k.received, want)
	}
	if asked := k.requests(); len(asked) != 2 || len(asked[1].References) != 1 || asked[0].TransactionUID == asked[1].TransactionUID {
		t.Errorf("asked %+v", asked)
	}
}

// An archive that takes the request and says nothing is asked again, under another transaction; its answer to the first one, on an
// association of its own, counts.
func TestCommitmentSCU_UnansweredIsAskedAgain(t *testing.T) {
	k := &commitmentSCP{}
	o := newOffice(t, k.serveAs(t, k))
	o.deliver(t)
	for i, want := range []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour} {
		if d := o.ask(t, 1); d != want {
			t.Errorf("request %d is repeated after %s, want %s", i+1, d, want)
		}
		if d := o.ask(t, 1); d != want || len(k.requests()) != i+1 { // a restart does not ask before the time
			t.Errorf("asked %d times, again after %s", len(k.requests()), d)
		}
		o.now = o.now.Add(want)
	}
	asked := k.requests()
	if asked[0].TransactionUID == asked[1].TransactionUID {
		t.Error("two requests under one transaction")
	}
	unknown := commitment.Result{TransactionUID: "1.2.3", Committed: asked[0].References}
	if err := o.scu.Take(t.Context(), "PACS at 10.0.0.7:40000", unknown); !errors.Is(err, commitment.ErrUnknown) {
		t.Errorf("report on a transaction of nobody: %v", err)
	}
	if err := o.scu.Take(t.Context(), "PACS at 10.0.0.7:40000", *all(asked[0])); err != nil {
		t.Fatal(err)
	}
	const committed = "sent committed PACS at 10.0.0.7:40000"
	if got := o.says(t); got != strings.Join([]string{committed, committed, committed}, ", ") {
		t.Error(got)
	}
	if d := o.ask(t, 1); d != 0 || len(k.requests()) != 3 {
		t.Errorf("asked again, after %s", d)
	}
}

func TestCommitmentSCU_NobodyToAsk(t *testing.T) {
	for _, c := range []struct {
		name string
		k    *commitmentSCP
		want string
	}{
		{"class refused", &commitmentSCP{pacs: pacs{refused: commitment.PushModel}}, "does not accept storage commitment"},
		{"request refused", &commitmentSCP{status: dimse.StatusProcessingFailure}, "refused the request for storage commitment, 0110H"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t, c.k.serveAs(t, c.k))
			o.deliver(t)
			o.scu.Missed = func(string) { t.Error("a delivery would have it asked again at once") }
			for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
				if d := o.ask(t, 1); d != want {
					t.Errorf("again after %s, want %s", d, want)
				}
				o.now = o.now.Add(want)
			}
			if got := o.commitment(t, 1); got.Attempts != 3 || got.Asked != 0 || !strings.Contains(got.Detail, c.want) {
				t.Errorf("%+v", got)
			}
			// Enabled at last.
			c.k.mu.Lock()
			c.k.refused, c.k.status = "", dimse.StatusSuccess
			c.k.answer = func(_ int, r commitment.Request) *commitment.Result { return all(r) }
			c.k.mu.Unlock()
			o.scu.Linger = 10 * time.Second
			o.ask(t, 1)
			if got := o.commitment(t, 1); got.State != ledger.SCUAnswered {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCommitmentSCU_GivenUpAfterAWeek(t *testing.T) {
	k := &commitmentSCP{}
	o := newOffice(t, k.serveAs(t, k))
	o.deliver(t)
	began, requests := o.now, 0
	for d := o.ask(t, 1); d > 0; d = o.ask(t, 1) {
		o.now = o.now.Add(d)
		requests++
	}
	if took := o.now.Sub(began); took < 7*24*time.Hour || took > 9*24*time.Hour || requests > 15 {
		t.Errorf("given up after %s and %d requests", took, requests)
	}
	want := fmt.Sprintf("sent failed no answer to %d requests for storage commitment in 168h0m0s", requests)
	if got := o.says(t); got != strings.Join([]string{want, want, want}, ", ") {
		t.Error(got)
	}
}

func TestCommitmentSCU_DestinationThatIsNotAskedAnyMore(t *testing.T) {
	k := &commitmentSCP{}
	o := newOffice(t, k.serveAs(t, k))
	o.deliver(t)
	o.scu.Destinations = func() []dicomout.Destination { return nil }
	if d := o.ask(t, 1); d != 0 || len(k.requests()) != 0 {
		t.Errorf("asked %d times, again after %s", len(k.requests()), d)
	}
	if c := o.commitment(t, 1); c.State != ledger.SCUFailed || c.Detail == "" {
		t.Errorf("%+v", c)
	}
}

// A request that did not get through goes at once when a delivery finds the archive back, however long it was to wait; one that waits for
// the archive's answer goes on waiting.
func TestCommitmentSCU_WokenByADelivery(t *testing.T) {
	archive := &commitmentSCP{}
	address := archive.serveAs(t, archive)
	o := newOffice(t, address)
	o.deliver(t)
	at := &o.worker.Destinations()[0].Address
	*at = "127.0.0.1:1"
	for range 4 {
		o.now = o.now.Add(o.ask(t, 1))
	}
	o.ask(t, 1)
	if c := o.commitment(t, 1); c.Attempts != 5 || c.NextAt.Sub(o.now) < 10*time.Minute {
		t.Fatalf("after attempts in vain %+v", c)
	}
	*at = address
	again := func() {
		t.Helper()
		if err := o.Resend(t.Context(), "1.2"); err != nil {
			t.Fatal(err)
		}
		o.deliver(t)
	}
	tried := o.commitment(t, 1)
	again()
	if c := o.commitment(t, 1); !c.NextAt.Equal(tried.NextAt) {
		t.Fatalf("tried just now, and woken: %+v", c)
	}
	o.now = o.now.Add(10 * time.Minute)
	o.worker.Missed("pacs")
	again()
	if c := o.commitment(t, 1); !c.NextAt.IsZero() {
		t.Fatalf("woken, and waits until %v", c.NextAt.Sub(o.now))
	}
	o.ask(t, 1)
	asked := o.commitment(t, 1)
	if asked.Asked != 1 || asked.Attempts != 0 {
		t.Fatalf("not asked: %+v", asked)
	}
	o.worker.Missed("pacs")
	again()
	if c := o.commitment(t, 1); !c.NextAt.Equal(asked.NextAt) {
		t.Errorf("an answer is waited for until %v, then until %v", asked.NextAt, c.NextAt)
	}
}
