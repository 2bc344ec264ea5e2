package scp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"log/slog"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/store/disk"
)

// BenchmarkReception compares this receiver, durable and recorded, with DCMTK's storescp
// as shipped, which syncs nothing: DCMTK's storescu sends a study to each in turn. The rates
// are instances per second; compare within a run only.
//
//	go test -run xxx -bench Reception -benchtime 3x ./scp
func BenchmarkReception(b *testing.B) {
	paths, _ := filepath.Glob(filepath.Join(testData(b, "ct", "covid_p001"), "*.dcm"))
	tool(b, "storescu")
	for _, parallel := range []int{1, 8} {
		b.Run(fmt.Sprintf("x%d", parallel), func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				theirs += timed(b, startStorescp, paths, parallel)
				ours += timed(b, startBench, paths, parallel)
			}
			n := float64(len(paths) * b.N)
			b.ReportMetric(n/ours.Seconds(), "jcsnode/s")
			b.ReportMetric(n/theirs.Seconds(), "storescp/s")
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
		})
	}
}

func timed(b *testing.B, start func(*testing.B) (addr string, stop func()), paths []string, parallel int) time.Duration {
	addr, stop := start(b)
	defer stop()
	begin := time.Now()
	var wg sync.WaitGroup
	for k := range parallel {
		var part []string
		for n := k; n < len(paths); n += parallel {
			part = append(part, paths[n])
		}
		wg.Go(func() {
			if err := storescu(b, addr, append([]string{"-xs"}, part...)...); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

// startBench is a node like that of the tests, in a new folder.
func startBench(b *testing.B) (string, func()) {
	b.Helper()
	dir := b.TempDir()
	log := slog.New(slog.DiscardHandler)
	s, err := disk.Open(dir, disk.Options{Staging: Staging})
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Open(b.Context(), filepath.Join(dir, "ledger.db"), ledger.Options{Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	inbox := NewInbox(s, InboxOptions{ImplementationClassUID: "2.25.1"})
	door := NewDoor(func() Settings { return Settings{TransferSyntaxes: allSyntaxes()} }, inbox, l, log, time.Now)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &dimse.Server{Admit: door.Admit, Accept: door.Accept, Handler: door, Logger: log}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, listener) }()
	return listener.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := l.Close(); err != nil {
			b.Error(err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}

func startStorescp(b *testing.B) (string, func()) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	listener.Close()
	cmd := exec.Command(tool(b, "storescp"), "--fork", "+xa", "-od", b.TempDir(), port)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for begin := time.Now(); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			break
		}
		if time.Since(begin) > 5*time.Second {
			b.Fatal("storescp does not listen")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return addr, func() {
		if err := cmd.Process.Kill(); err != nil {
			b.Error(err)
		}
		_ = cmd.Wait() // it was killed
	}
}

// BenchmarkReceive is what one instance of 512 KiB costs without a network.
func BenchmarkReceive(b *testing.B) {
	inbox := testInbox(b, b.TempDir())
	i := aSlice("1.2", "1.2.3")
	i.pixels = make([]byte, 512<<10)
	head := image{class: i.class, study: i.study, series: i.series}
	b.SetBytes(512 << 10)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		i.sop = fmt.Sprintf("1.2.3.%d", n)
		in := Incoming{SOPClassUID: head.class, SOPInstanceUID: i.sop, TransferSyntaxUID: dataset.ExplicitVRLittleEndian}
		if _, err := inbox.Receive(b.Context(), in, bytes.NewReader(i.bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
