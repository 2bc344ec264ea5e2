package dimse

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dimse/secure"
	"jcsnode/dimse/secure/securetest"
	"jcsnode/netfault"
)

// answering takes one connection and hands it to f.
func answering(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			f(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// A requestor that meets TLS where it speaks none, or the other way round, says so, however the peer takes it.
func TestDial_TLSAgainstPlain(t *testing.T) {
	contexts := []PresentationContext{{AbstractSyntax: Verification, TransferSyntaxes: []string{"1.2.840.10008.1.2"}}}
	first := func(c net.Conn) { c.Read(make([]byte, 1)) }
	for name, c := range map[string]struct {
		tls    *tls.Config
		answer func(net.Conn)
		is     error
		text   string
	}{
		"TLS to a peer that aborts": {&tls.Config{},
			func(c net.Conn) { first(c); c.Write([]byte{7, 0, 0, 0, 0, 4, 0, 0, 2, 1}) }, ErrNoTLS, "does not speak TLS on this port"},
		"TLS to a peer that closes": {&tls.Config{}, first, nil, "may not speak TLS on this port"},
		"TLS to a peer that resets": {&tls.Config{},
			func(c net.Conn) { first(c); c.(*net.TCPConn).SetLinger(0) }, nil, "may not speak TLS on this port"},
		"TLS to a peer that waits": {&tls.Config{}, func(c net.Conn) { io.Copy(io.Discard, c) }, nil, "may not speak TLS on this port"},
		"plain to a peer that alerts": {nil,
			func(c net.Conn) { first(c); c.Write([]byte{0x15, 3, 3, 0, 2, 2, 70}) }, ErrSpeaksTLS, "speaks TLS on this port"},
		"plain to a peer that closes": {nil, first, nil, "may speak TLS on this port"},
		"plain to a peer that resets": {nil,
			func(c net.Conn) { first(c); c.(*net.TCPConn).SetLinger(0) }, nil, "may speak TLS on this port"},
	} {
		t.Run(name, func(t *testing.T) {
			d := Dialer{CallingAETitle: "TEST", TLSConfig: c.tls, Timeouts: Timeouts{Connect: 300 * time.Millisecond, Request: time.Second}}
			_, err := d.Dial(t.Context(), answering(t, c.answer), "PEER", contexts)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(netfault.Words(err), c.text) {
				t.Errorf("%v, want one that says %q", err, c.text)
			}
			for _, internal := range []string{"EOF", "context", "reset by peer", "first record", "i/o timeout"} {
				if err != nil && strings.Contains(netfault.Words(err), internal) {
					t.Errorf("%q speaks of internals", netfault.Words(err))
				}
			}
		})
	}
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The log of an acceptor says the same of peers at the wrong port.
func TestServer_TLSAgainstPlain(t *testing.T) {
	certificate, key := securetest.NewAuthority(t, "authority").Issue("node", time.Now().Add(time.Hour))
	identity, err := secure.Load(secure.Files{Certificate: certificate, Key: key}, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tls  *tls.Config
		send []byte
		text string
	}{
		"plain at the TLS port": {identity.Server(false), []byte{1, 0, 0, 0, 0, 68, 0, 1}, "the peer does not speak TLS on this port"},
		"TLS at the plain port": {nil,
			[]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 252}, "the peer speaks TLS on this port, and the connection is one without"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &syncBuffer{}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &Server{TLSConfig: c.tls, Logger: slog.New(slog.NewTextHandler(log, nil)), Timeouts: Timeouts{Request: time.Second}}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- s.Serve(ctx, l) }()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(c.send); err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, conn)
			conn.Close()
			cancel()
			<-done
			if !strings.Contains(log.String(), c.text) {
				t.Errorf("the log says %s", log.String())
			}
		})
	}
}
