package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// receiver is one program that is measured.
type receiver struct {
	name, title, durable string
	start                func(ctx context.Context, dir string) (port int, stop func(), err error)
}

func receivers(jcsnode string) []receiver {
	return []receiver{
		{"jcsnode", "JCSNODE", "data and name", func(ctx context.Context, dir string) (int, func(), error) {
			port := freePort()
			config := filepath.Join(dir, "config.toml")
			text := fmt.Sprintf("[node]\nlisten = \"127.0.0.1:%d\"\ndata_dir = \"data\"\n[settle]\nquiet = \"1h\"\n[log]\nlevel = \"warn\"\n", port)
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
				return 0, nil, err
			}
			stop, err := launch(ctx, dir, port, jcsnode, "serve", "--config", config)
			return port, stop, err
		}},
		{"DCMTK storescp, defaults", "STORESCP", "no", func(ctx context.Context, dir string) (int, func(), error) {
			port := freePort()
			stop, err := launch(ctx, dir, port, "storescp", "-od", dir, fmt.Sprint(port))
			return port, stop, err
		}},
		{"Orthanc, defaults", "ORTHANC", "file only", func(ctx context.Context, dir string) (int, func(), error) {
			port, http := freePort(), freePort()
			config := filepath.Join(dir, "orthanc.json")
			text := fmt.Sprintf(`{"StorageDirectory": %q, "IndexDirectory": %q, "DicomPort": %d, "HttpPort": %d}`, dir, dir, port, http)
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
				return 0, nil, err
			}
			stop, err := launch(ctx, dir, port, "Orthanc", config)
			return port, stop, err
		}},
	}
}

// launch starts a program and waits until its port answers.
func launch(ctx context.Context, dir string, port int, name string, args ...string) (func(), error) {
	cmd := exec.CommandContext(ctx, name, args...)
	log, err := os.Create(filepath.Join(dir, "receiver.log"))
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop := func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		log.Close()
	}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("%s ended at once: %s", name, text)
		case <-time.After(50 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("%s did not open port %d", name, port)
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
