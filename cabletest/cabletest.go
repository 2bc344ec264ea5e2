// Package cabletest gives tests a machine with cables that can be pulled: a network namespace with two links to ours. It needs root, and is
// for tests alone.
package cabletest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// Machine is such a namespace.
type Machine struct {
	space string
	links []string
	Net   string // first three numbers of the addresses on the first cable: ours is .1, that of the machine .2
	Side  string // the same of the second one
}

// machines counts those of this process.
var machines atomic.Int64

// most is how many machines a process may make: each has two nets of its own.
const most = 20

// nets is how many processes may have machines at a time.
const nets = 200

// New makes one that goes when the test ends. Without CI=true and JCSNODE_SOAK=1, and without root or the right to make networks, as in
// many containers, the test is skipped.
func New(t *testing.T) *Machine {
	t.Helper()
	if os.Getenv("CI") != "true" && os.Getenv("JCSNODE_SOAK") != "1" {
		t.Skip("skipped: half a minute, and needs root; JCSNODE_SOAK=1 runs it")
	}
	if os.Getuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("skipped: ip (iproute2) is not installed")
	}
	k := machines.Add(1) - 1
	if k >= most {
		t.Fatalf("more than %d machines", most)
	}
	var m *Machine
	n := os.Getpid() % nets
	for try := 0; m == nil; try++ { // what was killed may have left one, and another process may have the number
		space := fmt.Sprintf("jcs%d-%d", n, k)
		out, err := exec.Command("ip", "netns", "add", space).CombinedOutput()
		switch {
		case err == nil:
			m = &Machine{space: space, Net: fmt.Sprintf("10.%d.%d", 213+k, n), Side: fmt.Sprintf("10.%d.%d", 193+k, n)}
		case strings.Contains(string(out), "File exists") && try < nets:
			n = (n + 1) % nets
		case strings.Contains(string(out), "not permitted") || strings.Contains(string(out), "denied"):
			t.Skipf("skipped: network namespaces may not be made here: %v\n%s", err, out)
		default:
			t.Fatalf("making a network namespace: %v\n%s", err, out)
		}
	}
	t.Cleanup(func() { ip(t, "netns", "delete", m.space) }) // and the cables with it
	for i, net := range []string{m.Net, m.Side} {
		ours, theirs := fmt.Sprintf("jcsa%d-%d-%d", n, k, i), fmt.Sprintf("jcsb%d-%d-%d", n, k, i)
		ip(t, "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", m.space)
		ip(t, "address", "add", net+".1/24", "dev", ours)
		ip(t, "link", "set", ours, "up")
		ip(t, "-n", m.space, "address", "add", net+".2/24", "dev", theirs)
		ip(t, "-n", m.space, "link", "set", theirs, "up")
		m.links = append(m.links, ours)
	}
	return m
}

// Inside is what comes before a command that runs on the machine.
func (m *Machine) Inside() []string { return []string{"ip", "netns", "exec", m.space} }

// Pull pulls the first cable.
func (m *Machine) Pull(t *testing.T) {
	t.Helper()
	ip(t, "link", "set", m.links[0], "down")
}

// PullBoth pulls both.
func (m *Machine) PullBoth(t *testing.T) {
	t.Helper()
	m.Pull(t)
	ip(t, "link", "set", m.links[1], "down")
}

// Plug puts back what was pulled.
func (m *Machine) Plug(t *testing.T) {
	t.Helper()
	for _, link := range m.links {
		ip(t, "link", "set", link, "up")
	}
}

// Postgres are settings of a server that the machines reach by their first cables, too, for pgtest.Start.
func Postgres(t *testing.T, machines ...*Machine) []string {
	t.Helper()
	rules := "local all all trust\nhost all all 127.0.0.1/32 trust\n"
	for _, m := range machines {
		rules += "host all all " + m.Net + ".0/24 trust\n"
	}
	f, err := os.CreateTemp("", "pg_hba")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(f.Name()) })
	if _, err := f.WriteString(rules); err != nil {
		t.Fatal(err)
	}
	if err := f.Chmod(0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"listen_addresses = '*'", "hba_file = '" + f.Name() + "'"}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
