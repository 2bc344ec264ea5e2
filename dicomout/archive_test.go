package dicomout_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
)

// archive is a PACS that keeps what it accepts, and may be in trouble.
type archive struct {
	mu       sync.Mutex // guards the fields below
	trouble  *trouble   // nil: none
	arrived  map[string][]byte
	held     map[string]bool
	problems []string // what must never happen
	stray    []byte   // instance that responses rename
	conns    map[string]net.Conn
}

func (a *archive) current() trouble {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.trouble == nil {
		return trouble{}
	}
	return *a.trouble
}

func (a *archive) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }
func (a *archive) Closed(*dimse.Association, error)                      {}

func (a *archive) Store(ctx context.Context, as *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	now := a.current()
	concerned := req.SOPClassUID == object.SegmentationStorage
	if concerned && now.end != nil {
		a.mu.Lock()
		conn := a.conns[as.Requestor().Addr.String()]
		a.mu.Unlock()
		now.end(ctx, conn)
		return dimse.StatusProcessingFailure, ""
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return dimse.StatusProcessingFailure, ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if before, known := a.arrived[req.SOPInstanceUID]; known && !bytes.Equal(before, body) {
		a.problems = append(a.problems, req.SOPInstanceUID+" came with other bytes")
	}
	a.arrived[req.SOPInstanceUID] = body
	if a.held[req.SOPInstanceUID] {
		a.problems = append(a.problems, req.SOPInstanceUID+" came again after it had been accepted")
	}
	status := dimse.StatusSuccess
	if concerned {
		status = now.status
	}
	if concerned && now.stray {
		a.stray = []byte(req.SOPInstanceUID)
		return status, ""
	}
	a.stray = nil
	a.held[req.SOPInstanceUID] = status == 0 || status == 0x0111 || status.Class() == dimse.ClassWarning
	return status, ""
}

// serve starts the archive and returns its address.
func (a *archive) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.arrived, a.held, a.conns = map[string][]byte{}, map[string]bool{}, map[string]net.Conn{}
	s := &dimse.Server{Handler: a, Logger: slog.New(slog.DiscardHandler), Timeouts: dimse.Timeouts{Drain: time.Millisecond},
		Admit: func(dimse.Requestor) error {
			if r := a.current().reject; r != nil {
				return r
			}
			return nil
		},
		Accept: func(_ dimse.Requestor, abstract string, proposed []string) (string, byte) {
			switch now := a.current(); {
			case abstract == now.class:
				return "", pdu.ResultAbstractSyntaxNotSupported
			case now.syntax:
				return "", pdu.ResultTransferSyntaxesNotSupported
			}
			return proposed[0], pdu.ResultAcceptance
		}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ctx, remembering{l, a}) }()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

// remembering keeps connections, so that an archive can break them.
type remembering struct {
	net.Listener
	archive *archive
}

func (l remembering) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.archive.mu.Lock()
	defer l.archive.mu.Unlock()
	l.archive.conns[conn.RemoteAddr().String()] = conn
	return renaming{conn, l.archive}, nil
}

// renaming writes another UID where the archive is to answer for another object.
type renaming struct {
	net.Conn
	archive *archive
}

func (c renaming) Write(b []byte) (int, error) {
	c.archive.mu.Lock()
	uid := c.archive.stray
	c.archive.mu.Unlock()
	if len(uid) > 0 {
		b = bytes.ReplaceAll(b, uid, append(bytes.Clone(uid[:len(uid)-1]), '0'+(uid[len(uid)-1]-'0'+1)%10))
	}
	return c.Conn.Write(b)
}

// mute listens and says nothing.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String() // the kernel takes connections by itself
}
