package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/node"
)

// asked is a small archive as a program of its own, with an association that keeps it from ending.
func asked(t *testing.T, wrapped ...string) (*process, *dimse.Conn, func(syscall.Signal)) {
	t.Helper()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the test runs under nohup")
	}
	dir := t.TempDir()
	at := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	args := append(wrapped, os.Args[0], "archive", "--listen", at, "--out", filepath.Join(dir, "out"))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "JCSNODE_AS_PROGRAM=1")
	p := start(t, cmd, filepath.Join(dir, "log"))
	var conn *dimse.Conn
	dial := func() (err error) {
		conn, err = node.Dialer("TEST", 10*time.Second).Dial(t.Context(), at, "ARCHIVE",
			[]dimse.PresentationContext{{AbstractSyntax: dimse.Verification,
				TransferSyntaxes: []string{dataset.ImplicitVRLittleEndian}}})
		return err
	}
	eventually(t, time.Minute, "the archive answers", func() bool { return dial() == nil })
	held := conn
	// ask sends a signal and waits until the program has taken it.
	ask := func(s syscall.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Minute, "no association is taken any more", func() bool {
			if dial() != nil {
				return true
			}
			conn.Abort()
			return false
		})
	}
	return p, held, ask
}

func ended(t *testing.T, p *process) syscall.WaitStatus {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	return p.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// The end of a session is no reason to cut anybody off, however often it is told.
func TestSignals_HangUpDrains(t *testing.T) {
	p, conn, ask := asked(t)
	ask(syscall.SIGHUP)
	ask(syscall.SIGHUP)
	if status, err := conn.Echo(t.Context()); err != nil || status != dimse.StatusSuccess {
		t.Errorf("on the association that was open: %v, %v", status, err)
	}
	if err := conn.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if status := ended(t, p); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("ended with %v, exit code %d", status.Signal(), status.ExitStatus())
	}
}

func TestSignals_SecondEndsAtOnce(t *testing.T) {
	p, _, ask := asked(t)
	ask(syscall.SIGHUP)
	eventually(t, 5*time.Second, "it ends", func() bool { // before the 10 s are over that the association may take
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if status := ended(t, p); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("drained and ended with exit code %d", status.ExitStatus())
	}
}

func TestSignals_NohupIsKept(t *testing.T) {
	p, conn, _ := asked(t, "nohup")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for range 20 { // longer than it takes to hear of it
		if status, err := conn.Echo(t.Context()); err != nil || status != dimse.StatusSuccess {
			t.Fatalf("the association ended: %v, %v", status, err)
		}
	}
	if err := conn.Release(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-p.ended:
		t.Error("it ended")
	default:
	}
}
