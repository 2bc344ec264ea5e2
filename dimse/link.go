package dimse

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"jcsnode/dimse/pdu"
)

// link is one side of an association: the connection, its state, and the place in the P-DATA-TF under way.
type link struct {
	*wire
	state     State
	requestor bool
	timeouts  Timeouts
	maxData   uint32        // longest P-DATA-TF in bytes that this side announced
	between   time.Duration // how long the peer may be silent between two PDUs

	dataLeft     uint32 // what the P-DATA-TF under way still holds
	fragmentLeft uint32 // what the fragment under way still holds
	command      []byte // reused for command sets that arrive
	out          []byte // reused for messages that leave
	fragment     int    // longest fragment that the peer takes, in bytes
	accepted     [256]*PresentationContext
}

func newLink(conn net.Conn, requestor bool, timeouts Timeouts) *link {
	return &link{
		wire: newWire(conn, timeouts.Write), state: Sta1, requestor: requestor, timeouts: timeouts,
	}
}

// on moves the state machine.
func (l *link) on(e event) action {
	a, next := l.state.next(e, l.requestor)
	l.state = next
	return a
}

// establish readies the link for P-DATA. peerMax is what the peer announced.
func (l *link) establish(peerMax uint32, contexts []PresentationContext) {
	l.grow(int(l.maxData) + pdu.HeaderLength)
	l.until = time.Time{}
	l.fragment = pdu.FragmentLength(peerMax, maxSendLength)
	for i := range contexts {
		if contexts[i].Result == pdu.ResultAcceptance {
			l.accepted[contexts[i].ID] = &contexts[i]
		}
	}
}

// receive reads the header of the next PDU and does what the state machine asks for. It returns the event for PDUs that have
// to be handed on, their header consumed; everything else is an error.
func (l *link) receive(waiting string) (event, pdu.Header, error) {
	l.waiting = waiting
	if l.buffered() == 0 {
		l.budget = l.between
		if _, err := l.peek(1); err != nil {
			return 0, pdu.Header{}, l.lost(err)
		}
	}
	l.budget = l.timeouts.PDU
	l.waiting = "the rest of a PDU"
	b, err := l.peek(pdu.HeaderLength)
	if err != nil {
		return 0, pdu.Header{}, l.lost(err)
	}
	h, err := pdu.DecodeHeader(b)
	if err != nil {
		return 0, h, l.invalid(pdu.AbortNotSpecified, err)
	}
	e, known := eventOf(h.Type)
	if !known && isTLS(b) {
		return 0, h, l.invalid(pdu.AbortUnrecognizedPDU, ErrSpeaksTLS)
	}
	if !known && (l.state == Sta2 || l.state == Sta5) && isText(b) {
		return 0, h, l.invalid(pdu.AbortUnrecognizedPDU, fmt.Errorf("%w: it begins with %q", ErrNotDICOM, b))
	}
	if !known {
		return 0, h, l.invalid(pdu.AbortUnrecognizedPDU, fmt.Errorf("%v in %v", h.Type, l.state))
	}
	before := l.state
	act, _ := before.next(e, l.requestor)
	// AA-1 and AA-8 come before the check of the length: a PDU that must not be here is unexpected, however long.
	if act == aa1 || act == aa8 {
		l.on(e)
		return 0, h, l.unexpected(before, h)
	}
	if err := h.Check(l.maxData); err != nil {
		return 0, h, l.malformed(err)
	}
	l.consume(pdu.HeaderLength)
	switch act {
	case ae3, ae4, ae6:
		return e, h, nil // has happened when the whole of it is there: see negotiation
	}
	switch l.on(e) {
	case dt2, ar6:
		l.dataLeft = h.Length
	case aa2, aa3:
		body, err := l.readAll(pdu.ControlLength)
		if err != nil {
			return 0, h, l.lost(err)
		}
		abort, err := pdu.DecodeAbort(body)
		if err != nil {
			return 0, h, err
		}
		return 0, h, &AbortError{Source: abort.Source, Reason: abort.Reason, ByPeer: true}
	case ar2, ar3, ar8:
		if _, err := l.readAll(pdu.ControlLength); err != nil {
			return 0, h, l.lost(err)
		}
	}
	return e, h, nil
}

// negotiation reads the rest of a PDU that begins an association or refuses one. Only then has it been received: a request that
// stays half leaves Sta2 by ARTIM.
func (l *link) negotiation(e event, h pdu.Header) ([]byte, error) {
	l.waiting = "the rest of the " + h.Type.String()
	body, err := l.readAll(int(h.Length))
	if err != nil {
		return nil, l.lost(err)
	}
	l.on(e)
	return body, nil
}

// lost takes note of a connection that ended or of a wait that did.
func (l *link) lost(err error) error {
	var timeout *TimeoutError
	if l.interruption() == nil && !errors.As(err, &timeout) {
		l.on(evtClosed)
	}
	return err
}

// unexpected is the abort for a PDU that must not come in this state. Before an association there is no provider to speak
// of: AA-1 sends source 0.
func (l *link) unexpected(in State, h pdu.Header) error {
	cause := fmt.Errorf("%v in %v", h.Type, in)
	if in == Sta2 {
		return &AbortError{Source: pdu.AbortByUser, Cause: cause}
	}
	return violation(pdu.AbortUnexpectedPDU, cause)
}

// invalid is the abort for what is no PDU, or a PDU whose content breaks PS3.8.
func (l *link) invalid(reason byte, cause error) error {
	if l.on(evtInvalidPDU) == aa1 {
		return &AbortError{Source: pdu.AbortByUser, Cause: cause}
	}
	return violation(reason, cause)
}

// malformed is invalid for lengths and parameters. Here it departs from AA-1 in Sta2: a request that is broken is
// answered by the provider with the reason, so that its sender can see what is wrong.
func (l *link) malformed(cause error) error {
	l.on(evtInvalidPDU)
	return violation(pdu.AbortInvalidParameter, cause)
}

// nextFragment goes to the beginning of the next fragment, in this P-DATA-TF or in one that is still to come.
func (l *link) nextFragment(waiting string) (pdu.PDV, error) {
	for l.dataLeft == 0 {
		e, _, err := l.receive(waiting)
		switch {
		case err != nil:
			return pdu.PDV{}, err
		case e == evtReleaseRQ:
			return pdu.PDV{}, errReleaseRequested
		}
	}
	if l.dataLeft < pdu.PDVHeaderLength {
		return pdu.PDV{}, l.malformed(fmt.Errorf("%d bytes behind the last presentation data value", l.dataLeft))
	}
	l.waiting = "the rest of a PDU"
	b, err := l.peek(pdu.PDVHeaderLength)
	if err != nil {
		return pdu.PDV{}, l.lost(err)
	}
	v, err := pdu.DecodePDV(b, l.dataLeft)
	if err != nil {
		return pdu.PDV{}, l.malformed(err)
	}
	if l.accepted[v.ContextID] == nil {
		return pdu.PDV{}, l.malformed(fmt.Errorf("message on presentation context %d, which was not accepted", v.ContextID))
	}
	l.consume(pdu.PDVHeaderLength)
	l.dataLeft -= pdu.PDVHeaderLength
	l.fragmentLeft = v.Length
	return v, nil
}

// chunk returns at least one byte of the fragment under way, which is not at its end, and as many as are there. They are
// valid until the next read.
func (l *link) chunk() ([]byte, error) {
	if l.buffered() == 0 {
		l.waiting = "the rest of a PDU"
		if err := l.fill(); err != nil {
			return nil, l.lost(err)
		}
	}
	n := min(l.buffered(), int(l.fragmentLeft))
	b := l.buf[l.start : l.start+n]
	l.consume(n)
	l.dataLeft -= uint32(n)
	l.fragmentLeft -= uint32(n)
	return b, nil
}

// errReleaseRequested says that the peer asked for release; the answer is still to be sent.
var errReleaseRequested = errors.New("peer asked for release")

// conclude sends what the end of the association asks for and returns how it ended: nil after an orderly release.
func (l *link) conclude(err error) error {
	var abort *AbortError
	switch {
	case errors.Is(err, errReleaseRequested):
		if l.on(evtReleaseResponse) == ar4 {
			l.farewell(pdu.AppendReleaseRP(nil))
		}
		return nil
	case errors.As(err, &abort):
		if !abort.ByPeer {
			l.farewell(pdu.Abort{Source: abort.Source, Reason: abort.Reason}.Append(nil))
		}
		return err
	}
	if l.state == Sta2 {
		l.on(evtARTIM) // AA-2: close without a word
		return err
	}
	if l.on(evtAbort) == aa1 {
		// The peer is silent, this side is asked to stop, or it has failed: an abort of the service user.
		l.farewell(pdu.Abort{Source: pdu.AbortByUser}.Append(nil))
		return &AbortError{Source: pdu.AbortByUser, Cause: err}
	}
	return err
}

// linger waits for the peer to close, at most until the deadline, so that what was sent last is not lost to a reset. It is
// Sta13: everything that still comes is ignored, and since the sending side is shut, AA-7 has nothing left to send.
func (l *link) linger(deadline time.Time) {
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok {
		if half.CloseWrite() != nil {
			return
		}
	}
	if l.armRead(deadline) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, onlyReader{l.conn})
}

// onlyReader hides what else a connection can do from io.Copy.
type onlyReader struct{ io.Reader }

// unread gives the last n bytes of chunk back.
func (l *link) unread(n int) {
	l.start -= n
	l.dataLeft += uint32(n)
	l.fragmentLeft += uint32(n)
}
