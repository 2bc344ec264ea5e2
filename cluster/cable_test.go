package cluster_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"jcsnode/pgtest"
)

// A machine whose cable is pulled sends no word. It stops by itself, before anybody takes over; when the cable is back it takes part again.
func TestProcess_CableCut(t *testing.T) {
	if os.Getenv("CI") != "true" && os.Getenv("JCSNODE_SOAK") != "1" {
		t.Skip("skipped: 30 s, and needs root; JCSNODE_SOAK=1 runs it")
	}
	if os.Getuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	t.Parallel()
	space, ours, net := namespace(t)
	rules, err := os.CreateTemp("", "pg_hba")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(rules.Name()) })
	fmt.Fprintf(rules, "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all %s.0/24 trust\n", net)
	if err := rules.Chmod(0o644); err != nil {
		t.Fatal(err)
	}
	rules.Close()
	server := pgtest.Start(t, "listen_addresses = '*'", "hba_file = '"+rules.Name()+"'")
	url := server.Database(t, "", nil)
	a := start(t, strings.Replace(url, "127.0.0.1", net+".1", 1), "a", "ip", "netns", "exec", space)
	a.waits(t, time.Time{}, "sends")
	b := start(t, url, "b")
	b.waits(t, time.Time{}, "joined")

	cut := time.Now()
	run(t, "ip", "link", "set", ours, "down")
	lost := a.waits(t, cut, "lost")
	t.Logf("it noticed after %v", lost.at.Sub(cut).Round(10*time.Millisecond))
	if lost.at.Sub(cut) > 6*time.Second {
		t.Error("too late")
	}
	first := takesOver(t, a, b, cut, 20*time.Second)
	if last := a.lastSent(first.at); last.After(lost.at) {
		t.Errorf("it sent %v after it was lost", last.Sub(lost.at))
	}
	run(t, "ip", "link", "set", ours, "up")
	a.waits(t, lost.at, "joined")
}

// namespace is a network with one cable to ours: its name, our end, and its first three numbers.
func namespace(t *testing.T) (space, ours, net string) {
	t.Helper()
	n := os.Getpid() % 200
	space, ours, net = fmt.Sprintf("jcs%d", n), fmt.Sprintf("jcsa%d", n), fmt.Sprintf("10.213.%d", n)
	theirs := fmt.Sprintf("jcsb%d", n)
	run(t, "ip", "netns", "add", space)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", space) }) // and the cable with it
	run(t, "ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", space)
	run(t, "ip", "address", "add", net+".1/24", "dev", ours)
	run(t, "ip", "link", "set", ours, "up")
	run(t, "ip", "-n", space, "address", "add", net+".2/24", "dev", theirs)
	run(t, "ip", "-n", space, "link", "set", theirs, "up")
	return space, ours, net
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}
