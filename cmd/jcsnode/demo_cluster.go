package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"jcsnode/config"
	"jcsnode/node"
	"jcsnode/scu"
)

// demoNodes are the names of the nodes of a demonstration of several.
var demoNodes = []string{"a", "b"}

// member is a node of such a demonstration: a process.
type member struct {
	name, address string
	config        config.Config
	process       *exec.Cmd
	ended         chan error
}

// runCluster has two nodes, as processes of their own, share what is sent to both: a ledger and a store that the file names.
func (d *demonstration) runCluster(ctx context.Context) error {
	if d.page {
		return errors.New("--page is for the demonstration of one node")
	}
	shared, err := os.ReadFile(d.cluster)
	if err != nil {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	pacsSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	pacs := &archive{dir: d.path("received"), logger: slog.New(slog.DiscardHandler)}
	g.Go(func() error { return pacs.serve(running, pacsSocket, "PACS") })
	members, err := d.startMembers(running, string(shared), pacsSocket.Addr().String())
	if err == nil {
		d.say("the PACS listens on %s", pacsSocket.Addr())
		err = d.followCluster(running, members)
	}
	for _, m := range members {
		err = errors.Join(err, m.stop())
	}
	stop()
	if ended := g.Wait(); ended != nil && ctx.Err() == nil {
		return ended
	}
	return err
}

func (d *demonstration) startMembers(ctx context.Context, shared, pacs string) (all []*member, err error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, name := range demoNodes {
		m := &member{name: name, ended: make(chan error, 1)}
		if m.address, err = freeAddress(); err != nil {
			return all, err
		}
		text := fmt.Sprintf("[node]\nlisten = %q\ndata_dir = %q\nreserve = \"0\"\nname = %q\n\n[settle]\nquiet = \"3s\"\n\n"+
			// The same engine at both: left to choose, each would measure while the other does.
			"[models]\ndevice = \"cpu\"\n\n"+
			"[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\naddress = %q\n\n%s", m.address, "data-"+name, name, pacs, shared)
		path := d.path("node-" + name + ".toml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return all, err
		}
		if m.config, err = config.LoadNode(path); err != nil {
			return all, err
		}
		log, err := os.Create(d.logOf(name))
		if err != nil {
			return all, err
		}
		m.process = exec.Command(exe, "serve", "--config", path)
		m.process.Stdout, m.process.Stderr = log, log
		// Ctrl-C ends the demonstration, which then ends its nodes; a demonstration that is killed takes them with it.
		m.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
		err = m.process.Start()
		log.Close()
		if err != nil {
			return all, err
		}
		go func() { m.ended <- m.process.Wait() }()
		all = append(all, m)
		d.say("node %s starts: a process of its own (pid %d), its door on %s, log in %s", name, m.process.Process.Pid, m.address,
			d.logOf(name))
	}
	for _, m := range all {
		if err := d.awaitMember(ctx, m); err != nil {
			return all, err
		}
	}
	d.say("both doors answer")
	return all, nil
}

func (d *demonstration) logOf(name string) string { return d.path("node-" + name + ".log") }

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// awaitMember waits until a door answers.
func (d *demonstration) awaitMember(ctx context.Context, m *member) error {
	door := scu.Acceptor{Address: m.address, CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", 5*time.Second)}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if door.Echo(ctx) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-m.ended:
			m.ended <- err
			return fmt.Errorf("node %s has ended: its log is %s", m.name, d.logOf(m.name))
		case <-time.After(200 * time.Millisecond):
		}
	}
	return fmt.Errorf("node %s does not answer: its log is %s", m.name, d.logOf(m.name))
}

// stop ends a node as an operator would.
func (m *member) stop() error {
	if err := m.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop node %s: %w", m.name, err)
	}
	select {
	case <-m.ended:
		return nil
	case <-time.After(time.Minute):
		return errors.Join(fmt.Errorf("node %s did not stop within a minute of SIGTERM", m.name), m.process.Process.Kill())
	}
}

// followCluster sends one half of the study to each door and reports until every object has its outcome.
func (d *demonstration) followCluster(ctx context.Context, members []*member) error {
	files, left := scu.Find([]string{d.study})
	printLeft(d.w, left)
	if len(files) < len(members) {
		return fmt.Errorf("%d DICOM files in %s", len(files), d.study)
	}
	study, err := studyOf(files[0].Path)
	if err != nil {
		return err
	}
	began := time.Now()
	var g errgroup.Group
	for i, m := range members {
		part := files[i*len(files)/len(members) : (i+1)*len(files)/len(members)]
		d.say("%d files go to the door of node %s", len(part), m.name)
		g.Go(func() error {
			to := scu.Acceptor{Address: m.address, CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", time.Minute)}
			return to.Send(ctx, part, func(scu.File, error) {})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	l, err := readLedger(ctx, members[0].config)
	if err != nil {
		return err
	}
	defer l.Close()
	h, err := d.wait(ctx, l, study)
	if err != nil {
		return err
	}
	if err := d.conclude(h, time.Since(began)); err != nil {
		return err
	}
	for _, m := range members {
		log, err := os.ReadFile(d.logOf(m.name))
		if err != nil {
			return err
		}
		var did []string
		for message, what := range map[string]string{`"study reported"`: "read the study", `"objects delivered"`: "sent the objects"} {
			if strings.Contains(string(log), message) {
				did = append(did, what)
			}
		}
		if len(did) > 0 {
			d.say("node %s %s", m.name, strings.Join(did, " and "))
		}
	}
	return nil
}
