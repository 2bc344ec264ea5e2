package dimse

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

const (
	ctImage       = "1.2.840.10008.5.1.4.1.1.2"
	explicitLE    = "1.2.840.10008.1.2.1"
	longestWait   = 10 * time.Second // for what must come; never waited for when tests pass
	calledTitle   = "NODE"
	callingTitle  = "SCANNER"
	contextEcho   = 1
	contextStore  = 3
	contextUnused = 5 // proposed, refused
)

// recorder is a Handler that remembers.
type recorder struct {
	store func(a *Association, req *StoreRequest) (Status, string) // nil: remember the data set
	echo  func() Status                                            // nil: success

	mu     sync.Mutex
	stored [][]byte
	closed chan error
}

func (r *recorder) Echo(context.Context, *Association) Status {
	if r.echo != nil {
		return r.echo()
	}
	return StatusSuccess
}

func (r *recorder) Store(_ context.Context, a *Association, req *StoreRequest) (Status, string) {
	if r.store != nil {
		return r.store(a, req)
	}
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return StatusProcessingFailure, err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored = append(r.stored, data)
	return StatusSuccess, ""
}

// take returns the data sets that were stored since the last take.
func (r *recorder) take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	stored := r.stored
	r.stored = nil
	return stored
}

func (r *recorder) Closed(_ *Association, err error) { r.closed <- err }

// end waits for the end of an association.
func (r *recorder) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.closed:
		return err
	case <-time.After(longestWait):
		t.Fatal("the association did not end")
		return nil
	}
}

func acceptTest(p Requestor, abstract string, proposed []string) (string, byte) {
	syntaxes := []string{explicitLE, implicitVRLittleEndian}
	return Offer{Verification: syntaxes, ctImage: syntaxes}.Accept(p, abstract, proposed)
}

func admitTest(p Requestor) error {
	switch {
	case p.CalledAETitle != calledTitle:
		return &Rejection{Result: 1, Source: 1, Reason: 7}
	case p.CallingAETitle == "STRANGER":
		return &Rejection{Result: 1, Source: 1, Reason: 3}
	case p.CallingAETitle == "FAULT":
		return errors.New("the list of peers cannot be read")
	}
	return nil
}

// serve starts a server on a free port; it is stopped at the end of the test.
func serve(t testing.TB, change func(*Server)) (address string, handler *recorder) {
	t.Helper()
	handler = &recorder{closed: make(chan error, 1000)}
	s := &Server{Admit: admitTest, Accept: acceptTest, Handler: handler, Logger: slog.New(slog.DiscardHandler),
		ImplementationClassUID: "1.2.3", ImplementationVersion: "TEST"}
	if change != nil {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ended)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String(), handler
}

// raw is a peer that sends what it likes.
type raw struct {
	t    testing.TB
	conn net.Conn
}

func connect(t testing.TB, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(longestWait)); err != nil {
		t.Fatal(err)
	}
	return &raw{t, conn}
}

func (p *raw) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// read returns the next PDU.
func (p *raw) read() (pdu.Type, []byte) {
	p.t.Helper()
	header := make([]byte, pdu.HeaderLength)
	if _, err := io.ReadFull(p.conn, header); err != nil {
		p.t.Fatalf("read a PDU header: %v", err)
	}
	h, err := pdu.DecodeHeader(header)
	if err != nil {
		p.t.Fatal(err)
	}
	body := make([]byte, h.Length)
	if _, err := io.ReadFull(p.conn, body); err != nil {
		p.t.Fatalf("read the rest of %v: %v", h.Type, err)
	}
	return h.Type, body
}

func (p *raw) wantAbort(source, reason byte) {
	p.t.Helper()
	got, body := p.read()
	if got != pdu.TypeAbort || !bytes.Equal(body, []byte{0, 0, source, reason}) {
		p.t.Fatalf("got %v % x, want A-ABORT %d/%d", got, body, source, reason)
	}
	p.wantClosed()
}

func (p *raw) wantRejection(result, source, reason byte) {
	p.t.Helper()
	got, body := p.read()
	if got != pdu.TypeAssociateRJ || !bytes.Equal(body, []byte{0, result, source, reason}) {
		p.t.Fatalf("got %v % x, want A-ASSOCIATE-RJ %d/%d/%d", got, body, result, source, reason)
	}
	p.wantClosed()
}

func (p *raw) wantClosed() {
	p.t.Helper()
	if n, err := io.Copy(io.Discard, p.conn); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("%d more bytes and then %v, want the connection closed", n, err)
	}
}

// testRequest proposes a context for C-ECHO, one for CT and one that is refused.
func testRequest() *pdu.AssociateRQ {
	titles, err := pdu.NewTitles(calledTitle, callingTitle)
	if err != nil {
		panic(err)
	}
	return &pdu.AssociateRQ{
		Version: 1, Titles: titles, ApplicationContext: pdu.ApplicationContext,
		Contexts: []pdu.ContextRQ{
			{ID: contextEcho, AbstractSyntax: Verification, TransferSyntaxes: []string{implicitVRLittleEndian}},
			{ID: contextStore, AbstractSyntax: ctImage, TransferSyntaxes: []string{implicitVRLittleEndian, explicitLE}},
			{ID: contextUnused, AbstractSyntax: "1.2.840.10008.5.1.4.1.1.1", TransferSyntaxes: []string{explicitLE}},
		},
		User: pdu.UserInformation{MaxLength: 16384, ImplementationClassUID: "1.2.4"},
	}
}

func packed(t testing.TB, rq interface{ Append([]byte) ([]byte, error) }) []byte {
	t.Helper()
	b, err := rq.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// associate sends a request and returns the answer.
func (p *raw) associate(rq *pdu.AssociateRQ) *pdu.AssociateAC {
	p.t.Helper()
	p.write(packed(p.t, rq))
	got, body := p.read()
	if got != pdu.TypeAssociateAC {
		p.t.Fatalf("got %v % x, want A-ASSOCIATE-AC", got, body)
	}
	ac, err := pdu.DecodeAssociateAC(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return ac
}

// associated opens an association.
func associated(t testing.TB, address string) *raw {
	t.Helper()
	p := connect(t, address)
	p.associate(testRequest())
	return p
}

// response reads a message without data set.
func (p *raw) response() pdu.Command {
	p.t.Helper()
	var set []byte
	for {
		got, body := p.read()
		if got != pdu.TypePData {
			p.t.Fatalf("got %v % x, want a response", got, body)
		}
		v, err := pdu.DecodePDV(body, uint32(len(body)))
		if err != nil {
			p.t.Fatal(err)
		}
		set = append(set, body[pdu.PDVHeaderLength:]...)
		if v.Last {
			break
		}
	}
	command, err := pdu.DecodeCommand(set)
	if err != nil {
		p.t.Fatal(err)
	}
	return command
}

func (p *raw) wantStatus(field pdu.CommandField, id uint16, status Status) pdu.Command {
	p.t.Helper()
	got := p.response()
	if got.Field != field || got.RespondedTo != id || Status(got.Status) != status {
		p.t.Fatalf("got %v to message %d: %v %q, want %v to message %d: %v",
			got.Field, got.RespondedTo, Status(got.Status), got.ErrorComment,
			field, id, status)
	}
	return got
}

// release ends an association in order.
func (p *raw) release() {
	p.t.Helper()
	p.write(pdu.AppendReleaseRQ(nil))
	if got, body := p.read(); got != pdu.TypeReleaseRP {
		p.t.Fatalf("got %v % x, want A-RELEASE-RP", got, body)
	}
	_ = p.conn.Close()
}

// message packs a command and, if data is not nil, its data set.
func message(id byte, command pdu.Command, data []byte) []byte {
	command.HasDataSet = data != nil
	b := pdu.AppendPData(nil, pdu.PDV{ContextID: id, Command: true}, command.Append(nil), 16378)
	if data != nil {
		b = pdu.AppendPData(b, pdu.PDV{ContextID: id}, data, 16378)
	}
	return b
}

func echoRequest(id uint16) []byte {
	return message(contextEcho, pdu.Command{Field: pdu.CEchoRQ, MessageID: id, AffectedSOPClassUID: Verification}, nil)
}

func storeCommand(id uint16) pdu.Command {
	return pdu.Command{
		Field:                  pdu.CStoreRQ,
		MessageID:              id,
		AffectedSOPClassUID:    ctImage,
		AffectedSOPInstanceUID: "1.2.3.4",
		HasDataSet:             true,
	}
}

func storeRequest(id uint16, data []byte) []byte {
	return message(contextStore, storeCommand(id), data)
}

// pattern is a data set that shows if a byte is lost or moved.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// prefixed is a connection with bytes that were read too early.
type prefixed struct {
	net.Conn
	before []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.before) > 0 {
		n := copy(b, p.before)
		p.before = p.before[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
