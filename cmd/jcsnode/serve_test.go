package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A session that ends takes the reader of the log along before it ends the node: both are no reason to leave work as it is.
func TestServe_SessionEnds(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the test runs under nohup")
	}
	l := newLabWith(t, exactNetworks(t))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := program(context.WithoutCancel(t.Context()), "serve", "--config", l.config)
	cmd.Stderr = w
	hangUp := inTerminal(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) // both fail when it has ended
	w.Close()
	r.Close()
	eventually(t, 3*time.Minute, "the node answers though nobody reads its log", func() bool {
		return program(t.Context(), "echo", "--to", l.address(), "--called", "JCSNODE").Run() == nil
	})
	hangUp()
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want exit code 0", err)
	}
}

// inTerminal has a command run in the session of a terminal of its own, which hangUp ends.
func inTerminal(t *testing.T, cmd *exec.Cmd) (hangUp func()) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close(); master.Close() })
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return func() { master.Close() }
}

// A second node on the same data folder ends before it has touched anything, whatever port it is for.
func TestServe_SecondNodeOnTheFolder(t *testing.T) {
	l := newLabWith(t, exactNetworks(t))
	l.serve(t)
	text, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(l.dir, "second.toml")
	other := strings.Replace(string(text), fmt.Sprint(l.port), fmt.Sprint(freePort(t)), 1)
	if err := os.WriteFile(second, []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := program(t.Context(), "serve", "--config", second).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another node works on this data_dir") {
		t.Errorf("%v, want the reason:\n%s", err, out)
	}
	for _, done := range []string{"inbox compared", "networks are ready"} {
		if strings.Contains(string(out), done) {
			t.Errorf("went on to %q:\n%s", done, out)
		}
	}
}

// What ends the node stands in the log, in its format: a collector that reads JSON chokes on anything else.
func TestServe_FatalErrorsAreInTheLog(t *testing.T) {
	l := newLabWith(t, exactNetworks(t))
	text, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", l.port))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, c := range map[string]struct{ config, says string }{
		"mistakes":  {string(text) + "\n[log]\nformat = \"json\"\n[settle]\nquiet = \"0s\"\n", "settle.quiet"},
		"no TOML":   {"[node\n", "fatal.toml, line"},
		"port":      {string(text) + "\n[log]\nformat = \"json\"\n", "in use"},
		"not there": {"", "--config"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(l.dir, "fatal.toml")
			os.Remove(path)
			if c.config != "" {
				if err := os.WriteFile(path, []byte(c.config), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			out, err := program(t.Context(), "serve", "--config", path).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v, want one about %s:\n%s", err, c.says, out)
			}
			for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
		})
	}
}
