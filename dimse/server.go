package dimse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"jcsnode/dimse/pdu"
	"jcsnode/netfault"
)

// Server accepts associations. Fields are set before Serve and not changed afterwards; the zero value with a Handler
// answers C-ECHO.
type Server struct {
	// Admit judges a request by its titles, address and user. A *Rejection refuses it with these numbers, any other error
	// with 2/1/1. Nil admits everybody.
	Admit func(Requestor) error

	// Accept chooses the transfer syntax of a presentation context among the proposed ones, or gives another result than
	// pdu.ResultAcceptance. Nil takes C-ECHO alone. Both hooks are called by many goroutines.
	Accept func(requestor Requestor, abstract string, proposed []string) (transferSyntax string, result byte)

	// GrantSCP says whether a peer that asks to be SCP of a class, by role selection, may be: it then sends N-EVENT-REPORT.
	// Nil: never.
	GrantSCP func(requestor Requestor, abstract string) bool

	// Rejected is told of every association that is rejected, before the peer is, by many goroutines; may be nil.
	Rejected func(Rejection)

	// Handler may be an Actor, an EventReceiver and an Opener as well.
	Handler Handler

	// MaxPDULength is the longest P-DATA-TF, in bytes, that is announced and taken; the read buffer is as large. At least
	// 4096, at most 1 MiB; 0 means 131072.
	MaxPDULength uint32

	// MaxAssociations and MaxAssociationsPerPeer bound the associations that live at the same time; more are rejected with
	// 2/3/2. A peer is an address with a calling AE title. 0 is no limit.
	MaxAssociations, MaxAssociationsPerPeer int

	// MinRate is the least average rate, in bytes per second over Timeouts.Progress, at which a message has to arrive; time
	// that the Handler spends is not counted. A slower one is aborted. 0 is no limit.
	MinRate int64

	Timeouts Timeouts

	// ImplementationClassUID and ImplementationVersion (16 characters) name the product in the answer.
	ImplementationClassUID, ImplementationVersion string

	Logger *slog.Logger // nil: slog.Default()

	// TLSConfig makes Serve speak TLS. For a plain and a TLS port under the same limits leave it nil and give one Serve a
	// listener of tls.NewListener.
	TLSConfig *tls.Config

	once       sync.Once
	epoch      string // makes names of associations of different processes differ
	log        *slog.Logger
	timeouts   Timeouts
	maxData    uint32
	strangers  strangers
	rejections repeats
	work       sync.WaitGroup // one per connection
	census     census
}

func (s *Server) init() {
	s.once.Do(func() {
		s.log = s.Logger
		if s.log == nil {
			s.log = slog.Default()
		}
		s.epoch = strconv.FormatInt(time.Now().UnixMilli(), 36)
		s.timeouts = s.Timeouts.withDefaults()
		s.maxData = maxSendLength
		if s.MaxPDULength != 0 {
			s.maxData = min(max(s.MaxPDULength, 4096), 1<<20)
		}
		s.census.init(s.MaxAssociations, s.MaxAssociationsPerPeer)
	})
}

// Serve accepts connections until ctx ends or Shutdown is called, and returns nil when all associations are over: after ctx,
// they get Timeouts.Drain to finish. It closes l. It may be called for several listeners at the same time; the end of
// one ctx then ends all. When l fails, its error comes at once and the associations go on until Shutdown.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.init()
	if !s.census.listen(l, &s.work) {
		_ = l.Close()
		return fmt.Errorf("serve %v: %w", l.Addr(), ErrShutdown)
	}
	failed := make(chan error, 1)
	go func() {
		defer s.work.Done()
		failed <- s.acceptLoop(l)
	}()
	select {
	case err := <-failed:
		if err != nil {
			_ = l.Close()
			return err
		}
	case <-ctx.Done():
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeouts.Drain)
		defer cancel()
		_ = s.Shutdown(drain) // that some did not finish in time is in the log, one by one
	}
	s.work.Wait()
	s.rejections.flush()
	return nil
}

// Shutdown rejects new associations with 2/3/1, waits until the current ones are over or ctx ends, aborts those that are
// left, closes the listeners and returns when nothing runs any more. A handler that has its data set whole may still
// answer; one that ignores the end of its ctx holds Shutdown up. The error is that of ctx if something had to be aborted.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	var err error
	select {
	case <-s.census.drain():
	case <-ctx.Done():
		err = ctx.Err()
	}
	if s.census.stop(ErrShutdown) == 0 {
		err = nil
	}
	s.work.Wait()
	return err
}

// acceptLoop returns nil once the listener was closed by Shutdown.
func (s *Server) acceptLoop(l net.Listener) error {
	pause := 5 * time.Millisecond
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
		case s.census.stopped():
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED),
			errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
			// The one that has waited longest without an association gives its descriptor to the next.
			s.census.evict()
			s.log.Error("cannot accept a connection; raise the limit of open files if this comes again",
				"address", l.Addr().String(), "error", netfault.Words(err))
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		default:
			return fmt.Errorf("accept connections on %v: %w", l.Addr(), err)
		}
		if _, ok := conn.(*tls.Conn); !ok && s.TLSConfig != nil {
			conn = tls.Server(conn, s.TLSConfig)
		}
		c := &connection{link: newLink(conn, false, s.timeouts)}
		if !s.census.enter(c) {
			_ = conn.Close()
			return nil
		}
		s.work.Go(func() { s.serve(c) })
	}
}

// serve is the life of one connection.
func (s *Server) serve(c *connection) {
	l := c.link
	conn := l.conn
	defer func() {
		if r := recover(); r != nil {
			logPanic(s.log, "association with "+conn.RemoteAddr().String(), r)
		}
		_ = conn.Close()
		s.census.leave(c)
	}()
	l.maxData = s.maxData
	l.progress = progress{rate: s.MinRate, window: s.timeouts.Progress}
	l.until = time.Now().Add(s.timeouts.Request)
	l.on(evtConnection)
	if err := s.open(c); err != nil {
		s.strangers.report(s.log, conn.RemoteAddr(), l.conclude(err))
	}
	if l.state == Sta13 {
		l.linger(time.Now().Add(s.timeouts.Request))
	}
}

// open reads the request and serves the association that may come of it. Its error says why there was no request.
func (s *Server) open(c *connection) error {
	l := c.link
	state, err := handshake(l.conn, l.until)
	if err != nil {
		l.writeFailed = true // nothing more can be said on this connection
		return err
	}
	e, h, err := l.receive("the A-ASSOCIATE-RQ")
	if err != nil {
		return err
	}
	packed, err := l.negotiation(e, h)
	if err != nil {
		return err
	}
	rq, err := pdu.DecodeAssociateRQ(packed)
	if err != nil {
		return l.malformed(err)
	}
	requestor := newRequestor(rq, l.conn.RemoteAddr(), state)
	log := s.log.With("peer", requestor.Addr.String(), "calling", requestor.CallingAETitle, "called", requestor.CalledAETitle)
	if rejection := s.judge(c, rq, requestor); rejection != nil {
		l.on(evtReject)
		if s.Rejected != nil {
			s.Rejected(*rejection)
		}
		l.farewell(pdu.AssociateRJ{Result: rejection.Result, Source: rejection.Source, Reason: rejection.Reason}.Append(nil))
		summary := func(more int) {
			log.Warn("again: "+rejection.Error(), "more", more, "within", s.rejections.within().String())
		}
		key := host(requestor.Addr) + " " + requestor.CallingAETitle + " " + requestor.CalledAETitle + " " + rejection.Error()
		if s.rejections.first(key, summary) {
			log.Warn(rejection.Error(), "calling_raw", fmt.Sprintf("%q", requestor.rawCalling[:]),
				"called_raw", fmt.Sprintf("%q", requestor.rawCalled[:]))
		}
		return nil
	}
	s.associate(c, rq, requestor, log)
	return nil
}

// handshake finishes the TLS handshake, if there is one, before the deadline.
func handshake(conn net.Conn, deadline time.Time) (*tls.ConnectionState, error) {
	t, ok := conn.(*tls.Conn)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, handshakeError(err)
	}
	state := t.ConnectionState()
	return &state, nil
}

// judge decides about the request; a nil answer holds a place in the census.
func (s *Server) judge(c *connection, rq *pdu.AssociateRQ, requestor Requestor) (rejection *Rejection) {
	if rejection := acceptable(rq); rejection != nil {
		return rejection
	}
	if rejection := s.census.admit(c, host(requestor.Addr)+" "+requestor.CallingAETitle); rejection != nil {
		return rejection
	}
	if s.Admit == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			logPanic(s.log, "admission of "+requestor.Addr.String(), r)
			rejection = &Rejection{Result: 2, Source: 1, Reason: 1, Detail: "internal error"}
		}
		if rejection != nil {
			s.census.dismiss(c)
		}
	}()
	err := s.Admit(requestor)
	if err != nil && !errors.As(err, &rejection) {
		rejection = &Rejection{Result: 2, Source: 1, Reason: 1, Detail: err.Error()}
	}
	return rejection
}

// associate accepts the request and serves the association to its end.
func (s *Server) associate(c *connection, rq *pdu.AssociateRQ, requestor Requestor, log *slog.Logger) {
	l := c.link
	accept := s.Accept
	if accept == nil {
		accept = Offer{Verification: {implicitVRLittleEndian}}.Accept
	}
	contexts := negotiate(rq.Contexts, func(abstract string, proposed []string) (string, byte) {
		return accept(requestor, abstract, proposed)
	})
	a := &Association{
		id:        c.id,
		name:      fmt.Sprintf("%s-%d", s.epoch, c.id),
		requestor: requestor,
		contexts:  contexts,
		link:      l,
		handler:   s.Handler,
		sent:      map[uint16]sentReport{},
	}
	a.log = log.With("association", a.name)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	s.census.cancelBy(c, cancel)

	l.establish(rq.User.MaxLength, a.contexts)
	l.between = s.timeouts.Idle
	a.logContexts()
	grant := func(abstract string) bool { return s.GrantSCP != nil && s.GrantSCP(requestor, abstract) }
	packed, err := answer(rq, a.contexts, grant, s.maxData, s.ImplementationClassUID, s.ImplementationVersion).Append(nil)
	if err == nil {
		l.on(evtAccept)
		err = l.write(packed)
	}
	if err == nil {
		a.opened(ctx)
		err = a.run(ctx)
	}
	// The place is free before the peer can learn that the association is over, so that it may come again at once.
	s.census.dismiss(c)
	err = l.conclude(err)
	a.abandonReports(err)
	if err != nil {
		a.log.Warn("association "+describe(err), "error", netfault.Words(err))
	} else {
		a.log.Info("association " + describe(nil))
	}
	defer func() {
		if r := recover(); r != nil {
			logPanic(a.log, "end of the association", r)
		}
	}()
	s.Handler.Closed(a, err)
}

func (a *Association) logContexts() {
	accepted := 0
	for _, c := range a.contexts {
		if c.Result == pdu.ResultAcceptance {
			accepted++
		}
		a.log.Debug("presentation context", "id", c.ID, "class", c.AbstractSyntax, "offered", c.TransferSyntaxes,
			"result", c.Result, "syntax", c.TransferSyntax)
	}
	a.log.Info("association accepted", "contexts", len(a.contexts), "accepted", accepted,
		"implementation", a.requestor.ImplementationVersion, "max_pdu", a.requestor.MaxPDULength)
}

func logPanic(log *slog.Logger, during string, r any) {
	log.Error("panic: this is an error of the program, please report it", "during", during, "panic", fmt.Sprint(r),
		"stack", string(debug.Stack()))
}
