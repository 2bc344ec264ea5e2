package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/bench/peers"
)

// startTime bounds one start of the node.
const startTime = 10 * time.Minute

// measureStarts starts the program on a data folder, as an operator does, until its port is open: for the first time, again, and again
// with nothing of the ledger in memory.
func measureStarts(ctx context.Context, program, models, dir string, studies int) ([]measured, error) {
	if err := placeFiles(dir, studies); err != nil {
		return nil, err
	}
	var all []measured
	for _, what := range []string{"node, first start", "node, next start", "node, next start, ledger not in memory"} {
		if len(all) == 2 {
			if err := forget(filepath.Join(dir, "ledger.db")); err != nil {
				return nil, err
			}
		}
		took, err := startNode(ctx, program, models, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, measured{what, took, 0})
	}
	return all, nil
}

// placeFiles makes the file of each study that a start looks for, as if all had come the day before yesterday.
func placeFiles(dir string, studies int) error {
	came := time.Now().AddDate(0, 0, -2)
	for n := range studies {
		if err := os.MkdirAll(filepath.Join(dir, folderOf(n)), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, newestPath(n)), os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Close(), os.Chtimes(filepath.Join(dir, folderOf(n)), came, came)); err != nil {
			return err
		}
	}
	return nil
}

// forget has the system drop what it keeps of a file in memory.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("forget %s: %w", path, err)
	}
	return nil
}

// startNode is how long the node takes until its port is open. It is stopped then.
func startNode(ctx context.Context, program, models, dir string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	port, err := peers.FreePort()
	if err != nil {
		return 0, err
	}
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("[node]\nlisten = \"127.0.0.1:%d\"\ndata_dir = %q\nreserve = \"1MB\"\n[models]\ndir = %q\ndevice = \"cpu\"\n"+
		"[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\naddress = \"127.0.0.1:1\"\n", port, dir, models)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return 0, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, program, "serve", "--config", config)
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			took = time.Since(began)
			c.Close()
			cancel()
			<-ended // by our signal
			return took, nil
		}
		select {
		case err := <-ended:
			return 0, errors.Join(fmt.Errorf("the node ended before its port was open; %s says why", log.Name()), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
