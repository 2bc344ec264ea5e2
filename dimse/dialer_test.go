package dimse

import (
	"errors"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse/pdu"
)

func TestDialer_Dial_Failures(t *testing.T) {
	answer := func(b ...byte) func(*raw) {
		return func(p *raw) {
			_, _ = p.read()
			p.write(b)
		}
	}
	ac := func(change func(*pdu.AssociateAC)) func(*raw) {
		p := &pdu.AssociateAC{
			Version:            1,
			ApplicationContext: pdu.ApplicationContext,
			Contexts:           []pdu.ContextAC{{ID: 1, TransferSyntax: implicitVRLittleEndian}},
		}
		change(p)
		return func(r *raw) {
			_, _ = r.read()
			r.write(packed(r.t, p))
			r.wantAbort(2, 6)
		}
	}
	var rejection *Rejection
	var abort *AbortError
	var timeout *TimeoutError
	tests := []struct {
		name   string
		script func(*raw)
		is     func(error) bool
	}{
		{"rejection", answer(pdu.AssociateRJ{Result: 2, Source: 3, Reason: 2}.Append(nil)...), func(err error) bool {
			return errors.As(err, &rejection) && *rejection == Rejection{Result: 2, Source: 3, Reason: 2} && rejection.Temporary()
		}},
		{"abort", answer(pdu.Abort{Source: 2, Reason: 4}.Append(nil)...), func(err error) bool {
			return errors.As(err, &abort) && *abort == AbortError{Source: 2, Reason: 4, ByPeer: true}
		}},
		{"close", answer(), func(err error) bool { return errors.Is(err, ErrConnectionLost) }},
		{"silence", func(p *raw) { _, _ = p.read(); p.wantAbort(0, 0) }, func(err error) bool { return errors.As(err, &timeout) }},
		{"half an answer", func(p *raw) { _, _ = p.read(); p.write([]byte("\x02\x00\x00\x00\x01\x00\x00")); p.wantAbort(0, 0) },
			func(err error) bool { return errors.As(err, &timeout) }},
		{"HTTP", func(p *raw) { _, _ = p.read(); p.write([]byte("HTTP/1.1 400\r\n")); p.wantAbort(2, 1) },
			func(err error) bool {
				return errors.As(err, &abort) && !abort.ByPeer && abort.Reason == 1 && errors.Is(err, ErrNotDICOM) &&
					strings.Contains(err.Error(), `it begins with "HTTP/1"`)
			}},
		{"request as answer", func(p *raw) { _, _ = p.read(); p.write(packed(p.t, testRequest())); p.wantAbort(2, 2) },
			func(err error) bool { return errors.As(err, &abort) && abort.Reason == 2 }},
		{"answer of 4 GiB", func(p *raw) { _, _ = p.read(); p.write([]byte("\x02\x00\xFF\xFF\xFF\xFF")); p.wantAbort(2, 6) },
			func(err error) bool { return errors.As(err, &abort) && abort.Reason == 6 }},
		{"context never proposed", ac(func(p *pdu.AssociateAC) { p.Contexts[0].ID = 99 }),
			func(err error) bool { return errors.As(err, &abort) }},
		{"syntax never proposed", ac(func(p *pdu.AssociateAC) { p.Contexts[0].TransferSyntax = "1.2" }),
			func(err error) bool { return errors.As(err, &abort) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := testDialer()
			d.Timeouts.Request = 300 * time.Millisecond
			_, err := d.Dial(t.Context(), scripted(t, test.script), calledTitle, testContexts)
			if !test.is(err) {
				t.Errorf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), `associate with "NODE" at 127.0.0.1:`) {
				t.Errorf("the error does not say with whom: %v", err)
			}
		})
	}
	for name, d := range map[string]struct {
		dialer   Dialer
		called   string
		contexts []PresentationContext
	}{
		"calling title":    {Dialer{CallingAETitle: "LONGER THAN SIXTEEN"}, calledTitle, testContexts},
		"called title":     {*testDialer(), "", testContexts},
		"no context":       {*testDialer(), calledTitle, nil},
		"even context ID":  {*testDialer(), calledTitle, []PresentationContext{{ID: 2}}},
		"same context IDs": {*testDialer(), calledTitle, []PresentationContext{{ID: 1}, {ID: 1}}},
	} {
		_, err := d.dialer.Dial(t.Context(), "127.0.0.1:1", d.called, d.contexts)
		if err == nil || strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v, want an error before anything is sent", name, err)
		}
	}
}

func TestDialer_GivesOutFreeContextIDs(t *testing.T) {
	contexts := make([]PresentationContext, 128)
	contexts[100].ID, contexts[127].ID = 1, 255
	rq, settled, err := testDialer().request(calledTitle, contexts)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[byte]bool{}
	for i, c := range rq.Contexts {
		if c.ID%2 == 0 || seen[c.ID] || settled[i].ID != c.ID {
			t.Errorf("context %d has ID %d", i, c.ID)
		}
		seen[c.ID] = true
	}
	if contexts[0].ID != 0 {
		t.Error("the caller's contexts were changed")
	}
}
