package dimse

import (
	"context"
	"fmt"
	"io"
	"time"

	"jcsnode/dimse/pdu"
)

// ActionCommand is an N-ACTION to send.
type ActionCommand struct {
	SOPClassUID, SOPInstanceUID string
	ActionTypeID                uint16
	TransferSyntaxUID           string    // how Body is encoded: one of Conn.Accepted
	Body                        io.Reader // action information, nil if there is none
}

// EventCommand is an N-EVENT-REPORT to send.
type EventCommand struct {
	SOPClassUID, SOPInstanceUID string
	EventTypeID                 uint16
	TransferSyntaxUID           string    // how Body is encoded: one of Conn.Accepted
	Body                        io.Reader // event information, nil if there is none
}

// Action sends an N-ACTION and waits for the response.
func (c *Conn) Action(ctx context.Context, a ActionCommand) (Response, error) {
	id, err := c.context(a.SOPClassUID, a.TransferSyntaxUID)
	if err != nil {
		return Response{Status: StatusProcessingFailure}, err
	}
	return c.request(ctx, id, pdu.Command{
		Field: pdu.NActionRQ, HasDataSet: a.Body != nil, ActionTypeID: a.ActionTypeID,
		RequestedSOPClassUID: a.SOPClassUID, RequestedSOPInstanceUID: a.SOPInstanceUID,
	}, a.Body)
}

// Report sends an N-EVENT-REPORT and waits for the response. This side is SCP of the class: PresentationContext.SCP.
func (c *Conn) Report(ctx context.Context, e EventCommand) (Response, error) {
	id, err := c.context(e.SOPClassUID, e.TransferSyntaxUID)
	if err != nil {
		return Response{Status: StatusProcessingFailure}, err
	}
	return c.request(ctx, id, pdu.Command{
		Field: pdu.NEventReportRQ, HasDataSet: e.Body != nil, EventTypeID: e.EventTypeID,
		AffectedSOPClassUID: e.SOPClassUID, AffectedSOPInstanceUID: e.SOPInstanceUID,
	}, e.Body)
}

// AwaitReport waits for the next N-EVENT-REPORT of the peer, at most for so long, and has Dialer.EventReport answer it. came is false if
// the peer stayed silent; the association goes on. Reports that come while another method waits for a response are answered there.
func (c *Conn) AwaitReport(ctx context.Context, wait time.Duration) (came bool, err error) {
	err = c.guarded(ctx, func() error {
		silent, err := c.link.silent(wait)
		if err != nil || silent {
			return err
		}
		c.link.between = c.link.timeouts.Response
		pc, command, err := c.link.readCommand("an N-EVENT-REPORT-RQ")
		if err != nil {
			return err
		}
		if command.Field != pdu.NEventReportRQ {
			return c.link.disorder(fmt.Sprintf("%v came where a report was due", command.Field))
		}
		came = true
		return c.answerReport(pc, &command)
	})
	return came, err
}

func (c *Conn) answerReport(pc *PresentationContext, command *pdu.Command) error {
	data := &body{link: c.link, id: pc.ID, last: !command.HasDataSet}
	status, text := StatusUnrecognizedOperation, ""
	if c.eventReport != nil {
		status, text = c.eventReport(newEventRequest(pc, command, data))
	}
	if err := data.drain(); err != nil {
		return err
	}
	return c.link.send(pc.ID, respond(command, status, text))
}
