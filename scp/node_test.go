package scp

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"path/filepath"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SCP_TEST_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// node is a door on a port, with what is behind it.
type node struct {
	dir  string
	addr string
	door *Door
	l    *ledger.Ledger
}

func allSyntaxes() []string {
	return []string{dataset.ExplicitVRLittleEndian, dataset.ImplicitVRLittleEndian, dataset.JPEGLosslessSV1, dataset.JPEGLossless}
}

func startNode(t *testing.T, s Settings, change func(*Door)) *node {
	t.Helper()
	n := &node{dir: t.TempDir()}
	inbox := testInbox(t, n.dir)
	n.l = testLedger(t, n.dir)
	s.AETitle = "JCS"
	if s.TransferSyntaxes == nil {
		s.TransferSyntaxes = allSyntaxes()
	}
	n.door = NewDoor(func() Settings { return s }, inbox, n.l, slog.New(slog.DiscardHandler), time.Now)
	if change != nil {
		change(n.door)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = listener.Addr().String()
	server := &dimse.Server{Admit: n.door.Admit, Accept: n.door.Accept, GrantSCP: n.door.GrantSCP, Handler: n.door, Logger: n.door.log}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *node) dial(t *testing.T, classes ...string) *dimse.Conn {
	t.Helper()
	var contexts []dimse.PresentationContext
	for _, c := range classes {
		contexts = append(contexts, dimse.PresentationContext{
			AbstractSyntax:   c,
			TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian},
		})
	}
	d := dimse.Dialer{CallingAETitle: "CT1"}
	c, err := d.Dial(t.Context(), n.addr, "JCS", contexts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abort() })
	return c
}

func send(t *testing.T, c *dimse.Conn, i image) dimse.Response {
	t.Helper()
	return sendAs(t, c, i, i.sop)
}

func sendAs(t *testing.T, c *dimse.Conn, i image, sop string) dimse.Response {
	t.Helper()
	r, err := c.Store(t.Context(), dimse.StoreCommand{SOPClassUID: i.class, SOPInstanceUID: sop,
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian, Body: bytes.NewReader(i.bytes())})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (n *node) history(t *testing.T, study string) *ledger.History {
	t.Helper()
	if err := n.l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := n.l.History(t.Context(), study)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (n *node) events(t *testing.T, kind string) []ledger.Event {
	t.Helper()
	if err := n.l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ledgertest.Events(t, filepath.Join(n.dir, "ledger.db"), kind)
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(p))
	return len(p), nil
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.text)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
