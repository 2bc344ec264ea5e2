package dimse

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

const pushModel = "1.2.840.10008.1.20.1"

// normalized is a recorder that performs actions and takes reports.
type normalized struct {
	*recorder
	act    func(a *Association, req *ActionRequest, data string) (Status, string)
	opened func(a *Association)
	events chan string
}

func (n *normalized) Action(_ context.Context, a *Association, req *ActionRequest) (Status, string) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return StatusProcessingFailure, err.Error()
	}
	return n.act(a, req, string(data))
}

func (n *normalized) EventReport(_ context.Context, _ *Association, req *EventRequest) (Status, string) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return StatusProcessingFailure, err.Error()
	}
	n.events <- req.SOPInstanceUID + " " + string(data)
	return StatusSuccess, ""
}

func (n *normalized) Opened(_ context.Context, a *Association) {
	if n.opened != nil {
		n.opened(a)
	}
}

// serveNormalized serves the storage commitment class, too.
func serveNormalized(t *testing.T, grant bool, change func(*Server)) (address string, n *normalized) {
	t.Helper()
	n = &normalized{events: make(chan string, 10)}
	address, n.recorder = serve(t, func(s *Server) {
		n.recorder = s.Handler.(*recorder)
		s.Handler = n
		s.Accept = Offer{Verification: {implicitVRLittleEndian}, pushModel: {explicitLE, implicitVRLittleEndian}}.Accept
		s.GrantSCP = func(Requestor, string) bool { return grant }
		if change != nil {
			change(s)
		}
	})
	return address, n
}

func dialNormalized(t *testing.T, address string, scp bool, take func(*EventRequest) (Status, string)) *Conn {
	t.Helper()
	d := Dialer{CallingAETitle: callingTitle, EventReport: take}
	c, err := d.Dial(t.Context(), address, calledTitle, []PresentationContext{
		{AbstractSyntax: pushModel, TransferSyntaxes: []string{explicitLE}, SCP: scp},
		{AbstractSyntax: Verification, TransferSyntaxes: []string{implicitVRLittleEndian}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Abort() })
	return c
}

var testAction = ActionCommand{SOPClassUID: pushModel, SOPInstanceUID: "1.2.3", ActionTypeID: 1, TransferSyntaxUID: explicitLE}

// outcome is what a Report was told.
type outcome struct {
	Response
	err error
}

// reporting answers actions with success and a report.
func reporting(outcomes chan outcome) func(*Association, *ActionRequest, string) (Status, string) {
	return func(a *Association, req *ActionRequest, data string) (Status, string) {
		a.QueueEventReport(EventReport{SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID,
			Make: func(syntax string) (uint16, []byte, error) { return 2, []byte(syntax + " " + data), nil },
			Done: func(r Response, err error) { outcomes <- outcome{r, err} }})
		return StatusSuccess, ""
	}
}

func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(longestWait):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestAction_IsAnsweredAndReportedOnTheSameAssociation(t *testing.T) {
	address, n := serveNormalized(t, false, nil)
	outcomes := make(chan outcome, 1)
	n.act = reporting(outcomes)
	var got string
	c := dialNormalized(t, address, false, func(e *EventRequest) (Status, string) {
		data, err := io.ReadAll(e.Body)
		got = e.SOPClassUID + " " + e.SOPInstanceUID + " " + string(data)
		if err != nil || e.EventTypeID != 2 {
			t.Errorf("event type %d, %v", e.EventTypeID, err)
		}
		return StatusProcessingFailure, "not in the mood"
	})
	action := testAction
	action.Body = strings.NewReader("abc")
	if r, err := c.Action(t.Context(), action); err != nil || r.Status != StatusSuccess {
		t.Fatalf("%v, %v", r, err)
	}
	if came, err := c.AwaitReport(t.Context(), longestWait); err != nil || !came {
		t.Fatal(err)
	}
	if want := pushModel + " 1.2.3 " + explicitLE + " abc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if o := wait(t, outcomes); o.err != nil || o.Status != StatusProcessingFailure || o.ErrorComment != "not in the mood" {
		t.Errorf("the reporter was told %v", o)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := n.end(t); err != nil {
		t.Error(err)
	}
}

func TestReport_OnAnAssociationThatThePeerOpensForIt(t *testing.T) {
	address, n := serveNormalized(t, false, nil)
	outcomes := make(chan outcome, 1)
	n.opened = func(a *Association) {
		reporting(outcomes)(a, &ActionRequest{SOPClassUID: pushModel, SOPInstanceUID: "1.2.3"}, "late")
		panic("of a test")
	}
	var got string
	c := dialNormalized(t, address, false, func(e *EventRequest) (Status, string) {
		data, err := io.ReadAll(e.Body)
		got = string(data)
		if err != nil {
			t.Error(err)
		}
		return StatusSuccess, ""
	})
	if came, err := c.AwaitReport(t.Context(), longestWait); err != nil || !came || got != explicitLE+" late" {
		t.Fatalf("got %q, %v", got, err)
	}
	if o := wait(t, outcomes); o.err != nil || o.Status != StatusSuccess {
		t.Errorf("the reporter was told %v", o)
	}
}

// A peer that reports nothing costs the wait, and no more.
func TestConn_AwaitReportOfASilentPeer(t *testing.T) {
	address, n := serveNormalized(t, false, nil)
	n.act = func(*Association, *ActionRequest, string) (Status, string) { return StatusSuccess, "" }
	c := dialNormalized(t, address, false, nil)
	if _, err := c.Action(t.Context(), testAction); err != nil {
		t.Fatal(err)
	}
	if came, err := c.AwaitReport(t.Context(), time.Millisecond); came || err != nil {
		t.Fatalf("came %v, %v", came, err)
	}
	if s, err := c.Echo(t.Context()); err != nil || s != StatusSuccess {
		t.Fatalf("after the wait: %v, %v", s, err)
	}
}

func TestReport_PeerReleasesAtOnce(t *testing.T) {
	address, n := serveNormalized(t, false, nil)
	outcomes := make(chan outcome, 1)
	n.act = reporting(outcomes)
	c := dialNormalized(t, address, false, func(*EventRequest) (Status, string) { t.Error("reported"); return 0, "" })
	if _, err := c.Action(t.Context(), testAction); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := wait(t, outcomes); !errors.Is(o.err, ErrNotReported) || o.Status == StatusSuccess {
		t.Errorf("got %v", o)
	}
}

func TestReport_UnansweredIsGivenUpAndALateAnswerIsNoDisorder(t *testing.T) {
	address, n := serveNormalized(t, false, func(s *Server) { s.Timeouts.Response = time.Nanosecond })
	outcomes := make(chan outcome, 1)
	n.act = reporting(outcomes)
	rq := testRequest()
	rq.Contexts = append(rq.Contexts, pdu.ContextRQ{ID: 7, AbstractSyntax: pushModel, TransferSyntaxes: []string{explicitLE}})
	p := connect(t, address)
	p.associate(rq)
	p.write(message(7, pdu.Command{
		Field:                   pdu.NActionRQ,
		MessageID:               9,
		RequestedSOPClassUID:    pushModel,
		RequestedSOPInstanceUID: "1.2.3",
		ActionTypeID:            1,
	}, nil))
	got := p.wantStatus(pdu.NActionRSP, 9, StatusSuccess)
	if got.AffectedSOPClassUID != pushModel || got.AffectedSOPInstanceUID != "1.2.3" || got.ActionTypeID != 1 {
		t.Errorf("response %+v", got)
	}
	report := p.response()
	if report.Field != pdu.NEventReportRQ || !report.HasDataSet || report.EventTypeID != 2 {
		t.Fatalf("got %+v, want a report", report)
	}
	p.read() // its data set
	p.write(echoRequest(10))
	p.wantStatus(pdu.CEchoRSP, 10, StatusSuccess)
	var timeout *TimeoutError
	if o := wait(t, outcomes); !errors.As(o.err, &timeout) {
		t.Errorf("got %v, want a timeout", o)
	}
	p.write(message(7, pdu.Command{Field: pdu.NEventReportRSP, RespondedTo: report.MessageID}, nil))
	p.write(echoRequest(11))
	p.wantStatus(pdu.CEchoRSP, 11, StatusSuccess)
	p.write(message(7, pdu.Command{Field: pdu.NEventReportRSP, RespondedTo: report.MessageID}, nil)) // twice
	p.wantAbort(pdu.AbortByProvider, pdu.AbortUnexpectedParameter)
	if len(outcomes) != 0 {
		t.Errorf("told again: %v", <-outcomes)
	}
}

// Without asynchronous operations the next report waits for the response to the one before (PS3.7 D.3.3.3).
func TestReport_OneAtATime(t *testing.T) {
	address, n := serveNormalized(t, false, nil)
	outcomes := make(chan outcome, 2)
	n.act = reporting(outcomes)
	rq := testRequest()
	rq.Contexts = append(rq.Contexts, pdu.ContextRQ{ID: 7, AbstractSyntax: pushModel, TransferSyntaxes: []string{explicitLE}})
	p := connect(t, address)
	p.associate(rq)
	ask := func(id uint16) []byte {
		return message(7, pdu.Command{
			Field:                   pdu.NActionRQ,
			MessageID:               id,
			RequestedSOPClassUID:    pushModel,
			RequestedSOPInstanceUID: "1.2.3",
			ActionTypeID:            1,
		}, nil)
	}
	p.write(append(ask(1), ask(2)...))
	p.wantStatus(pdu.NActionRSP, 1, StatusSuccess)
	p.wantStatus(pdu.NActionRSP, 2, StatusSuccess)
	for range 2 {
		report := p.response()
		if report.Field != pdu.NEventReportRQ {
			t.Fatalf("got %+v, want a report", report)
		}
		p.read() // its data set
		// Were the other report on its way, it would come before this answer.
		p.write(echoRequest(3))
		p.wantStatus(pdu.CEchoRSP, 3, StatusSuccess)
		p.write(message(7, pdu.Command{Field: pdu.NEventReportRSP, RespondedTo: report.MessageID}, nil))
		if o := wait(t, outcomes); o.err != nil {
			t.Error(o.err)
		}
	}
}

func TestConn_ReportByRoleSelection(t *testing.T) {
	report := EventCommand{SOPClassUID: pushModel, SOPInstanceUID: "1.2.3", EventTypeID: 1, TransferSyntaxUID: explicitLE}
	t.Run("granted", func(t *testing.T) {
		address, n := serveNormalized(t, true, nil)
		c := dialNormalized(t, address, true, nil)
		report.Body = strings.NewReader("done")
		if r, err := c.Report(t.Context(), report); err != nil || r.Status != StatusSuccess {
			t.Fatalf("%v, %v", r, err)
		}
		if got := wait(t, n.events); got != "1.2.3 done" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("denied", func(t *testing.T) {
		address, _ := serveNormalized(t, false, nil)
		c := dialNormalized(t, address, true, nil)
		if _, err := c.Report(t.Context(), report); !errors.Is(err, ErrNoContext) {
			t.Errorf("got %v, want ErrNoContext", err)
		}
	})
	t.Run("item left out", func(t *testing.T) {
		address := scripted(t, func(p *raw) {
			p.accept(0)
			p.read()
			p.read()
			p.write(message(1, pdu.Command{Field: pdu.NEventReportRSP, RespondedTo: 1}, nil))
			p.read()
		})
		c := dialNormalized(t, address, true, nil)
		report.Body = strings.NewReader("done")
		if r, err := c.Report(t.Context(), report); err != nil || r.Status != StatusSuccess {
			t.Errorf("%v, %v", r, err)
		}
	})
}

func TestConn_ReportBeforeAResponse(t *testing.T) {
	answers := make(chan pdu.Command, 1)
	address := scripted(t, func(p *raw) {
		p.accept(0)
		p.read()
		p.write(message(1, pdu.Command{
			Field:               pdu.NEventReportRQ,
			MessageID:           5,
			EventTypeID:         1,
			AffectedSOPClassUID: pushModel,
		}, []byte("x")))
		answers <- p.response()
		p.write(message(3, pdu.Command{Field: pdu.CEchoRSP, RespondedTo: 1}, nil))
		p.read()
	})
	c := dialNormalized(t, address, false, nil)
	if s, err := c.Echo(t.Context()); err != nil || s != StatusSuccess {
		t.Fatalf("%v, %v", s, err)
	}
	got := wait(t, answers)
	if got.Field != pdu.NEventReportRSP || got.RespondedTo != 5 || Status(got.Status) != StatusUnrecognizedOperation {
		t.Errorf("got %+v", got)
	}
}

func TestAction_Refused(t *testing.T) {
	address, n := serveNormalized(t, false, nil)
	n.act = func(*Association, *ActionRequest, string) (Status, string) { panic("of a test") }
	c := dialNormalized(t, address, false, nil)
	if r, err := c.Action(t.Context(), testAction); err != nil || r.Status != StatusProcessingFailure {
		t.Errorf("panic: %v, %v", r, err)
	}
	action := testAction
	action.SOPInstanceUID = ""
	if r, err := c.Action(t.Context(), action); err != nil || r.Status != StatusInvalidArgument {
		t.Errorf("no instance: %v, %v", r, err)
	}
	address, _ = serve(t, func(s *Server) {
		s.Accept = func(_ Requestor, _ string, proposed []string) (string, byte) {
			return proposed[0], pdu.ResultAcceptance
		}
	})
	c = dialNormalized(t, address, false, nil)
	if r, err := c.Action(t.Context(), testAction); err != nil || r.Status != StatusUnrecognizedOperation {
		t.Errorf("handler without actions: %v, %v", r, err)
	}
}
