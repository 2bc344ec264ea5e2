package netfault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"testing"
	"time"

	"jcsnode/netfault"
)

// internals are words that mean nothing to an operator.
var internals = regexp.MustCompile(
	`context |EOF|i/o timeout|reset by peer|broken pipe|deadline|dial tcp|read tcp|write tcp|x509|tls:|syscall|closed network`)

// dialed is the error of a real connection.
func dialed(t *testing.T, serve func(net.Conn), use func(net.Conn) error) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			serve(c)
			c.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	err = use(c)
	c.Close()
	l.Close()
	<-done
	return err
}

func TestWords(t *testing.T) {
	refused := func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, err = net.Dial("tcp", l.Addr().String())
		return err
	}()
	read := func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err }
	reset := dialed(t, func(c net.Conn) { c.Read(make([]byte, 1)); c.(*net.TCPConn).SetLinger(0) }, func(c net.Conn) error {
		c.Write([]byte{1})
		return read(c)
	})
	slow := dialed(t, func(net.Conn) { time.Sleep(50 * time.Millisecond) }, func(c net.Conn) error {
		c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		return read(c)
	})
	_, unresolved := net.Dial("tcp", "no-such-host.invalid:104")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"refused":    {refused, "nobody listens there (connection refused)"},
		"reset":      {reset, "the other side cut the connection"},
		"closed":     {io.EOF, "the other side closed the connection"},
		"cut":        {io.ErrUnexpectedEOF, "it ended early"},
		"slow":       {slow, "no answer in time"},
		"deadline":   {context.DeadlineExceeded, "no answer in time"},
		"os":         {os.ErrDeadlineExceeded, "no answer in time"},
		"stopped":    {context.Canceled, "it was stopped on this side"},
		"unresolved": {unresolved, ""},
		"alert": {&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")},
			"the peer wants a certificate of ours, and none is configured"},
		"new alert": {&net.OpError{Op: "remote error", Err: errors.New("tls: internal error")},
			"the peer ended the TLS handshake: internal error"},
		"other": {errors.New("the disk is full"), "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			got := netfault.Words(fmt.Errorf("associate with pacs: %w", c.err))
			if want := "associate with pacs: " + c.want; c.want != "" && got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if internals.MatchString(got) {
				t.Errorf("%q speaks of internals", got)
			}
		})
	}
}
