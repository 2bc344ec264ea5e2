package dimse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"jcsnode/dimse/pdu"
)

// Conn is an association that a Dialer opened. Its methods may be called by many goroutines and wait for each other, except
// for Abort, which ends what is under way. When a ctx given to a method ends during it, the association is aborted. Every
// error but ErrNoContext, or that of a ctx which had ended before, ends the association. Each Conn has to be
// ended by Release or Abort.
type Conn struct {
	link        *link
	contexts    []PresentationContext
	eventReport func(*EventRequest) (Status, string)

	mu        sync.Mutex
	messageID uint16 // guarded by mu
	over      error  // guarded by mu; why the association is over
}

// StoreCommand is an instance to send.
type StoreCommand struct {
	SOPClassUID, SOPInstanceUID string
	TransferSyntaxUID           string // how Body is encoded
	Priority                    uint16 // 0 medium, 1 high, 2 low

	// Body is the encoded data set, without file meta information, read once to its end. An error other than io.EOF aborts the
	// association, since the peer would take what it has for an instance.
	Body io.Reader
}

// Response is the answer to a request. Beside an error it is StatusProcessingFailure, so that it is never taken for success.
type Response struct {
	Status       Status
	ErrorComment string // (0000,0902), "" if there is none
	// Stray is what the response says that it is about where that is not what was sent: "SOP instance 1.2.3". Its Status then says
	// nothing about the request. "" for a response that names class and instance of the request, or neither (PS3.7 9.1.1.1).
	Stray string
}

// Contexts are the presentation contexts as proposed, with their answers.
func (c *Conn) Contexts() []PresentationContext { return slices.Clone(c.contexts) }

// Accepted lists the transfer syntaxes that the peer accepted for a SOP class, in the order of the contexts.
func (c *Conn) Accepted(abstract string) []string {
	var syntaxes []string
	for _, pc := range c.contexts {
		if pc.AbstractSyntax == abstract && pc.Result == pdu.ResultAcceptance && !slices.Contains(syntaxes, pc.TransferSyntax) {
			syntaxes = append(syntaxes, pc.TransferSyntax)
		}
	}
	return syntaxes
}

// context finds the accepted context of a class; syntax "" stands for any.
func (c *Conn) context(abstract, syntax string) (id byte, err error) {
	for _, pc := range c.contexts {
		if pc.AbstractSyntax == abstract && pc.Result == pdu.ResultAcceptance && (syntax == "" || pc.TransferSyntax == syntax) {
			return pc.ID, nil
		}
	}
	return 0, fmt.Errorf("SOP class %s, transfer syntax %s: %w", abstract, syntax, ErrNoContext)
}

// Echo sends a C-ECHO.
func (c *Conn) Echo(ctx context.Context) (Status, error) {
	id, err := c.context(Verification, "")
	if err != nil {
		return StatusProcessingFailure, err
	}
	response, err := c.request(ctx, id, pdu.Command{Field: pdu.CEchoRQ, AffectedSOPClassUID: Verification}, nil)
	return response.Status, err
}

// Store sends an instance and waits for the peer's response. That the error is nil says only that there is a response: whether
// the instance is stored says its Status.
func (c *Conn) Store(ctx context.Context, s StoreCommand) (Response, error) {
	id, err := c.context(s.SOPClassUID, s.TransferSyntaxUID)
	if err != nil {
		return Response{Status: StatusProcessingFailure}, err
	}
	response, err := c.request(ctx, id, pdu.Command{
		Field: pdu.CStoreRQ, Priority: s.Priority, HasDataSet: true,
		AffectedSOPClassUID: s.SOPClassUID, AffectedSOPInstanceUID: s.SOPInstanceUID,
	}, s.Body)
	if err != nil {
		err = fmt.Errorf("store instance %s: %w", s.SOPInstanceUID, err)
	}
	return response, err
}

// Release ends the association in order. The connection is closed afterwards, whatever comes back.
func (c *Conn) Release(ctx context.Context) error {
	err := c.guarded(ctx, c.link.release)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(ErrClosed)
	return err
}

// Abort ends the association at once, with whatever is under way. It may be called at any time and more than once.
func (c *Conn) Abort() error {
	c.link.interrupt(ErrClosed, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over == nil {
		_ = c.link.conclude(ErrClosed)
		c.end(ErrClosed)
	}
	return nil
}

// end closes the connection, once.
func (c *Conn) end(why error) {
	if c.over == nil {
		c.over = why
		_ = c.link.conn.Close() // nothing is left to be lost
	}
}

// guarded runs f alone and under ctx. If it fails, the association is over.
func (c *Conn) guarded(ctx context.Context, f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return fmt.Errorf("%w: %w", ErrClosed, c.over)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		c.link.interrupt(context.Cause(ctx), true)
	})
	err := f()
	if !stop() {
		<-interrupted
	}
	if err != nil {
		err = c.link.conclude(c.link.explain(err))
		if err == nil {
			err = ErrReleasedByPeer
		}
		c.end(err)
	}
	return err
}

// request sends a message, with the data set if there is one, and waits for its response.
func (c *Conn) request(ctx context.Context, id byte, command pdu.Command, data io.Reader) (response Response, err error) {
	err = c.guarded(ctx, func() error {
		c.messageID = max(c.messageID+1, 1)
		command.MessageID = c.messageID
		if err := c.link.send(id, &command); err != nil {
			return err
		}
		if data != nil {
			if err := c.link.sendData(id, data); err != nil {
				return err
			}
		}
		response, err = c.readResponse(&command)
		return err
	})
	if err != nil {
		return Response{Status: StatusProcessingFailure}, err
	}
	return response, nil
}

// sendData sends a data set of unknown length: each fragment is read into its place behind the header, so that a PDU
// leaves in one write. One byte more than the fragment is read to know whether it is the last one.
func (l *link) sendData(id byte, r io.Reader) error {
	size := pdu.PDataHeaderLength + l.fragment + 1
	if cap(l.out) < size {
		l.out = make([]byte, size)
	}
	packed := l.out[:size]
	content := packed[pdu.PDataHeaderLength:]
	held := 0
	for {
		n, err := readFull(r, content[held:])
		held += n
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("read the data set to send: %w", err)
		}
		length := min(held, l.fragment)
		last = last && held <= l.fragment
		pdu.PutPData(packed, pdu.PDV{Length: uint32(length), ContextID: id, Last: last})
		l.on(evtData)
		if err := l.write(packed[:pdu.PDataHeaderLength+length]); err != nil {
			return err
		}
		if last {
			return nil
		}
		held = copy(content, content[length:held])
	}
}

// readFull fills p. Its error is io.EOF if and only if r ended before, unlike that of io.ReadFull, which cannot be told from
// an io.ErrUnexpectedEOF of r.
func readFull(r io.Reader, p []byte) (int, error) {
	n, idle := 0, 0
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, io.EOF
		}
		if err != nil {
			return n, err
		}
		if idle++; m > 0 {
			idle = 0
		}
		if idle == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// readResponse reads the response to a request and answers reports that come before it; anything else aborts.
func (c *Conn) readResponse(request *pdu.Command) (Response, error) {
	l := c.link
	l.between = l.timeouts.Response
	pc, response, err := l.readCommand("the response to " + request.Field.String())
	for err == nil && response.Field == pdu.NEventReportRQ {
		if err = c.answerReport(pc, &response); err == nil {
			pc, response, err = l.readCommand("the response to " + request.Field.String())
		}
	}
	if err != nil {
		return Response{}, err
	}
	if response.Field != request.Field.Response() || response.RespondedTo != request.MessageID {
		return Response{}, l.disorder(fmt.Sprintf("%v to message %d came in answer to %v %d",
			response.Field, response.RespondedTo, request.Field, request.MessageID))
	}
	data := &body{link: l, id: pc.ID, last: !response.HasDataSet}
	if err := data.drain(); err != nil {
		return Response{}, err
	}
	return Response{Status: Status(response.Status), ErrorComment: response.ErrorComment, Stray: stray(request, &response)}, nil
}

// stray compares what a response names with what was sent.
func stray(request, response *pdu.Command) string {
	switch {
	case request.AffectedSOPInstanceUID != "" && response.AffectedSOPInstanceUID != "" &&
		response.AffectedSOPInstanceUID != request.AffectedSOPInstanceUID:
		return fmt.Sprintf("SOP instance %.64q", response.AffectedSOPInstanceUID)
	case request.AffectedSOPClassUID != "" && response.AffectedSOPClassUID != "" &&
		response.AffectedSOPClassUID != request.AffectedSOPClassUID:
		return fmt.Sprintf("SOP class %.64q", response.AffectedSOPClassUID)
	}
	return ""
}

// explainTimeout is how long a peer that closed its side is asked why.
const explainTimeout = time.Second

// explain looks for the A-ABORT that a peer sent before it stopped reading, when a write failed.
func (l *link) explain(err error) error {
	if !l.writeFailed || l.interruption() != nil || l.state == Sta13 {
		return err
	}
	l.until = time.Now().Add(explainTimeout)
	for {
		_, _, failure := l.receive("the reason")
		var abort *AbortError
		if errors.As(failure, &abort) && abort.ByPeer {
			return failure
		}
		if failure != nil || l.skipData() != nil {
			return err
		}
	}
}

// skipData passes over the rest of the P-DATA-TF under way.
func (l *link) skipData() error {
	l.fragmentLeft = l.dataLeft
	for l.dataLeft > 0 {
		if _, err := l.chunk(); err != nil {
			return err
		}
	}
	return nil
}

// release asks for release and waits for the answer, through a collision if the peer asks at the same time.
func (l *link) release() error {
	l.on(evtRelease)
	l.until = time.Now().Add(l.timeouts.Release)
	if err := l.write(pdu.AppendReleaseRQ(nil)); err != nil {
		return err
	}
	for {
		e, _, err := l.receive("the A-RELEASE-RP")
		switch {
		case err != nil:
			return err
		case e == evtReleaseRP:
			return nil
		case e == evtReleaseRQ:
			if l.on(evtReleaseResponse) == ar9 {
				if err := l.write(pdu.AppendReleaseRP(nil)); err != nil {
					return err
				}
			}
		default: // P-DATA-TF of a peer that has not read the request yet
			if err := l.skipData(); err != nil {
				return err
			}
		}
	}
}
