package scp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/commitment"
	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
	"jcsnode/ledger"
)

// withCommitment gives a door storage commitment that reports to address, "" for none.
func withCommitment(address string) func(*Door) {
	return func(d *Door) {
		addresses := []ReportAddress{{AETitle: "CT1", Address: address}}
		d.Commitment = &CommitmentSCP{Ledger: d.ledger.(*ledger.Ledger), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
			Addresses: func() []ReportAddress { return addresses }}
	}
}

// readReport gives a report back as text: "type transaction | good ... | failed reason ...".
func readReport(e *dimse.EventRequest) string {
	r, err := commitment.DecodeResult(e.Body, e.TransferSyntaxUID)
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%d %s |", e.EventTypeID, r.TransactionUID)
	for _, i := range r.Committed {
		text += " " + i.SOPInstanceUID
	}
	text += " |"
	for _, i := range r.Failed {
		text += fmt.Sprintf(" %s %04XH", i.SOPInstanceUID, uint16(i.Reason))
	}
	return text
}

// patience is how long a report may take.
const patience = 20 * time.Second

// requestor is a modality that stores and asks.
type requestor struct {
	*dimse.Conn
	reports []string
	syntax  string
}

func (n *node) requestor(t *testing.T, syntax string) *requestor {
	t.Helper()
	r := &requestor{syntax: syntax}
	d := dimse.Dialer{CallingAETitle: "CT1", EventReport: func(e *dimse.EventRequest) (dimse.Status, string) {
		r.reports = append(r.reports, readReport(e))
		return dimse.StatusSuccess, ""
	}}
	var err error
	r.Conn, err = d.Dial(t.Context(), n.addr, "JCS", []dimse.PresentationContext{
		{AbstractSyntax: CTImageStorage, TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian}},
		{AbstractSyntax: commitment.PushModel, TransferSyntaxes: []string{syntax}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Abort() })
	return r
}

func (r *requestor) ask(t *testing.T, transaction string, sops ...string) {
	t.Helper()
	var references []commitment.Reference
	for _, sop := range sops {
		class := CTImageStorage
		if rest, ok := strings.CutPrefix(sop, "MR "); ok {
			class, sop = "1.2.840.10008.5.1.4.1.1.4", rest
		}
		references = append(references, commitment.Reference{SOPClassUID: class, SOPInstanceUID: sop})
	}
	request := commitment.Request{TransactionUID: transaction, References: references}
	response, err := r.Action(t.Context(), dimse.ActionCommand{
		SOPClassUID:       commitment.PushModel,
		SOPInstanceUID:    commitment.PushModelInstance,
		ActionTypeID:      1,
		TransferSyntaxUID: r.syntax,
		Body:              bytes.NewReader(request.Encode(r.syntax)),
	})
	if err != nil || response.Status != dimse.StatusSuccess {
		t.Fatalf("N-ACTION: %v, %v", response, err)
	}
}

func TestCommitment_OnTheSameAssociation(t *testing.T) {
	for _, syntax := range []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian} {
		t.Run(syntax, func(t *testing.T) {
			n := startNode(t, Settings{}, withCommitment(""))
			r := n.requestor(t, syntax)
			for _, sop := range []string{"1.1", "1.2"} {
				if got := send(t, r.Conn, aSlice("1.9", sop)); got.Status != dimse.StatusSuccess {
					t.Fatal(got)
				}
			}
			r.ask(t, "5.1", "1.1", "1.2")
			if came, err := r.AwaitReport(t.Context(), patience); err != nil || !came {
				t.Fatal(err)
			}
			r.ask(t, "5.2", "1.1", "9.9", "MR 1.2")
			if came, err := r.AwaitReport(t.Context(), patience); err != nil || !came {
				t.Fatal(err)
			}
			r.ask(t, "5.1", "1.2") // the transaction is that of another request
			if came, err := r.AwaitReport(t.Context(), patience); err != nil || !came {
				t.Fatal(err)
			}
			r.ask(t, "5.1", "1.1", "1.2") // the same request again
			if came, err := r.AwaitReport(t.Context(), patience); err != nil || !came {
				t.Fatal(err)
			}
			want := []string{"1 5.1 | 1.1 1.2 |", "2 5.2 | 1.1 | 9.9 0112H 1.2 0119H", "2 5.1 | | 1.2 0131H", "1 5.1 | 1.1 1.2 |"}
			if !slices.Equal(r.reports, want) {
				t.Errorf("got  %q\nwant %q", r.reports, want)
			}
			if err := r.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the outcomes in the history", func() bool { return len(n.events(t, ledger.EventCommitmentReported)) == 4 })
			if e := n.events(t, ledger.EventCommitmentRequested)[0]; e.StudyUID != "1.9" {
				t.Errorf("the request is not in the study's history: %+v", e)
			}
		})
	}
}

// modality is a peer that takes reports on associations to it.
type modality struct{ reports chan string }

func (*modality) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }
func (*modality) Store(context.Context, *dimse.Association, *dimse.StoreRequest) (dimse.Status, string) {
	return dimse.StatusProcessingFailure, ""
}
func (*modality) Closed(*dimse.Association, error) {}
func (m *modality) EventReport(_ context.Context, a *dimse.Association, e *dimse.EventRequest) (dimse.Status, string) {
	m.reports <- a.Requestor().CallingAETitle + " to " + a.Requestor().CalledAETitle + ": " + readReport(e)
	return dimse.StatusSuccess, ""
}

func (m *modality) serve(t *testing.T, l net.Listener) {
	t.Helper()
	s := &dimse.Server{Handler: m, Logger: slog.New(slog.DiscardHandler), GrantSCP: func(dimse.Requestor, string) bool { return true },
		Accept: func(_ dimse.Requestor, _ string, proposed []string) (string, byte) {
			return proposed[0], pdu.ResultAcceptance
		}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func startCommitJobs(t *testing.T, n *node) {
	t.Helper()
	nothing := func(context.Context, int64) error { return nil }
	err := n.l.StartJobs(t.Context(), ledger.Handlers{Process: nothing, Deliver: func(context.Context, int64, string) error { return nil },
		CommitmentSCP: n.door.Commitment.Deliver}, 1)
	if err != nil {
		t.Fatal(err)
	}
}

func TestCommitment_OnAnAssociationOfOursAfterARelease(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &modality{reports: make(chan string, 10)}
	m.serve(t, l)
	n := startNode(t, Settings{}, withCommitment(l.Addr().String()))
	startCommitJobs(t, n)
	r := n.requestor(t, dataset.ExplicitVRLittleEndian)
	if got := send(t, r.Conn, aSlice("1.9", "1.1")); got.Status != dimse.StatusSuccess {
		t.Fatal(got)
	}
	r.ask(t, "5.1", "1.1")
	if err := r.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-m.reports:
		if want := "JCS to CT1: 1 5.1 | 1.1 |"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no report")
	}
	waitFor(t, "the end in the ledger", func() bool { return len(n.events(t, ledger.EventCommitmentReported)) == 1 })
}

func TestCommitment_OnTheNextAssociationOfARequestorWithoutAddress(t *testing.T) {
	n := startNode(t, Settings{}, withCommitment(""))
	startCommitJobs(t, n)
	r := n.requestor(t, dataset.ExplicitVRLittleEndian)
	r.ask(t, "5.1", "9.9")
	if err := r.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the attempt in vain", func() bool {
		c, err := n.l.CommitmentSCP(t.Context(), 1)
		return err == nil && c.Attempts > 0
	})
	r = n.requestor(t, dataset.ImplicitVRLittleEndian)
	if came, err := r.AwaitReport(t.Context(), patience); err != nil || !came {
		t.Fatal(err)
	}
	if want := []string{"2 5.1 | | 9.9 0112H"}; !slices.Equal(r.reports, want) {
		t.Errorf("got %q, want %q", r.reports, want)
	}
	waitFor(t, "the end in the ledger", func() bool { return len(n.events(t, ledger.EventCommitmentReported)) == 1 })
}

func TestCommitment_DeliverRetriesAndGivesUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // nobody is there yet
	n := startNode(t, Settings{}, withCommitment(address))
	c := n.door.Commitment
	ask := func(calling string) int64 {
		t.Helper()
		id, err := n.l.RequestCommitment(t.Context(), ledger.CommitmentSCP{TransactionUID: calling, CallingAE: calling, CalledAE: "JCS",
			References: []ledger.Reference{{SOPClassUID: CTImageStorage, SOPInstanceUID: "1"}}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	state := func(id int64) ledger.CommitmentSCP {
		t.Helper()
		row, err := n.l.CommitmentSCP(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	id := ask("CT1")
	var retry *ledger.RetryAfter
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		if err := c.Deliver(t.Context(), id); !errors.As(err, &retry) || retry.Delay != want {
			t.Fatalf("got %v, want a retry after %v", err, want)
		}
	}
	if row := state(id); row.State != ledger.SCPWaiting || row.Attempts != 3 || !strings.Contains(row.Detail, "refused") {
		t.Errorf("got %+v", row)
	}
	stranger := ask("CT2")
	err = c.Deliver(t.Context(), stranger)
	if s := state(stranger); !errors.As(err, &retry) || s.State != ledger.SCPWaiting || !strings.Contains(s.Detail, "no [[peer]]") {
		t.Errorf("no address: %v, %+v", err, s)
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Skipf("the port was taken by somebody else: %v", err)
	}
	m := &modality{reports: make(chan string, 10)}
	m.serve(t, l)
	if err := c.Deliver(t.Context(), id); err != nil || state(id).State != ledger.SCPReported {
		t.Errorf("%v, %+v", err, state(id))
	}
	if got := <-m.reports; got != "JCS to CT1: 2 CT1 | | 1 0112H" {
		t.Errorf("got %q", got)
	}
	if err := c.Deliver(t.Context(), id); err != nil || len(m.reports) != 0 {
		t.Errorf("reported twice, or %v", err)
	}

	c.Addresses()[0].Address = "127.0.0.1:1"
	late := ask("CT1")
	c.Now = func() time.Time { return time.Now().Add(commitmentGiveUp + time.Minute) }
	if err := c.Deliver(t.Context(), late); err != nil || state(late).State != ledger.SCPFailed {
		t.Errorf("after its time: %v, %+v", err, state(late))
	}
}

func TestCommitment_Refused(t *testing.T) {
	n := startNode(t, Settings{}, withCommitment(""))
	syntax := dataset.ExplicitVRLittleEndian
	r := n.requestor(t, syntax)
	good := commitment.Reference{SOPClassUID: CTImageStorage, SOPInstanceUID: "1"}
	request := func(transaction string, references ...commitment.Reference) []byte {
		return commitment.Request{TransactionUID: transaction, References: references}.Encode(syntax)
	}
	for _, c := range []struct {
		name     string
		instance string
		action   uint16
		data     []byte
		want     dimse.Status
	}{
		{"other instance", "1.2.3", 1, request("5.1", good), dimse.StatusNoSuchInstance},
		{"other action", commitment.PushModelInstance, 2, request("5.1", good), dimse.StatusNoSuchAction},
		{"no transaction", commitment.PushModelInstance, 1, request("", good), dimse.StatusInvalidArgument},
		{"no instances", commitment.PushModelInstance, 1, request("5.1"), dimse.StatusInvalidArgument},
		{"instance without class", commitment.PushModelInstance, 1,
			request("5.1", commitment.Reference{SOPInstanceUID: "1"}), dimse.StatusInvalidArgument},
		{"cut", commitment.PushModelInstance, 1, request("5.1", good)[:30], dimse.StatusInvalidArgument},
		{"noise", commitment.PushModelInstance, 1, []byte("GET / HTTP/1.1"), dimse.StatusInvalidArgument},
		{"nothing", commitment.PushModelInstance, 1, nil, dimse.StatusInvalidArgument},
		{"too long", commitment.PushModelInstance, 1, make([]byte, 16<<20+2), dimse.StatusResourceLimitation},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := dimse.ActionCommand{
				SOPClassUID:       commitment.PushModel,
				SOPInstanceUID:    c.instance,
				ActionTypeID:      c.action,
				TransferSyntaxUID: syntax,
			}
			if c.data != nil {
				a.Body = bytes.NewReader(c.data)
			}
			if got, err := r.Action(t.Context(), a); err != nil || got.Status != c.want || got.ErrorComment == "" {
				t.Errorf("got %v %q, %v; want %v with a comment", got.Status, got.ErrorComment, err, c.want)
			}
		})
	}
	if got := n.events(t, ledger.EventCommitmentRequested); len(got) != 0 {
		t.Errorf("recorded: %+v", got)
	}
	if c := startNode(t, Settings{}, nil).dial(t, CTImageStorage, commitment.PushModel); len(c.Accepted(commitment.PushModel)) != 0 {
		t.Error("a door without commitment accepts its class")
	}
}
