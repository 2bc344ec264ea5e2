package main

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/phantom"
	"jcsnode/scu"
)

// faultRounds is how often each fault comes: once, or as often as JCSNODE_FAULTS says.
func faultRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("JCSNODE_FAULTS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("JCSNODE_FAULTS=%q is no number of rounds", text)
	}
	return n
}

// siege is a ward to which things happen while studies come.
type siege struct {
	*ward
	whole  *testing.T // which its nodes live as long as
	stamps *stamps
	away   time.Duration // how long the store is away, and a node stands still
}

// TestCluster_Faults has one fault after the other happen to one cluster, at random moments, while a study comes through both doors and
// another gets late slices. After each of them every instance that was answered for is read, and the PACS has every object under one UID,
// those of a revision before any of the next.
func TestCluster_Faults(t *testing.T) {
	s := &siege{ward: newWard(t), whole: t, away: 3 * time.Second}
	s.stamps = newStamps(t, phantom.Options{Slices: 24, Spacing: 12, Rows: 64, Columns: 64, Lesions: true})
	rounds := faultRounds(t)
	if rounds > 1 {
		s.away = time.Minute
	}
	small := smallDisk(t)
	s.add(t, "a", "", "door")
	s.add(t, "b", small, "door")
	s.add(t, "c", "", "read", "deliver")
	s.add(t, "d", "", "read", "deliver")
	s.serveAll(t, s.nodes...)
	s.look(t)
	faults := []struct {
		name string
		now  func(t *testing.T)
	}{
		{"the node that delivers is killed", s.deliverer},
		{"a node is killed", s.anybody},
		{"PostgreSQL crashes and comes back", s.database},
		{"the store is away", s.storeAway},
		{"a node stands still and goes on", s.frozen},
	}
	if small != "" {
		faults = append(faults, struct {
			name string
			now  func(t *testing.T)
		}{"the disk of a door is full", func(t *testing.T) { s.diskFull(t, small) }})
	}
	copies, all := 0, map[string]*ledger.History{}
	for range rounds {
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				began := time.Now()
				studies := s.round(t, f.now)
				maps.Copy(all, studies)
				n := s.check(t, studies)
				copies += n
				t.Logf("all is over after %.1f s; %d objects came twice", time.Since(began).Seconds(), n)
			})
			if t.Failed() {
				return
			}
		}
	}
	if strange := s.strangers(all); len(strange) > 0 {
		t.Errorf("at the PACS and not in the ledger: %v", strange)
	}
	t.Logf("%d studies, %d objects came, %d of them copies under the same UID with the same bytes",
		len(all), len(s.pacs.arrivals()), copies)
	for _, l := range s.nodes {
		l.node.stop(t)
	}
}

// round has a fault happen while two studies come.
func (s *siege) round(t *testing.T, fault func(t *testing.T)) map[string]*ledger.History {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute+s.away)
	defer cancel()
	one, files := s.stamps.stamp(t)
	two, more := s.stamps.stamp(t)
	a, b := s.nodes[0], s.nodes[1]
	s.mustSend(ctx, t, one, files[:16], a, b)
	var g sync.WaitGroup
	defer g.Wait()
	g.Go(func() {
		s.moment(time.Second)
		s.mustSend(ctx, t, two, more, b, a)
		s.moment(2 * time.Second)
		s.mustSend(ctx, t, one, files[16:], a, b)
	})
	fault(t)
	g.Wait()
	return s.over(t, []string{one, two}, 90*time.Second+s.away)
}

// moment lets some time go by.
func (s *siege) moment(most time.Duration) { time.Sleep(rand.N(most)) }

// again starts a node that was killed.
func (s *siege) again(l *lab) {
	cmd := program(context.WithoutCancel(s.whole.Context()), "serve", "--config", l.config)
	l.node = start(s.whole, cmd, filepath.Join(l.dir, "node.log"))
}

// deliverer kills the node that is just sending, and measures until another one goes on.
func (s *siege) deliverer(t *testing.T) {
	s.pacs.slow(300 * time.Millisecond) // so that something is left to send
	defer s.pacs.slow(0)
	before := len(s.pacs.arrivals())
	var sender string
	eventually(t, 30*time.Second, "something is sent", func() bool {
		if all := s.pacs.arrivals(); len(all) > before {
			sender = all[len(all)-1].node
		}
		return sender != ""
	})
	s.moment(150 * time.Millisecond)
	l := s.nodes[slices.Index(s.names, strings.ToLower(sender))]
	killed := time.Now()
	l.node.kill()
	var first time.Time
	eventually(t, 20*time.Second, "another node goes on", func() bool {
		for _, a := range s.pacs.arrivals()[before:] {
			if a.node != sender && a.at.After(killed) {
				first = a.at
				return true
			}
		}
		return false
	})
	took := first.Sub(killed)
	t.Logf("%s was killed; another one sent after %.1f s", sender, took.Seconds())
	if took > 10*time.Second {
		t.Errorf("taken over after %v, want at most 10 s", took)
	}
	s.again(l)
}

// anybody kills any node at any moment.
func (s *siege) anybody(t *testing.T) {
	s.moment(4 * time.Second)
	n := rand.IntN(len(s.nodes))
	s.nodes[n].node.kill()
	t.Logf("%s was killed", s.names[n])
	s.moment(2 * time.Second)
	s.again(s.nodes[n])
}

func (s *siege) database(t *testing.T) {
	s.moment(3 * time.Second)
	s.postgres.Stop(t, syscall.SIGQUIT)
	s.moment(time.Second)
	s.postgres.Again(t)
}

func (s *siege) storeAway(t *testing.T) {
	s.moment(3 * time.Second)
	s.store.Kill(t)
	time.Sleep(s.away)
	s.store.Resume(t)
}

// frozen stops a node for longer than its bound.
func (s *siege) frozen(t *testing.T) {
	s.moment(3 * time.Second)
	n := 2 + rand.IntN(2) // who is stopped holds its locks: nobody else sends
	process := s.nodes[n].node.cmd.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer process.Signal(syscall.SIGCONT)
	time.Sleep(max(6*time.Second, s.away))
	t.Logf("%s stood still", s.names[n])
}

// smallDisk is a disk of its own for the data_dir of a door, "" where none can be mounted.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Logf("no small disk can be mounted, so none gets full: %v", err)
		return ""
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// diskFull has the disk of the second door full for a while, which refuses what comes then.
func (s *siege) diskFull(t *testing.T, dir string) {
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for piece := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(piece)
	}
	f.Close()
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	_, files := s.stamps.stamp(t)
	stored := false
	to := scu.Acceptor{Address: s.nodes[1].address(), CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", 5*time.Second)}
	err = to.Send(t.Context(), files[:1], func(_ scu.File, refusal error) { stored = refusal == nil })
	t.Logf("the door says: %v", err)
	if stored {
		t.Error("a door with a full disk took an instance")
	}
	time.Sleep(2 * time.Second)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
}
