package dimse

import (
	"context"
	"io"

	"jcsnode/dimse/pdu"
)

// Actor is what a Handler may be too: it performs N-ACTION (PS3.7 10.1.4). Without it they are answered with 0211H.
type Actor interface {
	// Action performs the request. The response leaves when it returns, as that of Handler.Store does.
	Action(ctx context.Context, a *Association, req *ActionRequest) (status Status, comment string)
}

// EventReceiver is what a Handler may be too: it takes N-EVENT-REPORT (PS3.7 10.1.1). Without it they are answered with 0211H.
type EventReceiver interface {
	// EventReport takes a report. The response leaves when it returns.
	EventReport(ctx context.Context, a *Association, req *EventRequest) (status Status, comment string)
}

// Opener is what a Handler may be too: it is told of each association before its first message.
type Opener interface {
	// Opened may queue reports that the peer waits for (Association.Report).
	Opened(ctx context.Context, a *Association)
}

// ActionRequest is an N-ACTION-RQ.
type ActionRequest struct {
	MessageID         uint16
	AbstractSyntax    string // of the presentation context: SOPClassUID, or a meta SOP class that holds it
	SOPClassUID       string // requested
	SOPInstanceUID    string
	ActionTypeID      uint16
	TransferSyntaxUID string
	Body              io.Reader // action information, as StoreRequest.Body; empty if there is none
}

// EventRequest is an N-EVENT-REPORT-RQ.
type EventRequest struct {
	MessageID         uint16
	AbstractSyntax    string // of the presentation context: SOPClassUID, or a meta SOP class that holds it
	SOPClassUID       string
	SOPInstanceUID    string
	EventTypeID       uint16
	TransferSyntaxUID string
	Body              io.Reader // event information, as StoreRequest.Body; empty if there is none
}

func newEventRequest(pc *PresentationContext, command *pdu.Command, data *body) *EventRequest {
	return &EventRequest{
		MessageID: command.MessageID, AbstractSyntax: pc.AbstractSyntax,
		SOPClassUID: command.AffectedSOPClassUID, SOPInstanceUID: command.AffectedSOPInstanceUID,
		EventTypeID: command.EventTypeID, TransferSyntaxUID: pc.TransferSyntax, Body: data,
	}
}

// respond builds the response to a request. That to an N-ACTION names the affected instance as the request named the
// requested one.
func respond(request *pdu.Command, status Status, text string) *pdu.Command {
	response := &pdu.Command{
		Field: request.Field.Response(), RespondedTo: request.MessageID,
		AffectedSOPClassUID: request.AffectedSOPClassUID, AffectedSOPInstanceUID: request.AffectedSOPInstanceUID,
		ActionTypeID: request.ActionTypeID, EventTypeID: request.EventTypeID,
		Status: uint16(status), ErrorComment: comment(text),
	}
	if request.Field == pdu.NActionRQ {
		response.AffectedSOPClassUID, response.AffectedSOPInstanceUID = request.RequestedSOPClassUID, request.RequestedSOPInstanceUID
	}
	return response
}

func (a *Association) opened(ctx context.Context) {
	opener, ok := a.handler.(Opener)
	if !ok {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			logPanic(a.log, "beginning of the association", v)
		}
	}()
	opener.Opened(ctx, a)
}

func (a *Association) action(ctx context.Context, pc *PresentationContext, command *pdu.Command, data *body) (status Status, text string) {
	actor, ok := a.handler.(Actor)
	switch {
	case !ok:
		return StatusUnrecognizedOperation, ""
	case command.RequestedSOPClassUID == "" || command.RequestedSOPInstanceUID == "":
		return StatusInvalidArgument, "command lacks Requested SOP Class or Instance UID"
	}
	defer a.recover("N-ACTION", &status, &text)
	return actor.Action(ctx, a, &ActionRequest{
		MessageID: command.MessageID, AbstractSyntax: pc.AbstractSyntax,
		SOPClassUID: command.RequestedSOPClassUID, SOPInstanceUID: command.RequestedSOPInstanceUID,
		ActionTypeID: command.ActionTypeID, TransferSyntaxUID: pc.TransferSyntax, Body: data,
	})
}

func (a *Association) event(ctx context.Context, pc *PresentationContext, command *pdu.Command, data *body) (status Status, text string) {
	receiver, ok := a.handler.(EventReceiver)
	if !ok {
		return StatusUnrecognizedOperation, ""
	}
	defer a.recover("N-EVENT-REPORT", &status, &text)
	return receiver.EventReport(ctx, a, newEventRequest(pc, command, data))
}
