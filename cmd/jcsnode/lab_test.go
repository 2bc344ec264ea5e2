package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/corpus"
	"jcsnode/ledger"
	"jcsnode/models"
)

// The tests of this package run the real program, built once, against real peers. TestMain doubles as the program itself.

func TestMain(m *testing.M) {
	if os.Getenv("JCSNODE_AS_PROGRAM") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a command that runs jcsnode.
func program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "JCSNODE_AS_PROGRAM=1")
	return cmd
}

// jcsnode runs the program to its end and returns what it printed.
func jcsnode(t *testing.T, args ...string) string {
	t.Helper()
	out, err := program(t.Context(), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("jcsnode %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// absent skips a test that cannot run here, and fails it where everything must be there.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and CI must have it", what)
	}
	t.Skipf("%s is missing", what)
}

// tool makes sure that a peer is installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		absent(t, name+" (make peers)")
	}
	return path
}

// data is something in the larger test data.
func data(t *testing.T, parts ...string) string {
	t.Helper()
	return corpus.Shared(t, parts...)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// eventually waits until the condition holds.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

// process is a program in the background, ended with the test.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

func start(t *testing.T, cmd *exec.Cmd, log string) *process {
	t.Helper()
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	p := &process{cmd: cmd, log: log, ended: make(chan struct{})}
	go func() { cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.stop(t)
		if text, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("%s:\n%s", log, tail(text, 6000))
			os.Remove(log) // once, however many processes wrote it
		}
	})
	return p
}

func tail(text []byte, most int) []byte { return text[max(0, len(text)-most):] }

// stop ends the process as an operator would.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(60 * time.Second):
		t.Errorf("%s did not end within 60 s of SIGTERM", p.cmd.Path)
		p.kill()
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// lab is one node with its folder and configuration.
type lab struct {
	dir, config string
	port        int
	node        *process
}

// destination is the text of a [[destination]].
func destination(name, title string, port int) string {
	return fmt.Sprintf("[[destination]]\nname = %q\nae_title = %q\naddress = \"127.0.0.1:%d\"\n", name, title, port)
}

// newLab writes a configuration and starts nothing. More is text after [node].
func newLab(t *testing.T, more ...string) *lab {
	t.Helper()
	networks, err := filepath.Abs("../../models")
	if err != nil {
		t.Fatal(err)
	}
	return newLabWith(t, networks, more...)
}

// newLabWith is newLab with the networks of a folder.
func newLabWith(t *testing.T, networks string, more ...string) *lab {
	t.Helper()
	l := &lab{dir: t.TempDir(), port: freePort(t)}
	l.config = filepath.Join(l.dir, "config.toml")
	text := fmt.Sprintf("[node]\nlisten = \"127.0.0.1:%d\"\ndata_dir = \"data\"\nreserve = \"100MB\"\n[models]\ndir = %q\n%s",
		l.port, networks, strings.Join(more, "\n"))
	if err := os.WriteFile(l.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return l
}

// glassNetworks is a folder of networks that find every slice positive, and lesion at exactly the pixels of -750 to -350 HU, as ground
// glass has: what they mark can be told from the CT.
func glassNetworks(t *testing.T) string {
	t.Helper()
	return testNetworks(t, "classifier.onnx", 0.1, "glass.onnx")
}

// exactNetworks are like them, and give the same to the bit on every processor. A slice is positive whose mean is above -707 HU.
func exactNetworks(t *testing.T) string {
	t.Helper()
	return testNetworks(t, "exact_classifier.onnx", 0.31, "exact_segmenter.onnx")
}

// testNetworks is a folder of two networks of models/testdata.
func testNetworks(t *testing.T, classifier string, point float64, segmenter string) string {
	t.Helper()
	dir := t.TempDir()
	var manifest strings.Builder
	for _, n := range []struct {
		role, file string
		point      float64
	}{{"classifier", classifier, point}, {"segmenter", segmenter, 0.5}} {
		graph, err := os.ReadFile(filepath.Join("../../models/testdata", n.file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, n.file), graph, 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&manifest,
			"[%s]\nfile = %q\nsha256 = \"%x\"\nname = \"test %s\"\nversion = \"1\"\nstatus = \"untrained\"\nprecision = \"fp32\"\n"+
				"window = [-1000.0, 1000.0]\nsize = 4\noperating_point = %v\nlicence = \"none needed\"\n",
			n.role, n.file, sha256.Sum256(graph), n.role, n.point)
	}
	if err := os.WriteFile(filepath.Join(dir, models.ManifestName), []byte(manifest.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve starts the node and waits until it answers C-ECHO.
func (l *lab) serve(t *testing.T) {
	t.Helper()
	l.serveBy(t, program(context.WithoutCancel(t.Context()), "serve", "--config", l.config))
}

func (l *lab) serveBy(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	l.node = start(t, cmd, filepath.Join(l.dir, "node.log"))
	eventually(t, 3*time.Minute, "the node answers", func() bool {
		select {
		case <-l.node.ended:
			text, _ := os.ReadFile(l.node.log)
			t.Fatalf("the node ended at once:\n%s", tail(text, 3000))
		default:
		}
		return program(t.Context(), "echo", "--to", l.address(), "--called", "JCSNODE").Run() == nil
	})
}

func (l *lab) address() string { return fmt.Sprintf("127.0.0.1:%d", l.port) }

// study is what `jcsnode status --json` says; nil while the node does not know it.
func (l *lab) study(t *testing.T, uid string) *studyStatusJSON {
	t.Helper()
	out, err := program(t.Context(), "status", "--config", l.config, "--json", uid).Output()
	if err != nil {
		return nil
	}
	var s studyStatusJSON
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("status --json: %v\n%s", err, out)
	}
	return &s
}

// studyStatusJSON is the part of the status that the tests read.
type studyStatusJSON struct {
	State     string            `json:"state"`
	Instances []ledger.Instance `json:"instances"`
	Decision  *struct {
		Positive bool   `json:"positive"`
		Text     string `json:"text"`
	} `json:"decision"`
	Reason    *ledger.Reason           `json:"reason"`
	Revisions []ledger.RevisionHistory `json:"revisions"`
	Events    []ledger.Event           `json:"events"`

	Notifications []ledger.Notification `json:"notifications"`
}

// settled waits until the study has its outcome and no object waits for its way.
func (l *lab) settled(t *testing.T, uid string, limit time.Duration) *studyStatusJSON {
	t.Helper()
	var s *studyStatusJSON
	eventually(t, limit, "study "+uid+" has its outcome and its deliveries", func() bool {
		s = l.study(t, uid)
		if s == nil || s.State != ledger.StateReported && s.State != ledger.StateNotProcessed {
			return false
		}
		for _, r := range s.Revisions {
			for _, d := range r.Deliveries {
				if d.State == ledger.DeliveryWaiting {
					return false
				}
			}
		}
		return true
	})
	return s
}

// dcmtk runs one of DCMTK's tools.
func dcmtk(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(out, 3000))
	}
	return string(out)
}

// valid runs dciodvfy, which must find no error.
func valid(t *testing.T, path string) {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), tool(t, "dciodvfy"), path).CombinedOutput()
	for _, line := range bytes.Split(out, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("Error")) {
			t.Errorf("dciodvfy %s: %s", filepath.Base(path), line)
		}
	}
}
