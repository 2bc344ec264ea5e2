package dimse

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

// replay is a connection that plays bytes and swallows what is written.
type replay struct {
	bytes.Reader
	written int
}

func (r *replay) Write(b []byte) (int, error)      { r.written += len(b); return len(b), nil }
func (*replay) Close() error                       { return nil }
func (*replay) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (*replay) RemoteAddr() net.Addr               { return &net.TCPAddr{} }
func (*replay) SetDeadline(time.Time) error        { return nil }
func (*replay) SetReadDeadline(time.Time) error    { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }

// FuzzServer plays a connection from its first byte, or from the one behind a good request: whatever comes, the association ends in a state
// that table 9-10 knows as an end, and a handler never gets more bytes than came.
func FuzzServer(f *testing.F) {
	request := packed(f, testRequest())
	for _, then := range [][]byte{
		nil, echoRequest(1), storeRequest(1, pattern(100)), pdu.AppendReleaseRQ(nil), pdu.Abort{}.Append(nil),
		pdata(pdv(contextStore, 3, commandSet(storeCommand(1))), pdv(contextStore, 0, "odd"), pdv(contextStore, 2, "")),
		append(storeRequest(1, nil), echoRequest(2)...),
		message(contextStore, pdu.Command{
			Field:                   pdu.NActionRQ,
			MessageID:               1,
			RequestedSOPClassUID:    ctImage,
			RequestedSOPInstanceUID: "1",
			ActionTypeID:            1,
		}, []byte("ab")),
		message(contextStore, pdu.Command{
			Field:               pdu.NEventReportRQ,
			MessageID:           1,
			AffectedSOPClassUID: ctImage,
			EventTypeID:         1,
		}, []byte("ab")),
		message(contextStore, pdu.Command{Field: pdu.NEventReportRSP, RespondedTo: 1}, nil),
	} {
		f.Add(true, then)
	}
	f.Add(false, request)
	f.Add(false, []byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, associated bool, b []byte) {
		if associated {
			b = append(bytes.Clone(request), b...)
		}
		handler := &recorder{closed: make(chan error, 1)}
		handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
			n, err := io.Copy(io.Discard, req.Body)
			if n > int64(len(b)) {
				t.Errorf("a data set of %d bytes out of %d", n, len(b))
			}
			if err != nil && errors.Is(err, io.EOF) {
				t.Errorf("a data set that is cut reads as whole: %v", err)
			}
			return StatusSuccess, ""
		}
		asked, told := 0, 0
		services := &normalized{recorder: handler, events: make(chan string, len(b)),
			act: func(a *Association, req *ActionRequest, _ string) (Status, string) {
				asked++
				a.QueueEventReport(EventReport{
					SOPClassUID: ctImage,
					Make:        func(string) (uint16, []byte, error) { return 1, nil, nil },
					Done:        func(Response, error) { told++ },
				})
				return StatusSuccess, ""
			}}
		s := &Server{Accept: acceptTest, Handler: services, Logger: slog.New(slog.DiscardHandler)}
		s.init()
		conn := &replay{}
		conn.Reset(b)
		c := &connection{link: newLink(conn, false, s.timeouts)}
		s.census.enter(c)
		s.serve(c)
		if state := c.link.state; state != Sta1 && state != Sta13 {
			t.Errorf("the connection ended in %v", state)
		}
		if asked != told {
			t.Errorf("%d reports were queued, of %d something became", asked, told)
		}
		if len(s.census.all) != 0 || s.census.associations != 0 || s.census.strangers.Len() != 0 {
			t.Error("the census still knows the connection")
		}
	})
}

// FuzzDialer plays what an acceptor may send to a requestor that stores and releases.
func FuzzDialer(f *testing.F) {
	titles, err := pdu.NewTitles(calledTitle, callingTitle)
	if err != nil {
		f.Fatal(err)
	}
	ac := packed(f, &pdu.AssociateAC{Version: 1, Titles: titles, ApplicationContext: pdu.ApplicationContext,
		Contexts: []pdu.ContextAC{{ID: 1, TransferSyntax: explicitLE}}})
	response := message(1, pdu.Command{Field: pdu.CStoreRSP, RespondedTo: 1, Status: 0xA700, ErrorComment: "full"}, nil)
	f.Add(bytes.Join([][]byte{ac, response, pdu.AppendReleaseRP(nil)}, nil))
	f.Add(bytes.Join([][]byte{ac, response, pdu.AppendReleaseRQ(nil), pdu.AppendReleaseRP(nil)}, nil))
	f.Add(bytes.Join([][]byte{ac, pdu.AppendReleaseRQ(nil)}, nil))
	f.Add(pdu.AssociateRJ{Result: 1, Source: 1, Reason: 7}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		conn := &replay{}
		conn.Reset(b)
		l := newLink(conn, true, Timeouts{}.withDefaults())
		l.on(evtAssociate)
		l.on(evtConnected)
		l.maxData = 16384
		c := &Conn{link: l, contexts: []PresentationContext{{ID: 1, AbstractSyntax: ctImage, TransferSyntaxes: []string{explicitLE}}}}
		err := c.guarded(context.Background(), func() error { return l.associate(nil, c.contexts) })
		if err == nil {
			_, _ = c.Store(context.Background(), storeOf(bytes.NewReader(pattern(100))))
			_ = c.Release(context.Background())
		}
		if c.over == nil && err == nil {
			t.Error("the association is not over")
		}
		if l.state != Sta1 && l.state != Sta13 {
			t.Errorf("the connection ended in %v", l.state)
		}
	})
}
