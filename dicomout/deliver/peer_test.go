package deliver_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
)

// peer is a receiver that behaves as a test wants.
type peer struct {
	admit    func(dimse.Requestor) error
	syntaxes []string // accepted, in order of preference
	refused  string   // SOP class that is not supported
	tls      *tls.Config
	// answer is asked for each instance, n counting from 0.
	answer func(n int, conn net.Conn, ctx context.Context) (dimse.Status, string)

	mu       sync.Mutex
	received []stored
	closed   []error
	conn     net.Conn // the latest
}

type stored struct {
	class, instance, syntax string
	body                    []byte
}

func (p *peer) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }

func (p *peer) Store(ctx context.Context, _ *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return dimse.StatusProcessingFailure, ""
	}
	p.mu.Lock()
	n, conn := len(p.received), p.conn
	p.received = append(p.received, stored{req.SOPClassUID, req.SOPInstanceUID, req.TransferSyntaxUID, body})
	p.mu.Unlock()
	if p.answer == nil {
		return dimse.StatusSuccess, ""
	}
	return p.answer(n, conn, ctx)
}

func (p *peer) Closed(_ *dimse.Association, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = append(p.closed, err)
}

// listener remembers the connection, so that a test can break it.
type listener struct {
	net.Listener
	peer *peer
}

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.peer.mu.Lock()
		l.peer.conn = conn
		l.peer.mu.Unlock()
	}
	return conn, err
}

// serve starts the peer until the end of the test and returns it as a destination.
func (p *peer) serve(t *testing.T) deliver.Destination {
	t.Helper()
	if p.syntaxes == nil {
		p.syntaxes = []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian}
	}
	server := &dimse.Server{
		Admit: p.admit,
		Accept: func(_ dimse.Requestor, abstract string, proposed []string) (string, byte) {
			if abstract == p.refused {
				return "", pdu.ResultAbstractSyntaxNotSupported
			}
			for _, s := range p.syntaxes {
				if slices.Contains(proposed, s) {
					return s, pdu.ResultAcceptance
				}
			}
			return "", pdu.ResultTransferSyntaxesNotSupported
		},
		Handler:  p,
		Timeouts: dimse.Timeouts{Drain: 10 * time.Millisecond, Request: time.Second},
		Logger:   slog.New(slog.DiscardHandler), TLSConfig: p.tls,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(ctx, listener{l, p})
	}()
	t.Cleanup(func() { stop(); <-done })
	return destination(l.Addr().String())
}
