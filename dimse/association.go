package dimse

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"jcsnode/dimse/pdu"
)

// Handler is what a Server does with messages. Calls for one association follow each other; calls for several run at the
// same time. A panic in Echo or Store is logged and answered with status 0110H; the association goes on.
type Handler interface {
	// Echo answers a C-ECHO.
	Echo(ctx context.Context, a *Association) Status

	// Store takes an instance. The response leaves when it returns, with comment as error comment (0000,0902) if it is not
	// empty. If req.Body fails, no response leaves and the status means nothing. ctx ends when the server gives the association
	// up.
	Store(ctx context.Context, a *Association, req *StoreRequest) (status Status, comment string)

	// Closed says that an established association has ended: err is nil after an orderly release, otherwise *AbortError,
	// *TimeoutError, ErrConnectionLost or an error of the connection. Nothing is known from it about completeness of a study.
	Closed(a *Association, err error)
}

// StoreRequest is a C-STORE-RQ.
type StoreRequest struct {
	MessageID             uint16
	SOPClassUID           string // of the command; it is the abstract syntax of the context
	SOPInstanceUID        string // of the command, not verified
	TransferSyntaxUID     string // of the presentation context: how Body is encoded
	Priority              uint16 // 0 medium, 1 high, 2 low
	MoveOriginatorAETitle string // "" unless a C-MOVE caused the request
	MoveOriginatorID      uint16

	// Body is the data set as it arrives. io.EOF comes only after the last fragment; every other error means that the data set
	// is cut and ends the association: *AbortError, *TimeoutError, ErrConnectionLost, ErrShutdown and others. What is not
	// read is drained by the server. Body implements io.WriterTo, which saves a copy (io.Copy uses it; fragments come as the
	// peer cut them, so give it a buffered writer where small writes cost), and is valid until Store returns.
	Body io.Reader
}

// Association is an association that a Server accepted.
type Association struct {
	// Value is the handler's own.
	Value any

	id        uint64
	name      string
	requestor Requestor
	contexts  []PresentationContext
	link      *link
	handler   Handler
	log       *slog.Logger

	reports    []EventReport         // to be sent
	sent       map[uint16]sentReport // by message ID
	lastReport uint16                // message ID of the last one
}

// ID numbers the associations of a server, from 1.
func (a *Association) ID() uint64 { return a.id }

// Name tells the association from every other, of other processes, too. Lines of the log have it as "association".
func (a *Association) Name() string { return a.name }

// Requestor is who asked for the association (PS3.8).
func (a *Association) Requestor() Requestor { return a.requestor }

// Contexts are the presentation contexts in the order of the request, with their answers.
func (a *Association) Contexts() []PresentationContext { return a.contexts }

// run answers messages until the association ends, and returns why it does.
func (a *Association) run(ctx context.Context) error {
	for {
		if err := a.sendReports(); err != nil {
			return err
		}
		pc, command, err := a.link.readCommand("the next message")
		if err != nil {
			return err
		}
		if err := a.dispatch(ctx, pc, &command); err != nil {
			return err
		}
	}
}

// dispatch answers one message. Its data set, if there is one, is behind it in the connection and is read to its end before
// the response leaves.
func (a *Association) dispatch(ctx context.Context, pc *PresentationContext, command *pdu.Command) error {
	data := &body{link: a.link, id: pc.ID, last: !command.HasDataSet}
	if command.Field.IsResponse() {
		if !a.reported(command) {
			return a.link.disorder("response without a request: " + command.Field.String())
		}
		return data.drain()
	}
	status, text := StatusUnrecognizedOperation, ""
	switch command.Field {
	case pdu.CCancelRQ:
		// Nothing that could be cancelled is ever under way: operations are answered one by one.
		return data.drain()
	case pdu.CEchoRQ:
		status, text = a.echo(ctx, pc, command)
	case pdu.CStoreRQ:
		status, text = a.store(ctx, pc, command, data)
	case pdu.NActionRQ:
		status, text = a.action(ctx, pc, command, data)
	case pdu.NEventReportRQ:
		status, text = a.event(ctx, pc, command, data)
	default:
		a.log.Warn("message of an unknown operation", "command", command.Field.String(), "context", pc.AbstractSyntax)
	}
	if err := data.drain(); err != nil {
		return err
	}
	return a.link.send(pc.ID, respond(command, status, text))
}

func (a *Association) echo(ctx context.Context, pc *PresentationContext, command *pdu.Command) (status Status, text string) {
	if pc.AbstractSyntax != Verification || command.AffectedSOPClassUID != Verification {
		return StatusClassNotSupported, "C-ECHO needs the verification class and its context"
	}
	defer a.recover("C-ECHO", &status, &text)
	return a.handler.Echo(ctx, a), ""
}

func (a *Association) store(ctx context.Context, pc *PresentationContext, command *pdu.Command, data *body) (status Status, text string) {
	switch {
	case command.AffectedSOPClassUID == "":
		return StatusCannotUnderstand, "command lacks Affected SOP Class UID"
	case command.AffectedSOPInstanceUID == "":
		return StatusCannotUnderstand, "command lacks Affected SOP Instance UID"
	case command.AffectedSOPClassUID != pc.AbstractSyntax:
		return StatusClassNotSupported, "SOP class is not that of the presentation context"
	case pc.AbstractSyntax == Verification:
		return StatusClassNotSupported, "verification has no instances to store"
	case !command.HasDataSet:
		return StatusCannotUnderstand, "C-STORE without data set"
	}
	defer a.recover("C-STORE", &status, &text)
	return a.handler.Store(ctx, a, &StoreRequest{
		MessageID:   command.MessageID,
		SOPClassUID: command.AffectedSOPClassUID, SOPInstanceUID: command.AffectedSOPInstanceUID,
		TransferSyntaxUID: pc.TransferSyntax, Priority: command.Priority,
		MoveOriginatorAETitle: command.MoveOriginatorAETitle, MoveOriginatorID: command.MoveOriginatorID,
		Body: data,
	})
}

// recover turns a panic of the handler into a status.
func (a *Association) recover(operation string, status *Status, text *string) {
	if r := recover(); r != nil {
		logPanic(a.log, operation, r)
		*status, *text = StatusProcessingFailure, "internal error of the receiver, see its log"
	}
}

// describe sorts the end of an association for the log.
func describe(err error) string {
	var abort *AbortError
	switch {
	case err == nil:
		return "released"
	case errors.As(err, &abort) && abort.ByPeer:
		return "aborted by the peer"
	case errors.As(err, &abort):
		return "aborted"
	}
	return "lost"
}
