package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/node"
)

// asService is the node as an init system starts it: in a session of its own, without a terminal.
func (l *lab) asService(t *testing.T) *exec.Cmd {
	t.Helper()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the test runs under nohup")
	}
	cmd := program(context.WithoutCancel(t.Context()), "serve", "--config", l.config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// associate opens an association under a title.
func (l *lab) associate(t *testing.T, title string) (*dimse.Conn, error) {
	t.Helper()
	return node.Dialer(title, 10*time.Second).Dial(t.Context(), l.address(), "JCSNODE",
		[]dimse.PresentationContext{{AbstractSyntax: dimse.Verification, TransferSyntaxes: []string{dataset.ImplicitVRLittleEndian}}})
}

func (l *lab) logged(t *testing.T, text string) bool {
	t.Helper()
	log, err := os.ReadFile(l.node.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(log), text)
}

// hangUp sends SIGHUP and waits for what the log says then.
func (l *lab) hangUp(t *testing.T, text string) {
	t.Helper()
	if err := l.node.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the log says "+text, func() bool { return l.logged(t, text) })
}

// A scanner is added while another one sends; a mistake in the file changes nothing.
func TestReload(t *testing.T) {
	l := newLabWith(t, glassNetworks(t), "[[peer]]\nae_title = \"ECHO\"\n[[peer]]\nae_title = \"CT1\"")
	good, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(l.config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := l.asService(t)
	l.node = start(t, cmd, l.dir+"/node.log")
	eventually(t, time.Minute, "the node listens", func() bool { return l.logged(t, `"msg":"listening"`) })
	open, err := l.associate(t, "CT1")
	if err != nil {
		t.Fatal(err)
	}
	refused := func() bool {
		t.Helper()
		conn, err := l.associate(t, "CT2")
		if err == nil {
			conn.Abort()
		}
		var rejection *dimse.Rejection
		return errors.As(err, &rejection)
	}
	if !refused() {
		t.Error("a scanner that nobody named comes in")
	}

	more := "\n[[peer]]\nae_title = \"CT2\"\n[log]\nlevel = \"debug\"\n"
	write(string(good) + more + "[[destination]]\nname = \"pacs\"\nadress = \"127.0.0.1:104\"\n")
	l.hangUp(t, "configuration not reloaded")
	if !l.logged(t, "destination[1].adress") || !l.logged(t, "destination[1].ae_title") {
		t.Error("the log does not name every mistake")
	}
	if !refused() {
		t.Error("a configuration with a mistake was taken")
	}

	write(strings.Replace(string(good), "[node]\n", "[node]\nmax_pdu = 65536\n", 1) + more)
	l.hangUp(t, "configuration reloaded")
	for _, text := range []string{`"changed":["peer \"CT2\" added","log.level"]`, `"settings":["node.max_pdu"]`} {
		if !l.logged(t, text) {
			t.Errorf("the log does not say %s", text)
		}
	}
	if refused() {
		t.Error("the new scanner is refused")
	}
	if !l.logged(t, `"level":"DEBUG"`) {
		t.Error("the log says no more than before")
	}
	if status, err := open.Echo(t.Context()); err != nil || status != dimse.StatusSuccess {
		t.Errorf("on the association that was open: %v, %v", status, err)
	}
	if err := open.Release(t.Context()); err != nil {
		t.Error(err)
	}
	l.hangUp(t, "nothing that a running node takes has changed")
	l.node.stop(t)
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A destination that comes by a reload gets what is made from then on, and one that was wrong is tried at once when it is corrected.
func TestReload_Destination(t *testing.T) {
	l := newLabWith(t, glassNetworks(t), "[settle]\nquiet = \"1s\"\n")
	cmd := l.asService(t)
	l.node = start(t, cmd, l.dir+"/node.log")
	eventually(t, time.Minute, "the node listens", func() bool { return l.logged(t, `"msg":"listening"`) })
	study := l.sendPhantom(t)
	if s := l.settled(t, study, time.Minute); len(s.Revisions[0].Deliveries) != 0 {
		t.Fatalf("deliveries without a destination: %+v", s.Revisions[0].Deliveries)
	}
	port, wrong := freePort(t), freePort(t)
	start(t, program(context.WithoutCancel(t.Context()), "archive", "--ae", "PACS", "--listen", fmt.Sprintf("127.0.0.1:%d", port),
		"--out", filepath.Join(l.dir, "received")), filepath.Join(l.dir, "archive.log"))
	good, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(port int) {
		t.Helper()
		if err := os.WriteFile(l.config, []byte(string(good)+destination("pacs", "PACS", port)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(wrong)
	l.hangUp(t, `destination \"pacs\" added`)
	jcsnode(t, "requeue", "--config", l.config, study)
	eventually(t, time.Minute, "the log says that it is away", func() bool { return l.logged(t, "destination cannot be reached") })
	write(port)
	l.hangUp(t, `destination \"pacs\" address`)
	s := l.settled(t, study, 20*time.Second) // sooner than by its own clock
	sent := 0
	for _, r := range s.Revisions {
		for _, d := range r.Deliveries {
			if d.State == ledger.DeliverySent {
				sent++
			}
		}
	}
	if sent == 0 {
		t.Errorf("nothing was sent: %+v", s.Revisions)
	}
}
