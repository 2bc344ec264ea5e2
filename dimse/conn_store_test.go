package dimse

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"jcsnode/dimse/pdu"
)

func TestConn_CutsDataForThePeer(t *testing.T) {
	for _, limit := range []uint32{8, 9, 100, 4096} {
		data := pattern(1001)
		address := scripted(t, func(p *raw) {
			p.accept(limit)
			var got []byte
			for last := false; !last; {
				kind, body := p.read()
				if kind != pdu.TypePData || len(body) > int(limit) {
					t.Errorf("%v of %d bytes for a peer that takes %d", kind, len(body), limit)
					return
				}
				v, err := pdu.DecodePDV(body, uint32(len(body)))
				if err != nil {
					t.Error(err)
					return
				}
				if !v.Last && v.Length%2 == 1 {
					t.Errorf("an odd fragment of %d bytes", v.Length)
				}
				if !v.Command {
					got = append(got, body[pdu.PDVHeaderLength:]...)
					last = v.Last
				}
			}
			if !bytes.Equal(got, data) {
				t.Errorf("limit %d: %d bytes came, or different ones", limit, len(got))
			}
			p.write(message(3, pdu.Command{Field: pdu.CStoreRSP, RespondedTo: 1, Status: 0xA700, ErrorComment: "full"}, nil))
			_, _ = p.read()
			p.write(pdu.AppendReleaseRP(nil))
		})
		c := dial(t, address)
		response, err := c.Store(t.Context(), storeOf(bytes.NewReader(data)))
		if err != nil || response != (Response{Status: StatusOutOfResources, ErrorComment: "full"}) {
			t.Errorf("limit %d: %+v, %v", limit, response, err)
		}
		if err := c.Release(t.Context()); err != nil {
			t.Errorf("limit %d: Release: %v", limit, err)
		}
	}
}

// A response may name what it is about, or not; where it names something else, its status is not that of the request.
func TestConn_Store_ResponseAboutSomethingElse(t *testing.T) {
	for _, test := range []struct{ class, instance, stray string }{
		{"", "", ""},
		{ctImage, "", ""},
		{ctImage, "1.2.3.4", ""},
		{ctImage, "1.2.3.5", `SOP instance "1.2.3.5"`},
		{"", "1.2.3.40", `SOP instance "1.2.3.40"`},
		{"1.2.840.10008.5.1.4.1.1.4", "1.2.3.4", `SOP class "1.2.840.10008.5.1.4.1.1.4"`},
	} {
		address := scripted(t, func(p *raw) {
			p.accept(0)
			for last := false; !last; {
				_, body := p.read()
				v, _ := pdu.DecodePDV(body, uint32(len(body)))
				last = !v.Command && v.Last
			}
			p.write(message(3, pdu.Command{
				Field:                  pdu.CStoreRSP,
				RespondedTo:            1,
				AffectedSOPClassUID:    test.class,
				AffectedSOPInstanceUID: test.instance,
			}, nil))
			_, _ = p.read()
			p.write(pdu.AppendReleaseRP(nil))
		})
		c := dial(t, address)
		s := storeOf(strings.NewReader(""))
		s.SOPInstanceUID = "1.2.3.4"
		if response, err := c.Store(t.Context(), s); err != nil || response.Stray != test.stray {
			t.Errorf("response about %q %q: %+v, %v, want stray %q", test.class, test.instance, response, err, test.stray)
		}
		if err := c.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestConn_Store_Failures(t *testing.T) {
	var abort *AbortError
	var timeout *TimeoutError
	storeRSP := func(id uint16) []byte {
		return message(3, pdu.Command{Field: pdu.CStoreRSP, RespondedTo: id}, nil)
	}
	readMessage := func(p *raw) {
		for {
			_, body := p.read()
			if v, _ := pdu.DecodePDV(body, uint32(len(body))); !v.Command && v.Last {
				return
			}
		}
	}
	tests := []struct {
		name   string
		script func(*raw)
		is     func(error) bool
	}{
		{"abort", func(p *raw) { readMessage(p); p.write(pdu.Abort{Source: 2, Reason: 6}.Append(nil)) },
			func(err error) bool { return errors.As(err, &abort) && abort.ByPeer && abort.Reason == 6 }},
		{"close", readMessage, func(err error) bool { return errors.Is(err, ErrConnectionLost) }},
		{"silence", func(p *raw) { readMessage(p); p.wantAbort(0, 0) }, func(err error) bool { return errors.As(err, &timeout) }},
		{"release", func(p *raw) { readMessage(p); p.write(pdu.AppendReleaseRQ(nil)); _, _ = p.read() },
			func(err error) bool { return errors.Is(err, ErrReleasedByPeer) }},
		{"answer to another message", func(p *raw) { readMessage(p); p.write(storeRSP(9)); p.wantAbort(2, 5) },
			func(err error) bool { return errors.As(err, &abort) && !abort.ByPeer }},
		{"answer of another kind", func(p *raw) {
			readMessage(p)
			p.write(message(1, pdu.Command{Field: pdu.CEchoRSP, RespondedTo: 1}, nil))
			p.wantAbort(2, 5)
		}, func(err error) bool { return errors.As(err, &abort) && !abort.ByPeer }},
		{"context never accepted", func(p *raw) {
			readMessage(p)
			p.write(message(77, pdu.Command{Field: pdu.CStoreRSP, RespondedTo: 1}, nil))
			p.wantAbort(2, 6)
		}, func(err error) bool { return errors.As(err, &abort) && !abort.ByPeer }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := scripted(t, func(p *raw) { p.accept(0); test.script(p) })
			d := testDialer()
			d.Timeouts.Response = 300 * time.Millisecond
			c, err := d.Dial(t.Context(), address, calledTitle, testContexts)
			if err != nil {
				t.Fatal(err)
			}
			response, err := c.Store(t.Context(), storeOf(bytes.NewReader(pattern(1000))))
			if !test.is(err) || response.Status == StatusSuccess {
				t.Errorf("Store: %v, %v", response, err)
			}
			if _, again := c.Store(t.Context(), storeOf(strings.NewReader(""))); !errors.Is(again, ErrClosed) {
				t.Errorf("Store after the end: %v", again)
			}
		})
	}
}

// A peer that aborts while a long data set is on its way is heard, although the write fails.
func TestConn_Store_HearsAnAbortDuringData(t *testing.T) {
	address := scripted(t, func(p *raw) {
		p.accept(0)
		_, _ = p.read()
		p.write(pdu.Abort{Source: 2, Reason: 6}.Append(nil))
		_ = p.conn.(*net.TCPConn).SetLinger(0)
	})
	c := dial(t, address)
	_, err := c.Store(t.Context(), storeOf(io.LimitReader(zeros{}, 1<<32)))
	var abort *AbortError
	if !errors.As(err, &abort) || !abort.ByPeer || abort.Reason != 6 {
		t.Errorf("Store: %v", err)
	}
}

func TestConn_Store_AbortsWhenTheBodyFails(t *testing.T) {
	address, handler := serve(t, nil)
	for _, cause := range []error{errors.New("the file is gone"), io.ErrUnexpectedEOF} {
		c := dial(t, address)
		_, err := c.Store(t.Context(), storeOf(io.MultiReader(bytes.NewReader(pattern(300000)), iotest.ErrReader(cause))))
		if !errors.Is(err, cause) {
			t.Errorf("Store: %v, want %v", err, cause)
		}
		var abort *AbortError
		if err := handler.end(t); !errors.As(err, &abort) || !abort.ByPeer {
			t.Errorf("Closed: %v", err)
		}
	}
	if len(handler.take()) != 0 {
		t.Error("half a data set was taken for an instance")
	}
	c := dial(t, address)
	if _, err := c.Store(t.Context(), storeOf(idleReader{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Store of a reader that gives nothing: %v", err)
	}
}
