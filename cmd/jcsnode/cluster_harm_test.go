package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/node"
	"jcsnode/scu"
)

// faults are all of them, each with the cluster that it happens to.
var faults = []fault{
	{"the node that sends is killed", (*siege).onFolder, (*siege).senderKilled, 2, false},
	{"a node is killed", (*siege).onStore, (*siege).anyKilled, 4, false},
	{"PostgreSQL is restarted", (*siege).onFolder, (*siege).databaseRestarted, 4, true},
	{"the cable is pulled", (*siege).onMachines, (*siege).cablePulled, 2, false},
	{"the store is away", (*siege).onStore, (*siege).storeAway, 0, true},
	{"a node stands still and goes on", (*siege).onFolder, (*siege).stoodStill, 2, true},
	{"the disk of a door is full", (*siege).onSmallDisk, (*siege).diskFull, 0, false},
}

// everything is what a node can do.
var everything = []string{"door", "read", "deliver"}

// onFolder is a door, and two nodes that do the rest, on a shared folder.
func (s *siege) onFolder(t *testing.T) {
	s.ward = newSharedWard(t)
	s.add(t, "a", "", "door")
	s.add(t, "b", "", "read", "deliver")
	s.add(t, "c", "", "read", "deliver")
	s.serveAll(t, s.nodes...)
}

// onStore is two nodes that do everything, on an object store.
func (s *siege) onStore(t *testing.T) {
	s.ward = newWard(t)
	s.add(t, "a", "", everything...)
	s.add(t, "b", "", everything...)
	s.serveAll(t, s.nodes...)
}

// onSmallDisk is a node that does everything, and a door with a small disk: a reader's jobs would wait for room for a minute each time.
func (s *siege) onSmallDisk(t *testing.T) {
	s.small = smallDisk(t)
	s.ward = newWard(t)
	s.add(t, "a", "", everything...)
	s.add(t, "b", s.small, "door")
	s.serveAll(t, s.nodes...)
}

// again starts a node that was killed, and waits until it works: it may have to be the heir in the next round.
func (s *siege) again(t *testing.T, l *lab) {
	before := strings.Count(l.log(t), "jcsnode starts")
	cmd := program(context.WithoutCancel(t.Context()), "serve", "--config", l.config)
	l.node = start(t, cmd, filepath.Join(l.dir, "node.log"))
	eventually(t, time.Minute, "it starts", func() bool { return strings.Count(l.log(t), "jcsnode starts") > before })
	s.waitUp(t, l)
}

// sleep is sleeping for a random time.
func (s *siege) sleep(most time.Duration) { time.Sleep(s.draw(most)) }

// outage is how long something is away: a minute at least once.
func (s *siege) outage(short time.Duration) time.Duration {
	if s.long || s.round == s.rounds {
		return time.Minute
	}
	return short
}

// sender waits until something is sent, slowly, so that something is left to send, and gives the place of the node that sends it.
func (s *siege) sender(t *testing.T) int {
	t.Helper()
	s.pacs.slow(300 * time.Millisecond)
	before := len(s.pacs.arrivals())
	var by string
	eventually(t, 30*time.Second, "something is sent", func() bool {
		if all := s.pacs.arrivals(); len(all) > before {
			by = all[len(all)-1].node
		}
		return by != ""
	})
	s.sleep(300 * time.Millisecond)
	return slices.Index(s.names, strings.ToLower(by))
}

// heir waits until another node than the one sends, wants that within a limit of the fault, and says when it was.
func (s *siege) heir(t *testing.T, of int, happened time.Time, limit time.Duration) time.Time {
	t.Helper()
	var first time.Time
	eventually(t, 2*limit, "another node goes on", func() bool {
		all := s.pacs.arrivals()
		i := slices.IndexFunc(all, func(a arrival) bool { return a.at.After(happened) && a.node != strings.ToUpper(s.names[of]) })
		if i >= 0 {
			first = all[i].at
		}
		return i >= 0
	})
	took := first.Sub(happened)
	t.Logf("round %d: another node than %s sent after %.1f s", s.round, s.names[of], took.Seconds())
	if took > limit {
		t.Errorf("taken over after %v, want at most %v", took, limit)
	}
	return first
}

// senderKilled kills the node that is just sending, and measures until another one goes on.
func (s *siege) senderKilled(t *testing.T) {
	n := s.sender(t)
	killed := time.Now()
	s.nodes[n].node.kill()
	s.heir(t, n, killed, 10*time.Second)
	s.again(t, s.nodes[n])
}

// anyKilled kills any node at any moment.
func (s *siege) anyKilled(t *testing.T) {
	n := s.random.IntN(len(s.nodes))
	s.sleep(5 * time.Second)
	s.nodes[n].node.kill()
	t.Logf("round %d: %s was killed", s.round, s.names[n])
	s.sleep(2 * time.Second)
	s.again(t, s.nodes[n])
}

// databaseRestarted stops PostgreSQL, orderly or as a crash does.
func (s *siege) databaseRestarted(t *testing.T) {
	how := []os.Signal{syscall.SIGINT, syscall.SIGQUIT}[s.random.IntN(2)]
	s.sleep(4 * time.Second)
	s.postgres.Stop(t, how)
	time.Sleep(s.outage(s.draw(5 * time.Second)))
	s.postgres.Again(t)
}

// storeAway has the store refuse connections or, in every other round, take them and not answer, for longer than the nodes wait for that.
func (s *siege) storeAway(t *testing.T) {
	s.sleep(3 * time.Second)
	if s.round%2 == 0 {
		s.store.Freeze(t)
		defer s.store.Thaw(t)
	} else {
		s.store.Kill(t)
		defer s.store.Resume(t)
	}
	time.Sleep(s.outage(3 * time.Second))
}

// stoodStill stops a node while it sends, for longer than its bound. In every other round it stands still as a machine does that is paused:
// PostgreSQL drops its session, another node goes on, and it comes back with what it had in hand.
func (s *siege) stoodStill(t *testing.T) {
	n := s.sender(t)
	process := s.nodes[n].node.cmd.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer process.Signal(syscall.SIGCONT)
	stopped := time.Now()
	if s.round%2 == 0 {
		s.drop(t, s.names[n])
		s.heir(t, n, stopped, 10*time.Second)
	}
	time.Sleep(time.Until(stopped.Add(s.outage(6 * time.Second))))
}

// drop ends the session of a node that stands still, and with it its locks, and what it has open at PostgreSQL.
func (s *siege) drop(t *testing.T, name string) {
	t.Helper()
	db, err := sql.Open("pgx", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), `
		SELECT count(pg_terminate_backend(pid))
		FROM pg_stat_activity
		WHERE datname = current_database() AND application_name LIKE 'jcsnode ' || $1 || '.%'`, name).Scan(&n); err != nil || n != 1 {
		t.Fatalf("%d sessions of %s dropped: %v", n, name, err)
	}
	// A transaction that it has open holds rows that the heir needs; the server ends that, too, when it hears nothing of a machine.
	time.Sleep(500 * time.Millisecond)
	if _, err := db.ExecContext(t.Context(), `
		SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'jcsnode' AND state LIKE 'idle in transaction%'
			AND state_change < clock_timestamp() - INTERVAL '400 milliseconds'`); err != nil {
		t.Fatal(err)
	}
}

// smallDisk is a disk of its own for the data_dir of a door.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("skipped: no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// diskFull has the disk of the second node full for a while, which refuses what comes then.
func (s *siege) diskFull(t *testing.T) {
	s.sleep(3 * time.Second)
	ballast := filepath.Join(s.small, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	study, files := s.stamps.stamp(t)
	s.probes = append(s.probes, study)
	to := scu.Acceptor{Address: s.nodes[1].address(), CalledAETitle: "JCSNODE", Dialer: node.Dialer("SCANNER", 5*time.Second)}
	eventually(t, 20*time.Second, "the door refuses an instance", func() bool {
		err := error(nil)
		for piece := make([]byte, 4<<10); err == nil; { // what went up to the store meanwhile has made room
			_, err = f.Write(piece)
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		stored := false
		err = to.Send(t.Context(), files[:1], func(_ scu.File, refusal error) { stored = refusal == nil })
		t.Logf("round %d: the door says: %v", s.round, err)
		return !stored
	})
	time.Sleep(2 * time.Second)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
}
