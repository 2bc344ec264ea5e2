package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/pgtest"
	"jcsnode/phantom"
	"jcsnode/scp"
	"jcsnode/scu"
)

// elsewhen is a membership of a group whose clock this machine's is behind.
type elsewhen struct {
	membership
	behind time.Duration
}

func (e elsewhen) Now() time.Time       { return e.membership.Now().Add(e.behind) }
func (e elsewhen) Ahead() time.Duration { return -e.behind }

// A study that comes slice by slice through a door whose machine's clock is wrong is one revision, and settles when it is quiet: door,
// ledger and settler go by the database's time.
func TestClock_StudySettlesByTheDatabases(t *testing.T) {
	const count, pace, quiet = 4, 700 * time.Millisecond, 2 * time.Second
	for name, behind := range map[string]time.Duration{"behind": time.Minute, "ahead": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			c.Node.DataDir, c.Node.Reserve, c.Node.Name = t.TempDir(), 0, "door"
			c.Node.Roles = []string{config.RoleDoor, config.RoleDeliver}
			c.Settle.Quiet = config.Duration(quiet)
			c.Ledger.URL = pgtest.Shared(t).Database(t, "", nil)
			c.Store.Kind, c.Store.Path = config.StoreShared, t.TempDir()
			n := newNode(c, "", slog.New(slog.DiscardHandler))
			if err := n.join(t.Context()); err != nil {
				t.Fatal(err)
			}
			n.member = elsewhen{n.member, behind}
			var err error
			n.ledger, err = ledger.Open(t.Context(), c.Ledger.URL, ledger.Options{Now: n.now, Shared: true, TestOnly: true, Logger: n.log})
			if err != nil {
				t.Fatal(errors.Join(err, n.member.Close()))
			}
			if n.store, n.ahead, err = openFiles(c, n.ledger, false, n.log); err != nil {
				t.Fatal(errors.Join(err, n.Close()))
			}
			n.inbox = scp.NewInbox(n.store, scp.InboxOptions{ImplementationClassUID: "2.25.1", At: n.alone})
			if err := n.wire(noNetworks{}); err != nil {
				t.Fatal(errors.Join(err, n.Close()))
			}
			port, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			served, settled := make(chan error, 1), make(chan error, 1)
			go func() { served <- n.server.Serve(ctx, port) }()
			go func() { settled <- n.settler.Run(ctx) }()
			defer func() {
				cancel()
				if err := errors.Join(<-served, <-settled, n.Close()); err != nil {
					t.Error(err)
				}
			}()
			for _, path := range phantomFiles(t, count) {
				files, _ := scu.Find([]string{path})
				acceptor := scu.Acceptor{Address: port.Addr().String(), CalledAETitle: c.Node.AETitle, Dialer: Dialer("CT1", time.Minute)}
				if err := acceptor.Send(t.Context(), files, func(_ scu.File, err error) {
					if err != nil {
						t.Error(err)
					}
				}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(pace)
			}
			var list []ledger.Summary
			for end := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
				list, err = n.ledger.Studies(t.Context(), ledger.Filter{Limit: 10})
				if err != nil || time.Now().After(end) || len(list) == 1 && list[0].State == ledger.StateSettled {
					break
				}
			}
			if err != nil || len(list) != 1 || list[0].State != ledger.StateSettled {
				t.Fatalf("%+v, %v; want one study that has settled", list, err)
			}
			h, err := n.ledger.History(t.Context(), list[0].StudyUID)
			if err != nil || len(h.Revisions) != 1 || len(h.Instances) != count {
				t.Fatalf("%d revisions of %d instances, %v; want one of all", len(h.Revisions), len(h.Instances), err)
			}
			if off := time.Until(h.Instances[0].ReceivedAt) - behind; off.Abs() > 30*time.Second {
				t.Errorf("received %v from the database's time", off)
			}
		})
	}
}

// phantomFiles are those of a study.
func phantomFiles(t *testing.T, count int) []string {
	t.Helper()
	dir := t.TempDir()
	if err := phantom.Write(t.Context(), dir, phantom.Options{Slices: count, Spacing: 5}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != count {
		t.Fatal(files, err)
	}
	return files
}

// It is told once that the clock of the machine is off, and once that it is right again.
func TestClockWatch(t *testing.T) {
	var out bytes.Buffer
	var w clockWatch
	for _, ahead := range []time.Duration{time.Second, -61 * time.Second, -60 * time.Second, -4 * time.Second, 6 * time.Second,
		2 * time.Second, 4 * time.Second, 7 * time.Second} {
		w.look(ahead, slog.New(slog.NewTextHandler(&out, nil)))
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, line, _ = strings.Cut(line, "level=")
		level, rest, _ := strings.Cut(line, " ")
		_, clock, _ := strings.Cut(rest, " clock=")
		clock, _, _ = strings.Cut(clock, " remedy=")
		got = append(got, level+clock)
	}
	if want := []string{`WARN"61 s behind"`, "INFO", `WARN"7 s ahead"`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q\n%s", got, want, out.String())
	}
}
