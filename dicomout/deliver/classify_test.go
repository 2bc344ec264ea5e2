package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/dimse"
	"jcsnode/dimse/secure"
	"jcsnode/dimse/secure/securetest"
)

func TestClassifyStatus(t *testing.T) {
	for _, c := range []struct {
		status dimse.Status
		result Result
		retry  Retry
	}{
		{0x0000, Sent, RetryNever},
		{0xB000, SentWithWarning, RetryNever},
		{0xB006, SentWithWarning, RetryNever},
		{0xB007, SentWithWarning, RetryNever},
		{0x0111, SentWithWarning, RetryNever},
		{0xA700, Temporary, RetrySlow},
		{0xA702, Temporary, RetrySlow},
		{0xA771, Temporary, RetrySlow},
		{0xA900, Permanent, RetryNever},
		{0xA9FF, Permanent, RetryNever},
		{0xC000, Permanent, RetryNever},
		{0xCFFF, Permanent, RetryNever},
		{0x0117, Permanent, RetryNever},
		{0x0122, Permanent, RetryNever},
		{0x0124, Permanent, RetryNever},
		{0x0211, Permanent, RetryNever},
		{0x0110, Temporary, RetryFew},
		{0x0213, Temporary, RetryFew},
		{0xA800, Temporary, RetryFew}, // not of the standard
		{0xFE00, Temporary, RetryFew}, // cancel: nobody asked for it
		{0xFF00, Temporary, RetryFew}, // pending: never a final answer of C-STORE
	} {
		t.Run(fmt.Sprintf("%04X", uint16(c.status)), func(t *testing.T) {
			v := ClassifyStatus(c.status, "")
			if v.Result != c.result || v.Retry != c.retry {
				t.Fatalf("status %04X: got %s, %s, want %s, %s", uint16(c.status), v.Result, v.Retry, c.result, c.retry)
			}
			if v.Text == "" {
				t.Fatalf("status %04X: no text", uint16(c.status))
			}
			if failed := c.result == Temporary || c.result == Permanent; failed != (v.Remedy != "") {
				t.Fatalf("status %04X: remedy %q, want one exactly for failures", uint16(c.status), v.Remedy)
			}
		})
	}
}

func TestClassifyStatus_KeepsTheComment(t *testing.T) {
	v := ClassifyStatus(0xA700, "disk full")
	if !strings.Contains(v.Text, "disk full") || !strings.Contains(v.Text, "A700") {
		t.Fatalf("text %q lacks status or comment", v.Text)
	}
}

func TestClassifyError(t *testing.T) {
	rejected := func(result, source, reason byte) error {
		return fmt.Errorf("dial: %w", &dimse.Rejection{Result: result, Source: source, Reason: reason})
	}
	for _, c := range []struct {
		name  string
		err   error
		retry Retry
		text  string
	}{
		{"congestion", rejected(2, 3, 1), RetrySoon, "2/3/1"},
		{"local limit", rejected(2, 3, 2), RetrySoon, "local limit"},
		{"transient without reason", rejected(2, 1, 1), RetrySoon, "transient"},
		{"calling AE", rejected(1, 1, 3), RetryProbe, "calling AE"},
		{"called AE", rejected(1, 1, 7), RetryProbe, "called AE"},
		{"application context", rejected(1, 1, 2), RetryProbe, "application context"},
		{"protocol version", rejected(1, 2, 2), RetryProbe, "protocol version"},
		{"no reason, user", rejected(1, 1, 1), RetryFewSlow, "no reason"},
		{"no reason, provider", rejected(1, 2, 1), RetryFewSlow, "no reason"},
		{"reason nobody knows", rejected(1, 1, 9), RetryFewSlow, "1/1/9"},
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, RetrySoon, "connection failed"},
		{"reset", fmt.Errorf("read: %w", syscall.ECONNRESET), RetrySoon, "connection failed"},
		{"closed", fmt.Errorf("read: %w", io.EOF), RetrySoon, "connection failed"},
		{"timeout", fmt.Errorf("read: %w", os.ErrDeadlineExceeded), RetrySoon, "in time"},
		{"aborted", fmt.Errorf("store: %w", &dimse.AbortError{ByPeer: true}), RetrySoon, "aborted"},
		{"no answer, we aborted",
			fmt.Errorf("store: %w", &dimse.AbortError{Cause: &dimse.TimeoutError{Waiting: "the response"}}), RetrySoon, "in time"},
		{"plain peer", fmt.Errorf("dial: %w", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}),
			RetryProbe, "does not speak TLS"},
		{"a web server", fmt.Errorf("dial: %w", &dimse.AbortError{Cause: fmt.Errorf("%w: it begins with %q", dimse.ErrNotDICOM, "HTTP/1")}),
			RetryProbe, "does not speak DICOM"},
		{"TLS alert", fmt.Errorf("read: %w", &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}),
			RetryProbe, "refused the TLS handshake"},
		{"host name", &net.DNSError{Err: "no such host", Name: "pacs"}, RetrySoon, "not resolved"},
		{"we stop", fmt.Errorf("store: %w", context.Canceled), RetrySoon, "our side"},
		{"anything", errors.New("x"), RetrySoon, "connection failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := ClassifyError(c.err)
			if v.Result != Temporary || v.Retry != c.retry || !strings.Contains(v.Text, c.text) {
				t.Fatalf("%v: got %+v, want temporary, %s, text with %q", c.err, v, c.retry, c.text)
			}
		})
	}
}

// A certificate with another name is told as such, and the key that takes the name with the right value; so is one of an authority that
// is not known, and a handshake with the right name succeeds.
func TestClassifyError_CertificateName(t *testing.T) {
	authority := securetest.NewAuthority(t, "authority")
	certificate, key := authority.Issue("pacs.hospital", time.Now().Add(time.Hour))
	quiet := slog.New(slog.DiscardHandler)
	own, err := secure.Load(secure.Files{Certificate: certificate, Key: key}, quiet, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(authorities, name string) error {
		client, err := secure.Load(secure.Files{Authorities: authorities}, quiet, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if far, err := l.Accept(); err == nil {
				_ = tls.Server(far, own.Server(false)).Handshake()
				far.Close()
			}
		}()
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		err = tls.Client(near, client.Client(name)).Handshake()
		near.Close()
		<-done
		l.Close()
		return err
	}
	other := securetest.NewAuthority(t, "other")
	for name, c := range map[string]struct{ authorities, called, text, remedy string }{
		"another name": {authority.File, "10.0.0.5", "its certificate is for pacs.hospital, 127.0.0.1, not for 10.0.0.5",
			`tls_name = "pacs.hospital"`},
		"another authority": {other.File, "pacs.hospital", "authority that is not known here", "certificate authority"},
	} {
		v := ClassifyError(fmt.Errorf("TLS handshake: %w", dial(c.authorities, c.called)))
		if v.Retry != RetryProbe || !strings.Contains(v.Text, c.text) || !strings.Contains(v.Remedy, c.remedy) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if err := dial(authority.File, "pacs.hospital"); err != nil {
		t.Errorf("the right name: %v", err)
	}
}

func TestClassifyContexts(t *testing.T) {
	for _, c := range []struct {
		name    string
		results []byte
		text    string
	}{
		{"class", []byte{3, 3}, "the class"},
		{"syntax", []byte{4, 4}, "transfer syntaxes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := classifyContexts("1.2.840.10008.5.1.4.1.1.66.4", c.results)
			if v.Result != Permanent || v.Retry != RetryNever || !strings.Contains(v.Text, c.text) {
				t.Fatalf("got %+v, want permanent with %q", v, c.text)
			}
		})
	}
}
