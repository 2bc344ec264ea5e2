package main

import (
	"testing"
	"time"

	"jcsnode/dimse/probe"
)

// Everything that may come in, at the running node: each answer is the one of docs/robustness.md, and a good peer is served after
// each. The cases that wait take as long as the node's timers.
func TestProtocol(t *testing.T) {
	t.Parallel()
	l := newLabWith(t, exactNetworks(t), "[settle]\nquiet = \"1h\"\nlimit = \"2h\"\n")
	l.serve(t)
	cases := probe.Cases()
	if testing.Short() {
		cases = probe.Quick()
	}
	target := probe.Target{Address: l.address(), Called: "JCSNODE", Calling: "PROBE", Wait: 10 * time.Second,
		Request: 45 * time.Second, PDU: 75 * time.Second}
	for _, r := range probe.Run(target, cases) {
		if r.Answer != r.Want[0] {
			t.Errorf("%s: %s\n got %q\nwant %q", r.Group, r.Input, r.Answer, r.Want[0])
		}
		if r.Lost != "" {
			t.Errorf("%s: %s: then a good peer got %s", r.Group, r.Input, r.Lost)
		}
	}
}
