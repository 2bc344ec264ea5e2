package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/cabletest"
)

// onMachines is a door, and two nodes on machines whose first cable leads to PostgreSQL, and the second one to the PACS.
func (s *siege) onMachines(t *testing.T) {
	machines := []*cabletest.Machine{cabletest.New(t), cabletest.New(t)}
	s.ward = newSharedWard(t, cabletest.Postgres(t, machines...)...)
	s.cables = map[string]*cabletest.Machine{}
	here := s.address
	s.add(t, "a", "", "door")
	for i, m := range machines {
		s.address, s.host = strings.Replace(here, "127.0.0.1", m.Net+".1", 1), m.Side+".1"
		l := s.add(t, []string{"b", "c"}[i], "", "read", "deliver")
		inside := exec.CommandContext(context.WithoutCancel(t.Context()), "ip",
			append(m.Inside()[1:], os.Args[0], "serve", "--config", l.config)...)
		inside.Env = append(os.Environ(), "JCSNODE_AS_PROGRAM=1")
		l.node = start(t, inside, filepath.Join(l.dir, "node.log"))
		s.cables[s.names[i+1]] = m
	}
	s.address = here
	s.serveAll(t, s.nodes[0])
	for _, l := range s.nodes[1:] {
		s.waitUp(t, l)
	}
}

// cablePulled pulls the cable of the node that is just sending: to PostgreSQL alone or, every other time, both. It sends no more after its
// bound, and the other one goes on within 20 s. In the first case the ledger keeps it from sending, which cannot be asked before the next
// object, as well as the node itself; that it stops itself without that is shown by TestProcess_CableCut in cluster.
func (s *siege) cablePulled(t *testing.T) {
	n := s.sender(t)
	machine := s.cables[s.names[n]]
	cut := time.Now()
	if s.round%2 == 0 {
		machine.PullBoth(t)
	} else {
		machine.Pull(t)
	}
	s.heir(t, n, cut, 20*time.Second)
	late := slices.ContainsFunc(s.pacs.arrivals(), func(a arrival) bool {
		return a.node == strings.ToUpper(s.names[n]) && a.at.After(cut.Add(6*time.Second))
	})
	if late {
		t.Errorf("round %d: %s sent more than 6 s after it lost PostgreSQL", s.round, s.names[n])
	}
	back := s.incarnations(t, n)
	machine.Plug(t)
	eventually(t, 30*time.Second, s.names[n]+" is back", func() bool { return s.incarnations(t, n) > back })
}

// incarnations is how often a node has come back among the others.
func (s *siege) incarnations(t *testing.T, n int) int {
	t.Helper()
	log, err := os.ReadFile(s.nodes[n].node.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(log), "session with PostgreSQL again")
}
