package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// supervisor is the socket of a service manager.
type supervisor struct{ *net.UnixConn }

func newSupervisor(t *testing.T) supervisor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return supervisor{conn}
}

// told is the next message; "" when none comes in time.
func (s supervisor) told(t *testing.T, within time.Duration) string {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4096)
	n, err := s.Read(text)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return string(text[:n])
}

// next passes over signs of life.
func (s supervisor) next(t *testing.T) string {
	t.Helper()
	for range 60 {
		if text := s.told(t, time.Minute); text != "WATCHDOG=1" {
			return text
		}
	}
	t.Fatal("nothing but signs of life")
	return ""
}

// A service manager hears when the node works, when it reloads, that it lives, and when it stops.
func TestSystemd(t *testing.T) {
	s := newSupervisor(t)
	l := newLabWith(t, glassNetworks(t))
	cmd := l.asService(t)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.LocalAddr().String(), "WATCHDOG_USEC=1500000")
	l.node = start(t, cmd, filepath.Join(l.dir, "node.log"))
	if got := s.next(t); !strings.HasPrefix(got, "READY=1\nSTATUS=JCSNODE receives on "+l.address()) {
		t.Fatalf("at the start %q", got)
	}
	if conn, err := l.associate(t, "CT1"); err != nil {
		t.Errorf("ready, and no association: %v", err)
	} else if err := conn.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.told(t, 10*time.Second); got != "WATCHDOG=1" {
		t.Errorf("while it works %q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := s.next(t); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]{5,}\n$`).MatchString(got) {
		t.Errorf("at a reload %q", got)
	}
	if got := s.next(t); !strings.HasPrefix(got, "READY=1\n") {
		t.Errorf("after a reload %q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := s.next(t); !strings.HasPrefix(got, "STOPPING=1\n") {
		t.Errorf("at the end %q", got)
	}
}
