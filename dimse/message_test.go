package dimse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jcsnode/dimse/pdu"
)

// pdv packs one presentation data value; control has bit 0 for a command, bit 1 for the last fragment.
func pdv(id, control byte, data string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)+2))) + string([]byte{id, control}) + data
}

// pdata packs presentation data values into one P-DATA-TF.
func pdata(values ...string) []byte {
	content := strings.Join(values, "")
	b := binary.BigEndian.AppendUint32([]byte{byte(pdu.TypePData), 0}, uint32(len(content)))
	return append(b, content...)
}

func commandSet(c pdu.Command) string { return string(c.Append(nil)) }

// What breaks the rules once an association is established.
func TestServer_AbortsWhatBreaksTheRules(t *testing.T) {
	address, handler := serve(t, func(s *Server) { s.MaxPDULength = 4096 })
	store := commandSet(storeCommand(1))
	response := commandSet(pdu.Command{Field: pdu.CEchoRSP, RespondedTo: 1})
	tests := []struct {
		name   string
		bytes  []byte
		reason byte
	}{
		{"second request", packed(t, testRequest()), 2},
		{"second request, only its header", packed(t, testRequest())[:6], 2},
		{"A-ASSOCIATE-AC", packed(t, &pdu.AssociateAC{}), 2},
		{"A-ASSOCIATE-RJ", pdu.AssociateRJ{}.Append(nil), 2},
		{"A-RELEASE-RP", pdu.AppendReleaseRP(nil), 2},
		{"unknown type", []byte("\x09\x00\x00\x00\x00\x04abcd"), 1},
		{"PDU longer than announced, only its header", []byte("\x04\x00\x00\x00\x10\x01"), 6},
		{"PDU of 4 GiB", []byte("\x04\x00\xFF\xFF\xFF\xFF"), 6},
		{"PDU without a value", []byte("\x04\x00\x00\x00\x00\x00"), 6},
		{"release of 5 bytes", []byte("\x05\x00\x00\x00\x00\x05abcde"), 6},
		{"value of 1 byte", []byte("\x04\x00\x00\x00\x00\x06\x00\x00\x00\x01\x01\x03"), 6},
		{"value of 4 GiB", []byte("\x04\x00\x00\x00\x00\x06\xFF\xFF\xFF\xFF\x01\x03"), 6},
		{"value longer than the PDU", []byte("\x04\x00\x00\x00\x00\x08\x00\x00\x00\x05\x01\x03ab"), 6},
		{"bytes behind the last value", pdata(pdv(contextStore, 3, store), "abc"), 6},
		{"context never proposed", pdata(pdv(99, 3, "")), 6},
		{"context that was refused", pdata(pdv(contextUnused, 3, store)), 6},
		{"garbage as command", pdata(pdv(contextEcho, 3, "GET / HTTP/1.1\r\n")), 6},
		{"empty command", pdata(pdv(contextEcho, 3, "")), 6},
		{"command set without end", bytes.Repeat(pdata(pdv(contextEcho, 1, strings.Repeat("\x00", 4000))), 5), 6},
		{"response without request", pdata(pdv(contextEcho, 3, response)), 5},
		{"data where a command is due", pdata(pdv(contextStore, 2, "data")), 5},
		{"command where data are due", pdata(pdv(contextStore, 3, store), pdv(contextStore, 3, store)), 5},
		{"data on another context", pdata(pdv(contextStore, 3, store), pdv(contextEcho, 2, "data")), 5},
		{"command spread over contexts", pdata(pdv(contextStore, 1, store[:20]), pdv(contextEcho, 3, store[20:])), 5},
		{"second request in the middle of data",
			append(pdata(pdv(contextStore, 3, store), pdv(contextStore, 0, "da")), packed(t, testRequest())...), 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := associated(t, address)
			p.write(test.bytes)
			p.wantAbort(2, test.reason)
			var abort *AbortError
			if err := handler.end(t); !errors.As(err, &abort) || abort.ByPeer || abort.Reason != test.reason {
				t.Errorf("Closed: %v", err)
			}
		})
	}
	if stored := handler.take(); len(stored) != 0 {
		t.Errorf("%d data sets were stored", len(stored))
	}
}

func TestServer_AnswersMessages(t *testing.T) {
	address, handler := serve(t, nil)
	p := associated(t, address)
	change := func(f func(*pdu.Command)) pdu.Command {
		c := storeCommand(1)
		f(&c)
		return c
	}
	tests := []struct {
		name    string
		context byte
		command pdu.Command
		data    []byte
		want    Status
		stored  bool
	}{
		{"echo", contextEcho, pdu.Command{Field: pdu.CEchoRQ, MessageID: 1, AffectedSOPClassUID: Verification}, nil, StatusSuccess, false},
		{"store", contextStore, storeCommand(1), []byte("data"), StatusSuccess, true},
		{"store of an empty data set", contextStore, storeCommand(1), []byte{}, StatusSuccess, true},
		{"message ID 0", contextStore, change(func(c *pdu.Command) { c.MessageID = 0 }), []byte("data"), StatusSuccess, true},
		{"store of another class", contextStore,
			change(func(c *pdu.Command) { c.AffectedSOPClassUID = "1.2" }), []byte("data"), StatusClassNotSupported, false},
		{"store on the context of echo", contextEcho, storeCommand(1), []byte("data"), StatusClassNotSupported, false},
		{"store of verification", contextEcho,
			change(func(c *pdu.Command) { c.AffectedSOPClassUID = Verification }), []byte("data"), StatusClassNotSupported, false},
		{"echo on the context of store", contextStore,
			pdu.Command{Field: pdu.CEchoRQ, AffectedSOPClassUID: Verification}, nil, StatusClassNotSupported, false},
		{"store without class", contextStore,
			change(func(c *pdu.Command) { c.AffectedSOPClassUID = "" }), []byte("data"), StatusCannotUnderstand, false},
		{"store without instance", contextStore,
			change(func(c *pdu.Command) { c.AffectedSOPInstanceUID = "" }), []byte("data"), StatusCannotUnderstand, false},
		{"store without data set", contextStore, storeCommand(1), nil, StatusCannotUnderstand, false},
		{"unknown operation", contextStore, pdu.Command{Field: 0x0777, MessageID: 9}, nil, StatusUnrecognizedOperation, false},
		{"unknown operation with a data set", contextStore,
			pdu.Command{Field: 0x0777, MessageID: 9}, pattern(100000), StatusUnrecognizedOperation, false},
		{"C-FIND", contextStore, pdu.Command{Field: 0x0020, MessageID: 9}, []byte("data"), StatusUnrecognizedOperation, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p.write(message(contextEcho, pdu.Command{Field: pdu.CCancelRQ, RespondedTo: 1}, nil)) // never answered
			p.write(message(test.context, test.command, test.data))
			p.wantStatus(test.command.Field.Response(), test.command.MessageID, test.want)
			var want [][]byte
			if test.stored {
				want = [][]byte{test.data}
			}
			if diff := cmp.Diff(want, handler.take()); diff != "" {
				t.Errorf("stored, -want +got:\n%s", diff)
			}
		})
	}
	p.release()
	if err := handler.end(t); err != nil {
		t.Errorf("Closed: %v", err)
	}
}

// Peers may put fragments of any length, odd and empty ones included, into PDUs as they like.
func TestServer_TakesEveryPacking(t *testing.T) {
	address, handler := serve(t, nil)
	p := associated(t, address)
	rapid.Check(t, func(r *rapid.T) {
		var values []string
		var want [][]byte
		for id := range rapid.IntRange(1, 3).Draw(r, "messages") {
			data := pattern(rapid.IntRange(0, 600).Draw(r, "data"))
			want = append(want, data)
			for _, set := range []struct {
				control byte
				bytes   string
			}{{1, commandSet(storeCommand(uint16(id + 1)))}, {0, string(data)}} {
				cuts := rapid.SliceOfN(rapid.IntRange(0, len(set.bytes)), 0, 5).Draw(r, "cuts")
				rest := set.bytes
				for _, cut := range cuts {
					n := min(cut, len(rest))
					values = append(values, pdv(contextStore, set.control, rest[:n]))
					rest = rest[n:]
				}
				values = append(values, pdv(contextStore, set.control|2, rest))
			}
		}
		var wire []byte
		for len(values) > 0 {
			n := rapid.IntRange(1, len(values)).Draw(r, "values in a PDU")
			wire = append(wire, pdata(values[:n]...)...)
			values = values[n:]
		}
		for len(wire) > 0 {
			n := rapid.IntRange(1, len(wire)).Draw(r, "bytes in a write")
			p.write(wire[:n])
			wire = wire[n:]
		}
		for id := range want {
			p.wantStatus(pdu.CStoreRSP, uint16(id+1), StatusSuccess)
		}
		if diff := cmp.Diff(want, handler.take()); diff != "" {
			r.Fatalf("data sets, -want +got:\n%s", diff)
		}
	})
}

// However little the peer takes, answers are cut to fit.
func TestServer_CutsAnswersForThePeer(t *testing.T) {
	address, _ := serve(t, nil)
	for _, limit := range []uint32{0, 1, 7, 8, 9, 10, 50, 4096, 0xFFFFFFFF} {
		p := connect(t, address)
		rq := testRequest()
		rq.User.MaxLength = limit
		p.associate(rq)
		p.write(echoRequest(3))
		header := make([]byte, pdu.HeaderLength)
		if _, err := io.ReadFull(p.conn, header); err != nil {
			t.Fatal(err)
		}
		if h, _ := pdu.DecodeHeader(header); limit >= 7 && h.Length > limit {
			t.Errorf("a PDU of %d bytes for a peer that takes %d", h.Length, limit)
		}
		p.conn = &prefixed{p.conn, header}
		p.wantStatus(pdu.CEchoRSP, 3, StatusSuccess)
		p.release()
	}
}

func TestServer_RecoversFromPanic(t *testing.T) {
	address, handler := serve(t, nil)
	handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
		_, _ = io.CopyN(io.Discard, req.Body, 10)
		panic("test")
	}
	handler.echo = func() Status { panic("test") }
	p := associated(t, address)
	for id := range uint16(3) {
		p.write(storeRequest(id, pattern(50000)))
		p.wantStatus(pdu.CStoreRSP, id, StatusProcessingFailure)
		p.write(echoRequest(id))
		p.wantStatus(pdu.CEchoRSP, id, StatusProcessingFailure)
	}
	p.release()
	if err := handler.end(t); err != nil {
		t.Errorf("Closed: %v", err)
	}
}

func TestServer_DrainsWhatTheHandlerLeaves(t *testing.T) {
	address, handler := serve(t, nil)
	var kept io.Reader
	for name, read := range map[string]func(io.Reader) error{
		"nothing":  func(io.Reader) error { return nil },
		"one byte": func(r io.Reader) error { _, err := r.Read(make([]byte, 1)); return err },
		"a copy that fails": func(r io.Reader) error {
			if _, err := io.Copy(failingWriter{}, r); err == nil {
				return errors.New("the copy did not fail")
			}
			return nil
		},
		"all of it": func(r io.Reader) error {
			if n, err := io.Copy(io.Discard, r); n != 100000 || err != nil {
				return errors.New("the copy is not whole")
			}
			if _, err := r.Read(make([]byte, 1)); err != io.EOF {
				return errors.New("no io.EOF at the end")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
				kept = req.Body
				if err := read(req.Body); err != nil {
					t.Error(err)
				}
				return StatusOutOfResources, "disk full: \\Plätte\n" + strings.Repeat("x", 100)
			}
			p := associated(t, address)
			for id := range uint16(3) {
				p.write(storeRequest(id, pattern(100000)))
				got := p.wantStatus(pdu.CStoreRSP, id, StatusOutOfResources)
				if want := "disk full: ?Pl?tte?" + strings.Repeat("x", 45); got.ErrorComment != want {
					t.Errorf("comment %q, want %q", got.ErrorComment, want)
				}
			}
			p.release()
			_ = handler.end(t)
			if _, err := kept.Read(make([]byte, 1)); !errors.Is(err, errBodyClosed) {
				t.Errorf("a body read after its answer: %v", err)
			}
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

// The end of an association in the middle of a data set reaches the handler and leaves no answer.
func TestServer_EndsInTheMiddleOfData(t *testing.T) {
	address, handler := serve(t, func(s *Server) { s.Timeouts.Idle, s.Timeouts.PDU = 300*time.Millisecond, 300*time.Millisecond })
	failed := make(chan error, 1)
	handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
		_, err := io.Copy(io.Discard, req.Body)
		failed <- err
		return StatusSuccess, ""
	}
	half := pdata(pdv(contextStore, 3, commandSet(storeCommand(1))), pdv(contextStore, 0, "some data"))
	var abort *AbortError
	var timeout *TimeoutError
	tests := []struct {
		name string
		end  func(*raw)
		is   func(error) bool
	}{
		{"abort", func(p *raw) { p.write(pdu.Abort{Source: 2, Reason: 5}.Append(nil)); p.wantClosed() },
			func(err error) bool {
				return errors.As(err, &abort) && abort.ByPeer && abort.Source == 2 && abort.Reason == 5
			}},
		{"close", func(p *raw) { _ = p.conn.Close() }, func(err error) bool { return errors.Is(err, ErrConnectionLost) }},
		{"close inside a PDU", func(p *raw) { p.write([]byte("\x04\x00\x00\x00\x10\x00\x00")); _ = p.conn.Close() },
			func(err error) bool { return errors.Is(err, ErrConnectionLost) }},
		{"silence", func(p *raw) { p.wantAbort(0, 0) },
			func(err error) bool { return errors.As(err, &timeout) && !errors.As(err, &abort) }},
		{"silence inside a PDU", func(p *raw) { p.write([]byte("\x04\x00\x00\x00\x10\x00\x00")); p.wantAbort(0, 0) },
			func(err error) bool { return errors.As(err, &timeout) }},
		{"release", (*raw).release, func(err error) bool { return errors.Is(err, errReleaseRequested) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			abort, timeout = nil, nil
			p := associated(t, address)
			p.write(half)
			test.end(p)
			if err := <-failed; !test.is(err) {
				t.Errorf("the handler read: %v", err)
			}
			if err := handler.end(t); (err == nil) != (test.name == "release") {
				t.Errorf("Closed: %v", err)
			}
		})
	}
}

// A handler that is slow does not use up the peer's time.
func TestServer_TimeOfTheHandlerIsItsOwn(t *testing.T) {
	address, handler := serve(t, func(s *Server) { s.Timeouts.PDU, s.Timeouts.Idle = 200*time.Millisecond, 2*time.Second })
	handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
		_, _ = req.Body.Read(make([]byte, 10))
		time.Sleep(400 * time.Millisecond) // longer than the PDU may take: the case under test
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return StatusProcessingFailure, err.Error()
		}
		return StatusSuccess, ""
	}
	p := associated(t, address)
	p.write(storeRequest(1, pattern(1<<20)))
	p.wantStatus(pdu.CStoreRSP, 1, StatusSuccess)
}

func TestServer_IdleAssociationIsAborted(t *testing.T) {
	address, handler := serve(t, func(s *Server) { s.Timeouts.Idle = 100 * time.Millisecond })
	p := associated(t, address)
	p.write(echoRequest(1))
	p.wantStatus(pdu.CEchoRSP, 1, StatusSuccess)
	p.wantAbort(0, 0)
	var timeout *TimeoutError
	if err := handler.end(t); !errors.As(err, &timeout) {
		t.Errorf("Closed: %v", err)
	}
}

// Memory does not grow with the data set.
func TestServer_StreamsInConstantMemory(t *testing.T) {
	address, handler := serve(t, nil)
	var before, after runtime.MemStats
	const size = 64 << 20
	handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
		runtime.ReadMemStats(&before)
		n, err := io.Copy(io.Discard, req.Body)
		runtime.ReadMemStats(&after)
		if n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		return StatusSuccess, ""
	}
	d := Dialer{CallingAETitle: callingTitle}
	c, err := d.Dial(t.Context(), address, calledTitle,
		[]PresentationContext{{AbstractSyntax: ctImage, TransferSyntaxes: []string{explicitLE}}})
	if err != nil {
		t.Fatal(err)
	}
	body := io.LimitReader(zeros{}, size)
	if _, err := c.Store(t.Context(), StoreCommand{
		SOPClassUID:       ctImage,
		SOPInstanceUID:    "1.2",
		TransferSyntaxUID: explicitLE,
		Body:              body,
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 512<<10 {
		t.Errorf("%d bytes were allocated on both sides while %d went through", grown, size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
