package scp

import (
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/dimse/probe"
)

// counted counts the associations that are over.
type counted struct {
	*Door
	over atomic.Int64
}

func (c *counted) Closed(a *dimse.Association, err error) {
	c.Door.Closed(a, err)
	c.over.Add(1)
}

// Associations end in every way: in those of dimse/probe, and cut at each byte by a close, a reset, an abort, noise, or silence
// that the server has to end. No goroutine, descriptor, temporary file or held study stays. Hundreds of them here, ten
// thousand with JCSNODE_SOAK=1.
func TestDoor_LeavesNothingBehind(t *testing.T) {
	want, step := int64(600), 23
	if os.Getenv("JCSNODE_SOAK") == "1" {
		want, step = 10_000, 1
	}
	const limit = 2 * time.Second
	syntaxes := append(allSyntaxes(), dataset.ExplicitVRBigEndian, dataset.DeflatedExplicitVRLittleEndian)
	n := startNode(t, Settings{CheckCalled: true, TransferSyntaxes: syntaxes}, withCommitment(""))
	door := &counted{Door: n.door}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dimse.Server{Admit: n.door.Admit, Accept: n.door.Accept, Handler: door, Logger: slog.New(slog.DiscardHandler),
		ImplementationClassUID: "2.25.1",
		Timeouts:               dimse.Timeouts{Request: limit, Idle: 5 * limit, PDU: limit}}
	served := make(chan error, 1)
	go func() { served <- server.Serve(t.Context(), l) }()
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	target := probe.Target{Address: l.Addr().String(), Called: "JCS", Calling: "CT1", Wait: 10 * time.Second, Request: 4 * limit,
		PDU: 4 * limit}

	cut(t, target.Address, target.Association(), drain) // until everything runs that stays
	waitFor(t, "the first association", func() bool { return door.over.Load() == 1 })
	goroutines, descriptors := steady(runtime.NumGoroutine), steady(func() int { return openDescriptors(t) })
	cases := probe.Cases()
	for door.over.Load() < want {
		for _, r := range probe.Run(target, cases) {
			if r.Answer != r.Want[0] {
				t.Errorf("%s: %s\n got %q\nwant %q", r.Group, r.Input, r.Answer, r.Want[0])
			}
			if r.Lost != "" {
				t.Errorf("%s: %s: then a good peer got %s", r.Group, r.Input, r.Lost)
			}
		}
		cases = probe.Quick()
		cutAll(t, target, step)
		if t.Failed() {
			return
		}
	}
	waitFor(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	waitFor(t, "all descriptors to be closed", func() bool { return openDescriptors(t) <= descriptors })
	settled(t, n.dir)
	n.door.holds.mu.Lock()
	defer n.door.holds.mu.Unlock()
	if len(n.door.holds.studies) != 0 || len(n.door.holds.visits) != 0 {
		t.Errorf("studies are held by associations that are over: %v", n.door.holds.studies)
	}
	t.Logf("%d associations", door.over.Load())
}

// endings are what a peer does in the middle of what it has to say.
var endings = []func(net.Conn){
	func(net.Conn) {}, // closes, as all do behind this
	func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, // a reset
	func(c net.Conn) { _, _ = c.Write([]byte("\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00")); drain(c) },
	func(c net.Conn) {
		_, _ = c.Write([]byte("noise noise noise noise"))
		_ = c.(*net.TCPConn).CloseWrite()
		drain(c)
	},
	func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite(); drain(c) },
}

func drain(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.Copy(io.Discard, c)
}

// cutAll ends associations behind every step-th byte in every way, 32 at a time, and some by silence.
func cutAll(t *testing.T, target probe.Target, step int) {
	t.Helper()
	whole := target.Association()
	work := make(chan func())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for do := range work {
				do()
			}
		})
	}
	for at := 0; at <= len(whole); at += step {
		for _, end := range endings {
			work <- func() { cut(t, target.Address, whole[:at], end) }
		}
	}
	close(work)
	for at := 0; at <= len(whole); at += len(whole) / 20 {
		wg.Go(func() { cut(t, target.Address, whole[:at], drain) })
	}
	wg.Wait()
}

func cut(t *testing.T, address string, b []byte, end func(net.Conn)) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_, _ = c.Write(b)
	end(c)
}

// steady is what count gives when it does not change for 50 ms.
func steady(count func() int) int {
	last := count()
	for same := 0; same < 10; same++ {
		time.Sleep(5 * time.Millisecond)
		if now := count(); now != last {
			last, same = now, 0
		}
	}
	return last
}

// settled waits until no instance is half received.
func settled(t *testing.T, dir string) {
	t.Helper()
	waitFor(t, "no temporary file", func() bool {
		for _, path := range files(t, dir) {
			if strings.HasPrefix(path, Staging+"/") {
				return false
			}
		}
		return true
	})
}

// openDescriptors counts those of this process but for the ledger's, which opens more connections to its file when it needs them.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("open descriptors cannot be counted: %v", err)
	}
	count := 0
	for _, e := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.Contains(name, "ledger.db") {
			count++
		}
	}
	return count
}
