package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"jcsnode/bench/peers"
	"jcsnode/dataset"
	"jcsnode/dimse"
)

// caseTime bounds one case.
const caseTime = time.Hour

// measured is one case. Times count from the settled study, CPU time likewise.
type measured struct {
	slices, objects     int
	text                string // the decision
	stages              []span
	reported, delivered point
	peak                int64 // resident memory of the node in bytes, since it started
}

// point is a moment.
type point struct{ wall, cpu time.Duration }

// span is a stage from its first to its last slice. Stages overlap.
type span struct {
	name     string
	from, to point
}

// measureCase starts a fresh node in dir, sends it the study and follows its log until every object is delivered.
func measureCase(ctx context.Context, program string, o options, dir string) (m measured, err error) {
	ctx, cancel := context.WithTimeout(ctx, caseTime)
	defer cancel()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	pacs, err := openPACS(ctx)
	if err != nil {
		return m, err
	}
	port, err := peers.FreePort()
	if err != nil {
		return m, err
	}
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf(
		"[node]\nlisten = \"127.0.0.1:%d\"\ndata_dir = \"data\"\n[settle]\nquiet = \"2s\"\n[models]\ndir = %q\ndevice = %q\n"+
			"[log]\nlevel = \"debug\"\nformat = \"json\"\n[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\naddress = %q\n",
		port, o.models, o.device, pacs)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return m, err
	}
	cmd := exec.CommandContext(ctx, program, "serve", "--config", config)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", o.threads))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	log, err := cmd.StderrPipe()
	if err != nil {
		return m, err
	}
	if err := cmd.Start(); err != nil {
		return m, err
	}
	f := follower{pid: cmd.Process.Pid, measured: &m}
	followed := make(chan error, 1)
	go func() { followed <- f.follow(log) }()
	if err = send(ctx, program, port, o.study, followed); err == nil {
		err = <-followed
	}
	cancel()
	go io.Copy(io.Discard, log) // the node must not wait for us to read that it stops
	_ = cmd.Wait()              // it is ended by a signal
	return m, err
}

// send sends the study as soon as the port is open.
func send(ctx context.Context, program string, port int, study string, ended <-chan error) error {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return fmt.Errorf("the node ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if out, err := exec.CommandContext(ctx, program, "send", "--to", address, "--called", "JCSNODE", study).CombinedOutput(); err != nil {
		return fmt.Errorf("send the study: %w: %s", err, out)
	}
	return nil
}

// follower reads the log of a node. What a line means is stamped when it is read.
type follower struct {
	pid      int
	measured *measured
	zero     point
	failed   []string // warnings and errors, for a case that does not end
}

// line is what we read of a line of the log.
type line struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Why     string `json:"why"`
	Stage   string `json:"stage"`
	Slices  int    `json:"slices"`
	Objects int    `json:"objects"`
	Sent    int    `json:"sent"`
}

// follow returns when the last object is delivered.
func (f *follower) follow(log io.Reader) error {
	m := f.measured
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			f.failed = append(f.failed, lines.Text())
			continue
		}
		switch l.Message {
		case "study settled":
			f.zero, _ = f.now()
		case "stage begins", "stage ends":
			at, err := f.now()
			if err != nil {
				return err
			}
			if l.Message == "stage begins" {
				m.stages = append(m.stages, span{name: l.Stage, from: at})
				continue
			}
			for i := range m.stages {
				if m.stages[i].name == l.Stage {
					m.stages[i].to = at
				}
			}
		case "study not processed":
			return fmt.Errorf("the study was not processed: %s", l.Why)
		case "study reported":
			var err error
			if m.reported, err = f.now(); err != nil {
				return err
			}
			m.slices, m.objects, m.text = l.Slices, l.Objects, l.Why
		case "objects delivered":
			var err error
			if m.delivered, err = f.now(); err != nil {
				return err
			}
			if m.peak, err = peakMemory(f.pid); err != nil {
				return err
			}
			if l.Sent != m.objects {
				return fmt.Errorf("%d of %d objects were delivered", l.Sent, m.objects)
			}
			return nil
		default:
			if l.Level == "WARN" || l.Level == "ERROR" {
				f.failed = append(f.failed, lines.Text())
			}
		}
	}
	return errors.Join(fmt.Errorf("the log ended before the last object was delivered; warnings: %q", f.failed), lines.Err())
}

// now is the time since the study was settled.
func (f *follower) now() (point, error) {
	cpu, err := cpuTime(f.pid)
	at := point{time.Duration(time.Now().UnixNano()), cpu}
	return point{at.wall - f.zero.wall, at.cpu - f.zero.cpu}, err
}

// pacs takes every object and keeps none: how fast an archive writes is not what is measured.
type pacs struct{}

// openPACS listens until ctx ends.
func openPACS(ctx context.Context) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	accept := func(_ dimse.Requestor, _ string, proposed []string) (string, byte) {
		for _, uid := range proposed {
			if _, ok := dataset.LookupTransferSyntax(uid); ok {
				return uid, 0
			}
		}
		return "", 4
	}
	s := &dimse.Server{Accept: accept, Handler: pacs{}, ImplementationClassUID: "2.25.1", ImplementationVersion: "CASE",
		Logger: slog.New(slog.DiscardHandler)}
	go s.Serve(ctx, l)
	return l.Addr().String(), nil
}

func (pacs) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }

func (pacs) Closed(*dimse.Association, error) {}

func (pacs) Store(_ context.Context, _ *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return dimse.StatusOutOfResources, err.Error()
	}
	return dimse.StatusSuccess, ""
}
