package dimse

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dimse/pdu"
)

// What comes in place of a request, or as a broken one. Source 0 is AA-1.
func TestServer_AnswersBeforeARequest(t *testing.T) {
	address, _ := serve(t, nil)
	ac := packed(t, &pdu.AssociateAC{Version: 1})
	request := packed(t, testRequest())
	tests := []struct {
		name           string
		bytes          []byte
		source, reason byte
	}{
		{"A-ASSOCIATE-AC", ac, 0, 0},
		{"A-ASSOCIATE-RJ", pdu.AssociateRJ{Result: 1, Source: 1, Reason: 1}.Append(nil), 0, 0},
		{"P-DATA-TF", echoRequest(1), 0, 0},
		{"P-DATA-TF of 4 GiB", []byte("\x04\x00\xFF\xFF\xFF\xFF"), 0, 0},
		{"A-RELEASE-RQ", pdu.AppendReleaseRQ(nil), 0, 0},
		{"A-RELEASE-RP", pdu.AppendReleaseRP(nil), 0, 0},
		{"unknown type", []byte("\x09\x00\x00\x00\x00\x04abcd"), 0, 0},
		{"zeros", make([]byte, 100), 0, 0},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0, 0},
		{"HL7", []byte("\x0bMSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.3\r\x1c\r"), 0, 0},
		{"TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 0, 0},
		{"request of 4 GiB", []byte("\x01\x00\xFF\xFF\xFF\xFF\x00\x01"), 2, 6},
		{"request too long", []byte("\x01\x00\x00\x04\x00\x01"), 2, 6},
		{"request too short", []byte("\x01\x00\x00\x00\x00\x43" + strings.Repeat("\x00", 67)), 2, 6},
		{"item length that lies", lengthen(request, 74+3), 2, 6},
		{"even context ID", bytes.Replace(request, []byte{0x20, 0, 0, 46, 1}, []byte{0x20, 0, 0, 46, 2}, 1), 2, 6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := connect(t, address)
			p.write(test.bytes)
			p.wantAbort(test.source, test.reason)
		})
	}
	t.Run("A-ABORT", func(t *testing.T) {
		p := connect(t, address)
		p.write(pdu.Abort{}.Append(nil))
		p.wantClosed()
	})
}

// lengthen returns a copy of b with the byte at i made larger.
func lengthen(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] = 0xF0
	return b
}

func TestServer_RejectsRequests(t *testing.T) {
	address, handler := serve(t, nil)
	titles := func(called, calling string) func(*pdu.AssociateRQ) {
		return func(rq *pdu.AssociateRQ) { rq.Titles, _ = pdu.NewTitles(called, calling) }
	}
	tests := []struct {
		name                   string
		change                 func(*pdu.AssociateRQ)
		result, source, reason byte
	}{
		{"called title", titles("OTHER", callingTitle), 1, 1, 7},
		{"called title in another case", titles("node", callingTitle), 1, 1, 7},
		{"called title empty", func(rq *pdu.AssociateRQ) { rq.Called = [16]byte{} }, 1, 1, 7},
		{"calling title", titles(calledTitle, "STRANGER"), 1, 1, 3},
		{"fault of the hook", titles(calledTitle, "FAULT"), 2, 1, 1},
		{"application context", func(rq *pdu.AssociateRQ) { rq.ApplicationContext = "1.2.840.10008.3.1.1.2" }, 1, 1, 2},
		{"no application context", func(rq *pdu.AssociateRQ) { rq.ApplicationContext = "" }, 1, 1, 2},
		{"protocol version 2", func(rq *pdu.AssociateRQ) { rq.Version = 2 }, 1, 2, 2},
		{"protocol version 0", func(rq *pdu.AssociateRQ) { rq.Version = 0 }, 1, 2, 2},
		{"no context", func(rq *pdu.AssociateRQ) { rq.Contexts = nil }, 1, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := connect(t, address)
			rq := testRequest()
			test.change(rq)
			p.write(packed(t, rq))
			p.wantRejection(test.result, test.source, test.reason)
		})
	}
	if n := len(handler.closed); n != 0 {
		t.Errorf("Closed was called %d times for associations that were never established", n)
	}
}

func TestServer_AcceptsWhatItMust(t *testing.T) {
	address, _ := serve(t, nil)
	tests := []struct {
		name   string
		change func(*pdu.AssociateRQ)
	}{
		{"protocol version with unknown bits", func(rq *pdu.AssociateRQ) { rq.Version = 0xFFFF }},
		{"title padded with NUL", func(rq *pdu.AssociateRQ) { copy(rq.Called[:], "NODE\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") }},
		{"title with leading spaces", func(rq *pdu.AssociateRQ) { copy(rq.Called[:], "   NODE         ") }},
		{"calling title of spaces", func(rq *pdu.AssociateRQ) { copy(rq.Calling[:], "                ") }},
		{"reserved bytes", func(rq *pdu.AssociateRQ) { rq.Reserved[31] = 0xFF }},
		{"no user information", func(rq *pdu.AssociateRQ) { rq.User = pdu.UserInformation{} }},
		{"extended negotiation and identity", func(rq *pdu.AssociateRQ) {
			rq.User.Extended = []pdu.ExtendedNegotiation{{SOPClassUID: ctImage, Information: "\x02\x00\x00\x00\x00\x00"}}
			rq.User.CommonExtended = []pdu.CommonExtendedNegotiation{{SOPClassUID: ctImage, ServiceClassUID: "1.2.840.10008.4.2"}}
			rq.User.Identity = &pdu.UserIdentity{Type: 1, ResponseRequested: true, Primary: "user"}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := connect(t, address)
			rq := testRequest()
			test.change(rq)
			ac := p.associate(rq)
			if diff := cmp.Diff(rq.Titles, ac.Titles); diff != "" {
				t.Errorf("titles did not come back unchanged, -sent +got:\n%s", diff)
			}
			if ac.User.Extended != nil || ac.User.IdentityResponse != nil {
				t.Errorf("answers that promise too much: %+v", ac.User)
			}
			p.write(echoRequest(1))
			p.wantStatus(pdu.CEchoRSP, 1, StatusSuccess)
			p.release()
		})
	}
}

func TestServer_AnswersContextsAndRoles(t *testing.T) {
	address, handler := serve(t, nil)
	rq := testRequest()
	rq.Contexts = append(rq.Contexts,
		pdu.ContextRQ{ID: 7, AbstractSyntax: ctImage, TransferSyntaxes: []string{"2.16.840.1.113709.1.2.2"}},
		pdu.ContextRQ{ID: 9, AbstractSyntax: ctImage},
		pdu.ContextRQ{ID: 11, TransferSyntaxes: []string{explicitLE}})
	for id := 13; id < 256; id += 2 {
		rq.Contexts = append(rq.Contexts, pdu.ContextRQ{
			ID:               byte(id),
			AbstractSyntax:   ctImage + "\x00",
			TransferSyntaxes: []string{explicitLE + "\x00"},
		})
	}
	rq.User.Async = &pdu.AsyncOperations{Invoked: 0, Performed: 5}
	rq.User.Roles = []pdu.Role{
		{SOPClassUID: ctImage, SCU: true, SCP: true},
		{SOPClassUID: Verification, SCP: true},
		{SOPClassUID: "1.2.840.10008.5.1.4.1.1.1", SCU: true},
		{SOPClassUID: ctImage, SCU: true}, // a second time: one answer is enough
	}
	p := connect(t, address)
	ac := p.associate(rq)
	want := []pdu.ContextAC{
		{ID: 1, Result: 0, TransferSyntax: implicitVRLittleEndian}, {ID: 3, Result: 0, TransferSyntax: explicitLE},
		{ID: 5, Result: 3, TransferSyntax: explicitLE}, {ID: 7, Result: 4, TransferSyntax: "2.16.840.1.113709.1.2.2"},
		{ID: 9, Result: 4, TransferSyntax: implicitVRLittleEndian}, {ID: 11, Result: 3, TransferSyntax: explicitLE},
	}
	if len(ac.Contexts) != 128 {
		t.Fatalf("%d contexts were answered, not 128", len(ac.Contexts))
	}
	if diff := cmp.Diff(want, ac.Contexts[:6]); diff != "" {
		t.Errorf("contexts, -want +got:\n%s", diff)
	}
	if last := ac.Contexts[127]; last.ID != 255 || last.Result != 0 || last.TransferSyntax != explicitLE {
		t.Errorf("last context %+v", last)
	}
	user := pdu.UserInformation{
		MaxLength: 131072, ImplementationClassUID: "1.2.3", ImplementationVersion: "TEST",
		Async: &pdu.AsyncOperations{Invoked: 1, Performed: 1},
		Roles: []pdu.Role{{SOPClassUID: ctImage, SCU: true}, {SOPClassUID: Verification}},
	}
	if diff := cmp.Diff(user, ac.User); diff != "" {
		t.Errorf("user information, -want +got:\n%s", diff)
	}
	data := pattern(1000)
	p.write(message(255, storeCommand(1), data))
	p.wantStatus(pdu.CStoreRSP, 1, StatusSuccess)
	if diff := cmp.Diff([][]byte{data}, handler.take()); diff != "" {
		t.Errorf("stored, -want +got:\n%s", diff)
	}
}

func TestNegotiate_NeverAcceptsWhatWasNotProposed(t *testing.T) {
	got := negotiate([]pdu.ContextRQ{{ID: 1, AbstractSyntax: "1", TransferSyntaxes: []string{"2"}}},
		func(string, []string) (string, byte) { return "3", pdu.ResultAcceptance })
	if got[0].Result != pdu.ResultTransferSyntaxesNotSupported || got[0].TransferSyntax != "" {
		t.Errorf("got %+v", got[0])
	}
}

func TestServer_ZeroValueAnswersEcho(t *testing.T) {
	address, _ := serve(t, func(s *Server) { s.Accept, s.Admit = nil, nil })
	p := connect(t, address)
	ac := p.associate(testRequest())
	if ac.Contexts[0].Result != 0 || ac.Contexts[1].Result != 3 {
		t.Errorf("contexts %+v", ac.Contexts)
	}
	p.write(echoRequest(1))
	p.wantStatus(pdu.CEchoRSP, 1, StatusSuccess)
}

// One deadline holds for the whole request, however it is spread.
func TestServer_LimitsTheRequestInTime(t *testing.T) {
	const limit = 300 * time.Millisecond
	request := packed(t, testRequest())
	tests := []struct {
		name string
		send func(net.Conn)
	}{
		{"silence", func(net.Conn) {}},
		{"half a header", func(c net.Conn) { _, _ = c.Write(request[:3]) }},
		{"half a request", func(c net.Conn) { _, _ = c.Write(request[:len(request)/2]) }},
		{"drops", func(c net.Conn) {
			for _, b := range request {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(limit / 20) // the peer is slow, the test does not wait for anything
			}
		}},
	}
	for _, secure := range []bool{false, true} {
		address, _ := serve(t, func(s *Server) {
			s.Timeouts.Request = limit
			if secure {
				s.TLSConfig, _ = testTLS(t)
			}
		})
		for _, test := range tests {
			t.Run(test.name+map[bool]string{true: " to the TLS port"}[secure], func(t *testing.T) {
				p := connect(t, address)
				start := time.Now()
				sent := make(chan struct{})
				go func() { defer close(sent); test.send(p.conn) }()
				if secure {
					_, _ = p.conn.Read(make([]byte, 100)) // a TLS alert may come
				}
				p.wantClosed() // AA-2: without a word
				if took := time.Since(start); took > limit+3*time.Second {
					t.Errorf("closed after %v, the limit is %v", took, limit)
				}
				<-sent
			})
		}
	}
}

func TestServer_TLS(t *testing.T) {
	server, client := testTLS(t)
	peers := make(chan Requestor, 1)
	address, handler := serve(t, func(s *Server) {
		s.TLSConfig = server
		s.Admit = func(p Requestor) error { peers <- p; return nil }
	})
	d := Dialer{CallingAETitle: callingTitle, TLSConfig: client}
	c, err := d.Dial(t.Context(), address, calledTitle, []PresentationContext{
		{AbstractSyntax: ctImage, TransferSyntaxes: []string{explicitLE}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := <-peers; p.TLS == nil || p.TLS.Version < tls.VersionTLS12 {
		t.Errorf("TLS state %+v", p.TLS)
	}
	data := pattern(1 << 20)
	response, err := c.Store(t.Context(), StoreCommand{
		SOPClassUID:       ctImage,
		SOPInstanceUID:    "1.2",
		TransferSyntaxUID: explicitLE,
		Body:              bytes.NewReader(data),
	})
	if err != nil || response.Status != StatusSuccess {
		t.Fatalf("Store: %+v, %v", response, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Errorf("Release: %v", err)
	}
	if err := handler.end(t); err != nil {
		t.Errorf("Closed: %v", err)
	}
	if stored := handler.take(); len(stored) != 1 || !bytes.Equal(stored[0], data) {
		t.Errorf("%d data sets were stored, or a different one", len(stored))
	}
}
