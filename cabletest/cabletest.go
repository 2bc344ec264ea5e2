// Package cabletest gives tests a machine with a cable that can be pulled: a network namespace with one link to ours. It needs root, and is
// for tests alone.
package cabletest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Machine is such a namespace.
type Machine struct {
	space, link string
	Net         string // first three numbers of the addresses on the cable: ours is .1, that of the machine .2
}

// New makes one that goes when the test ends. Without CI=true and JCSNODE_SOAK=1, and without root, the test is skipped.
func New(t *testing.T) *Machine {
	t.Helper()
	if os.Getenv("CI") != "true" && os.Getenv("JCSNODE_SOAK") != "1" {
		t.Skip("skipped: half a minute, and needs root; JCSNODE_SOAK=1 runs it")
	}
	if os.Getuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	n := os.Getpid() % 200
	m := &Machine{space: fmt.Sprintf("jcs%d", n), link: fmt.Sprintf("jcsa%d", n), Net: fmt.Sprintf("10.213.%d", n)}
	theirs := fmt.Sprintf("jcsb%d", n)
	ip(t, "netns", "add", m.space)
	t.Cleanup(func() { ip(t, "netns", "delete", m.space) }) // and the cable with it
	ip(t, "link", "add", m.link, "type", "veth", "peer", "name", theirs, "netns", m.space)
	ip(t, "address", "add", m.Net+".1/24", "dev", m.link)
	ip(t, "link", "set", m.link, "up")
	ip(t, "-n", m.space, "address", "add", m.Net+".2/24", "dev", theirs)
	ip(t, "-n", m.space, "link", "set", theirs, "up")
	return m
}

// Inside is what comes before a command that runs on the machine.
func (m *Machine) Inside() []string { return []string{"ip", "netns", "exec", m.space} }

// Pull pulls the cable.
func (m *Machine) Pull(t *testing.T) {
	t.Helper()
	ip(t, "link", "set", m.link, "down")
}

// Plug puts it back.
func (m *Machine) Plug(t *testing.T) {
	t.Helper()
	ip(t, "link", "set", m.link, "up")
}

// Postgres are settings of a server that the machine reaches, too, for pgtest.Start.
func (m *Machine) Postgres(t *testing.T) []string {
	t.Helper()
	rules, err := os.CreateTemp("", "pg_hba")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(rules.Name()) })
	fmt.Fprintf(rules, "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all %s.0/24 trust\n", m.Net)
	if err := rules.Chmod(0o644); err != nil {
		t.Fatal(err)
	}
	if err := rules.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"listen_addresses = '*'", "hba_file = '" + rules.Name() + "'"}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v\n%s", args, err, out)
	}
}
