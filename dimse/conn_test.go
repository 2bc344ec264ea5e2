package dimse

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dimse/pdu"
)

// scripted starts an acceptor that plays script on its one connection, and returns its address.
func scripted(t *testing.T, script func(p *raw)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(longestWait))
		script(&raw{t, conn})
	}()
	return l.Addr().String()
}

// accept reads the request and accepts every context with its first syntax.
func (p *raw) accept(peerMax uint32) {
	got, body := p.read()
	rq, err := pdu.DecodeAssociateRQ(body)
	if got != pdu.TypeAssociateRQ || err != nil {
		p.t.Errorf("got %v, %v, want A-ASSOCIATE-RQ", got, err)
		return
	}
	ac := &pdu.AssociateAC{
		Version:            1,
		Titles:             rq.Titles,
		ApplicationContext: rq.ApplicationContext,
		User:               pdu.UserInformation{MaxLength: peerMax},
	}
	for _, c := range rq.Contexts {
		ac.Contexts = append(ac.Contexts, pdu.ContextAC{ID: c.ID, TransferSyntax: c.TransferSyntaxes[0]})
	}
	p.write(packed(p.t, ac))
}

var testContexts = []PresentationContext{
	{AbstractSyntax: Verification, TransferSyntaxes: []string{implicitVRLittleEndian}},
	{AbstractSyntax: ctImage, TransferSyntaxes: []string{explicitLE, implicitVRLittleEndian}},
	{AbstractSyntax: ctImage, TransferSyntaxes: []string{implicitVRLittleEndian}},
}

func testDialer() *Dialer {
	return &Dialer{CallingAETitle: callingTitle, Timeouts: Timeouts{
		Connect:  5 * time.Second,
		Request:  5 * time.Second,
		Response: 5 * time.Second,
		Release:  5 * time.Second,
	}}
}

func dial(t *testing.T, address string) *Conn {
	t.Helper()
	c, err := testDialer().Dial(t.Context(), address, calledTitle, testContexts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Abort() })
	return c
}

func storeOf(data io.Reader) StoreCommand {
	return StoreCommand{SOPClassUID: ctImage, SOPInstanceUID: "1.2.3.4", TransferSyntaxUID: explicitLE, Body: data}
}

func TestConn_AgainstServer(t *testing.T) {
	address, handler := serve(t, nil)
	c := dial(t, address)
	if diff := cmp.Diff([]string{explicitLE, implicitVRLittleEndian}, c.Accepted(ctImage)); diff != "" {
		t.Errorf("accepted, -want +got:\n%s", diff)
	}
	if got := c.Accepted("1.2"); got != nil {
		t.Errorf("accepted for a class never proposed: %v", got)
	}
	if status, err := c.Echo(t.Context()); status != StatusSuccess || err != nil {
		t.Errorf("Echo: %v, %v", status, err)
	}
	if _, err := c.Store(t.Context(), StoreCommand{
		SOPClassUID:       ctImage,
		TransferSyntaxUID: "1.2",
		Body:              strings.NewReader(""),
	}); !errors.Is(err, ErrNoContext) {
		t.Errorf("Store without a context: %v", err)
	}
	var want [][]byte
	fragment := pdu.FragmentLength(0, maxSendLength)
	for _, size := range []int{0, 1, 2, fragment - 1, fragment, fragment + 1, 2 * fragment, 1<<20 + 2} {
		data := pattern(size)
		want = append(want, data)
		for _, r := range []io.Reader{bytes.NewReader(data), iotest.DataErrReader(bytes.NewReader(data))} {
			response, err := c.Store(t.Context(), storeOf(r))
			if err != nil || response != (Response{}) {
				t.Fatalf("Store of %d bytes: %+v, %v", size, response, err)
			}
		}
	}
	if err := c.Release(t.Context()); err != nil {
		t.Errorf("Release: %v", err)
	}
	if err := handler.end(t); err != nil {
		t.Errorf("Closed: %v", err)
	}
	for i, data := range handler.take() {
		if !bytes.Equal(data, want[i/2]) {
			t.Errorf("data set %d of %d bytes came differently", i, len(want[i/2]))
		}
	}
	if _, err := c.Echo(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Echo after Release: %v", err)
	}
	if err := c.Release(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("second Release: %v", err)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

func TestConn_EndOfContextAborts(t *testing.T) {
	tests := []struct {
		name string
		body io.Reader
	}{{"while waiting for the response", strings.NewReader("data")}, {"while sending", io.LimitReader(zeros{}, 1<<40)}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			reached := make(chan struct{})
			ended := make(chan struct{})
			address := scripted(t, func(p *raw) {
				p.accept(0)
				_, _ = p.read()
				close(reached)
				<-ended
				_, _ = io.Copy(io.Discard, p.conn)
			})
			ctx, cancel := context.WithCancel(t.Context())
			c := dial(t, address)
			go func() { <-reached; cancel() }()
			_, err := c.Store(ctx, storeOf(test.body))
			close(ended)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Store: %v", err)
			}
			if _, err := c.Echo(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("Echo afterwards: %v", err)
			}
		})
	}
	t.Run("during Dial", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		address := scripted(t, func(p *raw) { _, _ = p.read(); cancel(); p.wantAbort(0, 0) })
		if _, err := testDialer().Dial(ctx, address, calledTitle, testContexts); !errors.Is(err, context.Canceled) {
			t.Errorf("Dial: %v", err)
		}
	})
	t.Run("before", func(t *testing.T) {
		address, _ := serve(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := dial(t, address)
		if _, err := c.Echo(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Echo: %v", err)
		}
		if _, err := c.Echo(t.Context()); err != nil {
			t.Errorf("the association did not survive a context that had ended before: %v", err)
		}
	})
}

func TestConn_AbortEndsWhatIsUnderWay(t *testing.T) {
	reached := make(chan struct{})
	address := scripted(t, func(p *raw) {
		p.accept(0)
		_, _ = p.read()
		_, _ = p.read()
		close(reached)
		p.wantAbort(0, 0)
	})
	c := dial(t, address)
	stored := make(chan error, 1)
	go func() {
		_, err := c.Store(context.Background(), storeOf(strings.NewReader("data")))
		stored <- err
	}()
	<-reached
	if err := c.Abort(); err != nil {
		t.Error(err)
	}
	if err := <-stored; !errors.Is(err, ErrClosed) {
		t.Errorf("Store: %v", err)
	}
}

func TestConn_Release(t *testing.T) {
	var timeout *TimeoutError
	tests := []struct {
		name   string
		script func(*raw)
		is     func(error) bool
	}{
		{"collision", func(p *raw) {
			p.write(pdu.AppendReleaseRQ(nil)) // AR-8: Sta9, AR-9: Sta11, AR-3
			for _, want := range []pdu.Type{pdu.TypeReleaseRQ, pdu.TypeReleaseRP} {
				if got, _ := p.read(); got != want {
					p.t.Errorf("got %v, want %v", got, want)
				}
			}
			p.write(pdu.AppendReleaseRP(nil))
		}, func(err error) bool { return err == nil }},
		{"data on the way", func(p *raw) {
			p.write(storeRequest(1, pattern(5000))) // AR-6
			_, _ = p.read()
			p.write(pdu.AppendReleaseRP(nil))
		}, func(err error) bool { return err == nil }},
		{"abort", func(p *raw) { _, _ = p.read(); p.write(pdu.Abort{}.Append(nil)) },
			func(err error) bool { var abort *AbortError; return errors.As(err, &abort) && abort.ByPeer }},
		{"silence", func(p *raw) { _, _ = p.read(); p.wantAbort(0, 0) }, func(err error) bool { return errors.As(err, &timeout) }},
		{"unexpected PDU", func(p *raw) { _, _ = p.read(); p.write(packed(p.t, testRequest())); p.wantAbort(2, 2) },
			func(err error) bool { var abort *AbortError; return errors.As(err, &abort) && !abort.ByPeer }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := scripted(t, func(p *raw) { p.accept(0); test.script(p) })
			d := testDialer()
			d.Timeouts.Release = 300 * time.Millisecond
			c, err := d.Dial(t.Context(), address, calledTitle, testContexts)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Release(t.Context()); !test.is(err) {
				t.Errorf("Release: %v", err)
			}
		})
	}
}

func TestConn_MessageIDsNeverAreZero(t *testing.T) {
	address, _ := serve(t, nil)
	c := dial(t, address)
	c.messageID = 0xFFFE
	for range 3 {
		if _, err := c.Echo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if c.messageID != 2 {
		t.Errorf("message ID %d after FFFFH, want 2", c.messageID)
	}
}
