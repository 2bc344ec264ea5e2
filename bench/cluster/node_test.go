package cluster

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/node"
	"jcsnode/phantom"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/scu"
)

// TestMain doubles as a node whose networks sleep.
func TestMain(m *testing.M) {
	if path := os.Getenv("JCSNODE_BENCH_NODE"); path != "" {
		if err := serve(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// sleepy takes its time for each slice, and then asks the real one, which is small.
type sleepy struct {
	cascade.Classifier
	nap time.Duration
}

func (s sleepy) Classify(ctx context.Context, hu []float32, rows, columns int) (cascade.Classification, error) {
	select {
	case <-ctx.Done():
		return cascade.Classification{}, ctx.Err()
	case <-time.After(s.nap):
	}
	return s.Classifier.Classify(ctx, hu, rows, columns)
}

func serve(path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadNode(path)
	if err != nil {
		return err
	}
	nap, err := time.ParseDuration(os.Getenv("JCSNODE_BENCH_NAP"))
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, cfg, node.Options{Version: "bench", Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Ready: func() { fmt.Println("ready") },
		Networks: func(n pipeline.Networks) pipeline.Networks {
			n.Classifier = sleepy{n.Classifier, nap}
			return n
		}})
	if err != nil {
		return err
	}
	listeners, err := n.Listen()
	if err != nil {
		return err
	}
	return n.Run(ctx, listeners...)
}

// member is such a node, a process until the test ends.
type member struct {
	address string
	process *exec.Cmd
}

// startMember starts a node and waits until it is ready.
func startMember(t *testing.T, name string, nap time.Duration, roles, more string) *member {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	m := &member{address: l.Addr().String()}
	l.Close()
	path := filepath.Join(dir, "config.toml")
	must(t, os.WriteFile(path, []byte(fmt.Sprintf("[node]\nlisten = %q\nname = %q\nreserve = \"0\"\nroles = [%s]\n"+
		"[settle]\nquiet = \"1s\"\n[cascade]\nthreshold = 0\nthreshold_mm = 0.0\n%s", m.address, name, roles, more)), 0o600))
	m.process = exec.Command(os.Args[0])
	m.process.Env = append(os.Environ(), "JCSNODE_BENCH_NODE="+path, "JCSNODE_BENCH_NAP="+nap.String())
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	defer log.Close()
	m.process.Stdout, m.process.Stderr = log, log
	must(t, m.process.Start())
	t.Cleanup(func() { m.stop() })
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(log.Name())
		must(t, err)
		if bytes.HasPrefix(text, []byte("ready\n")) || bytes.Contains(text, []byte("\nready\n")) {
			return m
		}
		if m.process.ProcessState != nil || time.Now().After(deadline) {
			t.Fatalf("node %s does not start:\n%s", name, text)
		}
	}
}

func (m *member) stop() {
	if m.process.ProcessState == nil {
		m.process.Process.Signal(syscall.SIGTERM)
		m.process.Wait()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// studies writes copies of one phantom with UIDs of their own, and gives their files and UIDs.
func studies(t *testing.T, number int, opt phantom.Options) (all [][]scu.File, uids []string) {
	t.Helper()
	dir := t.TempDir()
	must(t, phantom.Write(t.Context(), filepath.Join(dir, "first"), opt))
	first, _ := scu.Find([]string{filepath.Join(dir, "first")})
	for n := range number {
		to := filepath.Join(dir, strconv.Itoa(n))
		must(t, os.Mkdir(to, 0o755))
		stamped := func(uid string) string { return uid[:6] + fmt.Sprintf("%06d", n) + uid[12:] }
		for i, f := range first {
			file, err := os.ReadFile(f.Path)
			must(t, err)
			header, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
			must(t, err)
			for _, tag := range []dataset.Tag{dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID} {
				uid := header.Set().String(tag)
				file = bytes.ReplaceAll(file, []byte(uid), []byte(stamped(uid)))
				if i == 0 && tag == dataset.StudyInstanceUID {
					uids = append(uids, stamped(uid))
				}
			}
			header.Close()
			must(t, os.WriteFile(filepath.Join(to, filepath.Base(f.Path)), file, 0o600))
		}
		files, _ := scu.Find([]string{to})
		all = append(all, files)
	}
	return all, uids
}

// send gives files to a door; each must be taken.
func send(ctx context.Context, address string, files []scu.File) error {
	to := scu.Acceptor{Address: address, CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", time.Minute)}
	var refused []string
	err := to.Send(ctx, files, func(f scu.File, refusal error) {
		if refusal != nil {
			refused = append(refused, refusal.Error())
		}
	})
	if err == nil && len(refused) > 0 {
		err = fmt.Errorf("refused: %s", strings.Join(refused, "; "))
	}
	return err
}

// load is what else the machine does.
func load(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	must(t, err)
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
