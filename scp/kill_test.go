package scp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/store/disk"
)

// forgetful is a ledger whose queue is lost by the crash.
type forgetful struct{ *ledger.Ledger }

func (forgetful) Record(context.Context, ledger.Instance) error { return nil }

// child is a node in a process of its own, which is killed.
func child(dir string) {
	fail := func(err error) {
		fmt.Println(err)
		os.Exit(1)
	}
	s, err := disk.Open(dir, disk.Options{Staging: Staging})
	if err != nil {
		fail(err)
	}
	l, err := ledger.Open(context.Background(), filepath.Join(dir, "ledger.db"), ledger.Options{})
	if err != nil {
		fail(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	log := slog.New(slog.DiscardHandler)
	inbox := NewInbox(s, InboxOptions{ImplementationClassUID: "2.25.1"})
	door := NewDoor(func() Settings { return Settings{TransferSyntaxes: allSyntaxes()} }, inbox, forgetful{l}, log, time.Now)
	server := &dimse.Server{Admit: door.Admit, Accept: door.Accept, Handler: door, Logger: log}
	fmt.Println(listener.Addr())
	fail(server.Serve(context.Background(), listener))
}

// Contract 1: what was acknowledged is found after kill -9, even if the ledger had nothing
// of it, and what was half received is gone.
func TestKill_AcknowledgedInstancesAreFound(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SCP_TEST_CHILD="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, _ := bufio.NewReader(out).ReadString('\n')
	n := &node{addr: strings.TrimSpace(addr)}
	c := n.dial(t, CTImageStorage)
	for k := range 20 {
		if r := send(t, c, aSlice("1.2", fmt.Sprintf("1.2.%d", k))); r.Status != dimse.StatusSuccess {
			t.Errorf("%d: %+v", k, r)
		}
	}
	// The next one is under way when the process dies.
	half := aSlice("1.2", "1.2.99")
	half.pixels = make([]byte, 1<<20)
	raw := half.bytes()
	_, err = c.Store(t.Context(), dimse.StoreCommand{SOPClassUID: half.class, SOPInstanceUID: half.sop, TransferSyntaxUID: allSyntaxes()[0],
		Body: readerFunc(func(p []byte) (int, error) {
			if len(raw) < 1<<19 {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
				_ = cmd.Wait()
				return 0, errors.New("killed")
			}
			k := copy(p, raw)
			raw = raw[k:]
			return k, nil
		})})
	if err == nil {
		t.Error("a dead process answered")
	}

	b := testInbox(t, dir)
	l := testLedger(t, dir)
	r, err := b.Rebuild(t.Context(), l, Span{}, slog.New(slog.DiscardHandler))
	if want := (Rebuilt{Files: 20, Recorded: 20}); err != nil || r != want {
		t.Errorf("rebuilt %+v, %v; want %+v", r, err, want)
	}
	if got := files(t, dir); len(got) != 20 {
		t.Errorf("%d files, want 20: %v", len(got), got)
	}
}
