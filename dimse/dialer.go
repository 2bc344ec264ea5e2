package dimse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"jcsnode/dimse/pdu"
)

// Dialer opens associations as requestor. Its fields are not changed while Dial runs; Dial may be called by many goroutines.
type Dialer struct {
	CallingAETitle string // 1 to 16 characters

	// TLSConfig makes Dial speak TLS; ServerName is taken from the address if it is empty.
	TLSConfig *tls.Config

	// MaxPDULength is the longest P-DATA-TF, in bytes, that is announced and taken. Responses are short, so 0 means
	// 16384.
	MaxPDULength uint32

	Timeouts Timeouts

	// EventReport answers the N-EVENT-REPORTs that come on the association; nil answers 0211H. See Conn.AwaitReport.
	EventReport func(*EventRequest) (status Status, comment string)

	// ImplementationClassUID and ImplementationVersion (16 characters) name the product in the request.
	ImplementationClassUID, ImplementationVersion string
}

// Dial opens an association with the application entity calledAE at address (host:port) and proposes contexts; an ID of 0
// is replaced by the next odd number. The error is a *Rejection, an *AbortError, a *TimeoutError or one of the transport,
// wrapped with address and title. An association none of whose contexts were accepted is open all the same. When ctx ends
// during Dial the association is aborted; afterwards ctx means nothing to it.
func (d *Dialer) Dial(ctx context.Context, address, calledAE string, contexts []PresentationContext) (*Conn, error) {
	c, err := d.dial(ctx, address, calledAE, contexts)
	if err != nil {
		return nil, fmt.Errorf("associate with %q at %s: %w", calledAE, address, err)
	}
	return c, nil
}

func (d *Dialer) dial(ctx context.Context, address, calledAE string, contexts []PresentationContext) (*Conn, error) {
	rq, contexts, err := d.request(calledAE, contexts)
	if err != nil {
		return nil, err
	}
	packed, err := rq.Append(nil)
	if err != nil {
		return nil, err
	}
	timeouts := d.Timeouts.withDefaults()
	conn, err := d.connect(ctx, address, timeouts.Connect)
	if err != nil {
		return nil, err
	}
	l := newLink(conn, true, timeouts)
	l.on(evtAssociate)
	l.on(evtConnected)
	l.maxData = rq.User.MaxLength
	l.until = time.Now().Add(timeouts.Request)
	c := &Conn{link: l, contexts: contexts, eventReport: d.EventReport}
	if err := c.guarded(ctx, func() error { return l.associate(packed, contexts) }); err != nil {
		return nil, err
	}
	return c, nil
}

// associate sends the request, reads the answer and writes it into the contexts.
func (l *link) associate(request []byte, contexts []PresentationContext) error {
	if err := l.write(request); err != nil {
		return err
	}
	ac, err := l.readAnswer()
	if err != nil {
		return err
	}
	if err := settle(contexts, ac); err != nil {
		return l.malformed(err)
	}
	l.establish(ac.User.MaxLength, contexts)
	return nil
}

// request builds the A-ASSOCIATE-RQ and a copy of the contexts with IDs.
func (d *Dialer) request(calledAE string, contexts []PresentationContext) (*pdu.AssociateRQ, []PresentationContext, error) {
	titles, err := pdu.NewTitles(calledAE, d.CallingAETitle)
	if err != nil {
		return nil, nil, err
	}
	if len(contexts) == 0 || len(contexts) > 128 {
		return nil, nil, fmt.Errorf("%d presentation contexts: want 1 to 128", len(contexts))
	}
	maxLength := d.MaxPDULength
	if maxLength == 0 {
		maxLength = 16384
	}
	rq := &pdu.AssociateRQ{
		Version: pdu.ProtocolVersion, Titles: titles, ApplicationContext: pdu.ApplicationContext,
		User: pdu.UserInformation{
			MaxLength:              min(max(maxLength, 4096), 1<<20),
			ImplementationClassUID: d.ImplementationClassUID, ImplementationVersion: d.ImplementationVersion,
		},
	}
	contexts = slices.Clone(contexts)
	used := make(map[byte]bool)
	for _, c := range contexts {
		if c.ID != 0 && (c.ID%2 == 0 || used[c.ID]) {
			return nil, nil, fmt.Errorf("presentation context ID %d is even or repeated", c.ID)
		}
		used[c.ID] = true
	}
	next := byte(1)
	for i := range contexts {
		c := &contexts[i]
		if c.ID == 0 {
			for used[next] {
				next += 2
			}
			c.ID, used[next] = next, true
		}
		c.Result, c.TransferSyntax = pdu.ResultNoReason, ""
		rq.Contexts = append(rq.Contexts, pdu.ContextRQ{ID: c.ID, AbstractSyntax: c.AbstractSyntax, TransferSyntaxes: c.TransferSyntaxes})
		role := pdu.Role{SOPClassUID: c.AbstractSyntax, SCP: true}
		if c.SCP && !slices.Contains(rq.User.Roles, role) {
			rq.User.Roles = append(rq.User.Roles, role)
		}
	}
	return rq, contexts, nil
}

// connect opens the transport connection, TLS handshake included.
func (d *Dialer) connect(ctx context.Context, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil || d.TLSConfig == nil {
		return conn, err
	}
	config := d.TLSConfig
	if config.ServerName == "" {
		config = config.Clone()
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	t := tls.Client(conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, handshakeError(err)
	}
	return t, nil
}

// readAnswer waits for A-ASSOCIATE-AC; an A-ASSOCIATE-RJ becomes a *Rejection.
func (l *link) readAnswer() (*pdu.AssociateAC, error) {
	e, h, err := l.receive("the answer to the A-ASSOCIATE-RQ")
	if errors.Is(err, ErrConnectionLost) || errors.Is(err, syscall.ECONNRESET) {
		return nil, fmt.Errorf("no answer to the association request; the peer may speak TLS on this port, or not let us in: %w", err)
	}
	if err != nil {
		return nil, err
	}
	packed, err := l.negotiation(e, h)
	if err != nil {
		return nil, err
	}
	if e == evtRJ {
		rj, err := pdu.DecodeAssociateRJ(packed)
		if err != nil {
			return nil, err
		}
		return nil, &Rejection{Result: rj.Result, Source: rj.Source, Reason: rj.Reason}
	}
	ac, err := pdu.DecodeAssociateAC(packed)
	if err != nil {
		return nil, l.malformed(err)
	}
	return ac, nil
}

// settle writes the answers into the contexts. A context without an answer counts as refused; an answer to nothing that was
// proposed is an error. A role that was asked for and denied refuses the context; an acceptor that leaves the item out means the
// default roles (PS3.7 D.3.3.4), but those that take the class at all are known to take reports too.
func settle(contexts []PresentationContext, ac *pdu.AssociateAC) error {
	for _, answer := range ac.Contexts {
		i := slices.IndexFunc(contexts, func(c PresentationContext) bool { return c.ID == answer.ID })
		if i < 0 {
			return fmt.Errorf("answer for presentation context %d, which was not proposed", answer.ID)
		}
		c := &contexts[i]
		c.Result = answer.Result
		if answer.Result != pdu.ResultAcceptance {
			continue
		}
		if !slices.Contains(c.TransferSyntaxes, answer.TransferSyntax) {
			return fmt.Errorf("presentation context %d was accepted with transfer syntax %q, which was not proposed",
				c.ID, answer.TransferSyntax)
		}
		if c.SCP && slices.ContainsFunc(ac.User.Roles, func(r pdu.Role) bool { return r.SOPClassUID == c.AbstractSyntax && !r.SCP }) {
			c.Result = pdu.ResultUserRejection
			continue
		}
		c.TransferSyntax = answer.TransferSyntax
	}
	return nil
}
