package dimse

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

// requestBy is testRequest with another calling title.
func requestBy(calling string) *pdu.AssociateRQ {
	rq := testRequest()
	rq.Titles, _ = pdu.NewTitles(calledTitle, calling)
	return rq
}

func TestServer_LimitsAssociations(t *testing.T) {
	told := make(chan string, 100)
	address, _ := serve(t, func(s *Server) {
		s.MaxAssociations, s.MaxAssociationsPerPeer = 3, 2
		s.Rejected = func(r Rejection) { told <- r.Words() }
	})
	first := associated(t, address)
	second := associated(t, address)
	p := connect(t, address)
	p.write(packed(t, testRequest()))
	p.wantRejection(2, 3, 2) // of this peer
	third := connect(t, address)
	third.associate(requestBy("OTHER"))
	p = connect(t, address)
	p.write(packed(t, requestBy("FOURTH")))
	p.wantRejection(2, 3, 2) // in all

	// A place is free as soon as the peer knows that the association is over.
	for range 20 {
		first.release()
		first = associated(t, address)
	}
	// A refused title takes no place.
	second.release()
	for range 5 {
		p = connect(t, address)
		p.write(packed(t, requestBy("STRANGER")))
		p.wantRejection(1, 1, 3)
	}
	associated(t, address)
	said := map[string]int{}
	for range len(told) { // before the peers were
		said[<-told]++
	}
	if len(said) != 2 || said["local limit exceeded"] != 2 || said["calling AE title not recognized"] != 5 {
		t.Errorf("told of %v", said)
	}
}

// startServer is serve for tests that stop the server themselves.
func startServer(t *testing.T, handler Handler) (s *Server, address string, served chan error) {
	t.Helper()
	s = &Server{Accept: acceptTest, Handler: handler, Logger: slog.New(slog.DiscardHandler)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served = make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()
	return s, l.Addr().String(), served
}

func TestServer_ShutdownDrains(t *testing.T) {
	handler := &recorder{closed: make(chan error, 10)}
	s, address, served := startServer(t, handler)
	busy := associated(t, address)
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	<-drainBegun(s)
	p := connect(t, address)
	p.write(packed(t, testRequest()))
	p.wantRejection(2, 3, 1)
	busy.write(storeRequest(1, pattern(100000)))
	busy.wantStatus(pdu.CStoreRSP, 1, StatusSuccess)
	busy.release()
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the listener is still open")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(context.Background(), l); !errors.Is(err, ErrShutdown) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

// drainBegun waits until the server lets nobody in.
func drainBegun(s *Server) <-chan struct{} {
	begun := make(chan struct{})
	go func() {
		defer close(begun)
		for {
			s.census.mu.Lock()
			draining := s.census.draining != nil
			s.census.mu.Unlock()
			if draining {
				return
			}
			runtime.Gosched()
		}
	}()
	return begun
}

// When the time of Shutdown is over, silent associations and those in the middle of a data set are aborted; a handler that has
// all of it still answers.
func TestServer_ShutdownAborts(t *testing.T) {
	handler := &recorder{closed: make(chan error, 10)}
	complete, proceed := make(chan struct{}), make(chan struct{})
	handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return StatusProcessingFailure, err.Error()
		}
		close(complete)
		<-proceed
		return StatusSuccess, ""
	}
	s, address, served := startServer(t, handler)
	idle, half, whole, silent := associated(t, address), associated(t, address), associated(t, address), connect(t, address)
	half.write(pdata(pdv(contextStore, 3, commandSet(storeCommand(1))), pdv(contextStore, 0, "some")))
	whole.write(storeRequest(7, pattern(1000)))
	<-complete
	ended, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(ended) }()
	idle.wantAbort(0, 0)
	half.wantAbort(0, 0)
	silent.wantClosed()
	close(proceed)
	whole.wantStatus(pdu.CStoreRSP, 7, StatusSuccess)
	whole.wantAbort(0, 0)
	if err := <-down; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	for range 3 {
		if err := handler.end(t); !errors.Is(err, ErrShutdown) {
			t.Errorf("Closed: %v", err)
		}
	}
}

func TestServer_EndOfContextIsShutdown(t *testing.T) {
	handler := &recorder{closed: make(chan error, 10)}
	s := &Server{
		Accept:   acceptTest,
		Handler:  handler,
		Logger:   slog.New(slog.DiscardHandler),
		Timeouts: Timeouts{Drain: 50 * time.Millisecond},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	p := associated(t, l.Addr().String())
	cancel()
	p.wantAbort(0, 0)
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestServer_ReportsALostListener(t *testing.T) {
	s := &Server{Handler: &recorder{}, Logger: slog.New(slog.DiscardHandler)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := s.Serve(context.Background(), l); err == nil {
		t.Error("Serve on a closed listener: no error")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// Three hundred associations that end in every way leave neither goroutines (goleak in TestMain) nor descriptors.
func TestServer_LeavesNothingBehind(t *testing.T) {
	before := descriptors(t)
	t.Run("endings", func(t *testing.T) {
		address, handler := serve(t, func(s *Server) { s.Timeouts.Idle = 500 * time.Millisecond })
		endings := []func(p *raw){
			func(p *raw) { p.associate(testRequest()); p.release() },
			func(p *raw) { p.associate(testRequest()); p.write(pdu.Abort{}.Append(nil)) },
			func(p *raw) { p.associate(testRequest()) },
			func(p *raw) { p.associate(testRequest()); p.write(storeRequest(1, pattern(3000))[:1000]) },
			func(p *raw) {
				p.associate(testRequest())
				p.write([]byte("\x09\x00\x00\x00\x00\x00"))
				p.wantAbort(2, 1)
			},
			func(p *raw) { p.write(packed(p.t, testRequest())[:50]) },
			func(p *raw) { p.write(packed(p.t, requestBy("STRANGER"))); p.wantRejection(1, 1, 3) },
			func(p *raw) { p.write([]byte("GET / HTTP/1.1\r\n\r\n")); p.wantAbort(0, 0) },
			func(p *raw) {
				p.associate(testRequest())
				p.write(storeRequest(1, pattern(100000)))
				p.wantStatus(pdu.CStoreRSP, 1, StatusSuccess)
				_ = p.conn.(*net.TCPConn).SetLinger(0) // ends with a reset
			},
			func(p *raw) { p.associate(testRequest()); _ = p.conn.(*net.TCPConn).CloseWrite(); p.wantClosed() },
		}
		for i := range 300 {
			p := connect(t, address)
			endings[i%len(endings)](p)
			_ = p.conn.Close()
		}
		for range 210 { // seven endings of ten establish an association
			_ = handler.end(t)
		}
	})
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("open descriptors cannot be counted: %v", err)
	}
	return len(entries)
}

func TestStrangers_AreMentionedOnceAnHour(t *testing.T) {
	var s strangers
	now := time.Now()
	if !s.first("a", now) || s.first("a", now.Add(time.Minute)) || !s.first("b", now) || !s.first("a", now.Add(strangerQuiet)) {
		t.Error("an address is not mentioned, or twice")
	}
	for i := range 2 * strangerMemory {
		s.first(string(rune(i)), now)
	}
	if len(s.seen) > strangerMemory {
		t.Errorf("%d addresses are remembered", len(s.seen))
	}
}
