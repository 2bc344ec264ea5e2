// Package peers starts the receivers that jcsnode is compared with, and jcsnode itself, on free ports and in folders of their own,
// and ends them by their process.
package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// StorageSCP is a program that takes associations.
type StorageSCP struct {
	Name, Title string
	Syncs       string // what is on disk before the answer
	// command gives the program with its arguments; it writes what it needs into dir.
	command func(dir string, port int) (name string, args []string, err error)
	// extra are environment variables.
	extra []string
}

// Program is a receiver that is one executable, in every configuration that is compared.
func Program(name, title, syncs string, extra []string, args func(dir string, port int) []string) StorageSCP {
	return StorageSCP{Name: name, Title: title, Syncs: syncs, extra: extra, command: func(dir string, port int) (string, []string, error) {
		a := args(dir, port)
		return a[0], a[1:], nil
	}}
}

// Node is jcsnode as it is shipped, but for its folder and a study that stays open while it is measured.
func Node(program string) StorageSCP {
	return StorageSCP{Name: "jcsnode", Title: "JCSNODE", Syncs: "data and name",
		command: func(dir string, port int) (string, []string, error) {
			config := filepath.Join(dir, "config.toml")
			text := fmt.Sprintf(
				"[node]\nlisten = \"127.0.0.1:%d\"\ndata_dir = \"data\"\n[settle]\nquiet = \"1h\"\n[log]\nlevel = \"warn\"\n", port)
			return program, []string{"serve", "--config", config}, os.WriteFile(config, []byte(text), 0o644)
		}}
}

// Storescp is DCMTK's with its defaults: one association after the other.
func Storescp() StorageSCP {
	return Program("DCMTK storescp", "STORESCP", "nothing", nil, func(dir string, port int) []string {
		return []string{"storescp", "-od", dir, fmt.Sprint(port)}
	})
}

// ForkedStorescp is DCMTK's with a process for each association.
func ForkedStorescp() StorageSCP {
	return Program("DCMTK storescp --fork", "STORESCP", "nothing", nil, func(dir string, port int) []string {
		return []string{"storescp", "--fork", "-od", dir, fmt.Sprint(port)}
	})
}

// Orthanc is Orthanc with its defaults, its web server on a free port.
func Orthanc() StorageSCP {
	return StorageSCP{Name: "Orthanc", Title: "ORTHANC", Syncs: "the file", command: func(dir string, port int) (string, []string, error) {
		http, err := FreePort()
		if err != nil {
			return "", nil, err
		}
		config := filepath.Join(dir, "orthanc.json")
		text := fmt.Sprintf(`{"StorageDirectory": %q, "IndexDirectory": %q, "DicomPort": %d, "HttpPort": %d}`, dir, dir, port, http)
		return "Orthanc", []string{config}, os.WriteFile(config, []byte(text), 0o644)
	}}
}

// Pynetdicom is the storescp of pynetdicom, from the environment of the peers.
func Pynetdicom() StorageSCP {
	return StorageSCP{Name: "pynetdicom storescp", Title: "STORESCP",
		Syncs: "nothing", command: func(dir string, port int) (string, []string, error) {
			cache, err := os.UserCacheDir()
			return filepath.Join(cache, "jcsnode", "peers", "bin", "python"),
				[]string{"-m", "pynetdicom", "storescp", "-od", dir, fmt.Sprint(port)}, err
		}}
}

// DicomRS is the storescp of dicom-rs; without blocking, it takes several associations.
func DicomRS() StorageSCP {
	return Program("dicom-rs storescp -n", "STORE-SCP", "nothing", nil, func(dir string, port int) []string {
		return []string{"dicom-storescp", "-n", "-o", dir, "-p", fmt.Sprint(port)}
	})
}

// Missing says why a receiver cannot be started here, nil if it can.
func (r StorageSCP) Missing() error {
	dir, err := os.MkdirTemp("", "jcsnode-peer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name, _, err := r.command(dir, 0)
	if err == nil {
		_, err = exec.LookPath(name)
	}
	return err
}

// Process is a receiver that runs.
type Process struct {
	Port  int
	PID   int
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
}

// startTime is how long a receiver may take until its port is open.
const startTime = time.Minute

// Start runs the receiver in dir, which exists, and waits until its port is open.
func (r StorageSCP) Start(ctx context.Context, dir string) (*Process, error) {
	p, err := r.start(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", r.Name, err)
	}
	return p, nil
}

func (r StorageSCP) start(ctx context.Context, dir string) (*Process, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	name, args, err := r.command(dir, port)
	if err != nil {
		return nil, err
	}
	p := &Process{Port: port, cmd: exec.CommandContext(ctx, name, args...), ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), r.extra...)
	if p.log, err = os.Create(filepath.Join(dir, "receiver.log")); err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, p.log.Close())
	}
	p.PID = p.cmd.Process.Pid
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // it is ended by a signal
	}()
	if err := p.listens(ctx); err != nil {
		text, _ := os.ReadFile(p.log.Name())
		p.Stop()
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return p, nil
}

func (p *Process) listens(ctx context.Context) error {
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return errors.New("it ended at once")
		case <-time.After(50 * time.Millisecond):
		}
		c, err := net.Dial("tcp", p.Address())
		if err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("port %d is not open after %v", p.Port, startTime)
}

// Address is host:port.
func (p *Process) Address() string { return fmt.Sprintf("127.0.0.1:%d", p.Port) }

// Running reports whether it has not ended by itself.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Stop ends the receiver: asked first, killed if it does not listen. Processes that it forked are killed.
func (p *Process) Stop() {
	defer p.log.Close()
	forked := descendants(p.PID)
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	for _, pid := range forked {
		if child, err := os.FindProcess(pid); err == nil {
			_ = child.Kill()
		}
	}
}

// FreePort is a TCP port that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
