package main

import (
	"strings"
	"testing"

	"jcsnode/config"
	"jcsnode/status"
)

// Whether somebody takes up what was asked for, all nodes on the ledger say, not the one whose configuration was at hand.
func TestAbsence(t *testing.T) {
	member := func(state string, roles ...string) status.Member {
		return status.Member{Roles: roles, Running: status.Running{State: state}}
	}
	stopped := status.Running{State: status.Stopped}
	for name, c := range map[string]struct {
		overview status.Overview
		want     string // "": nothing is said
	}{
		"alone, runs":           {status.Overview{Running: status.Running{State: status.Runs}}, ""},
		"alone, stopped":        {status.Overview{Running: stopped}, "once the node is started: it does not run (stopped)"},
		"another one reads":     {status.Overview{Running: stopped, Nodes: []status.Member{member(status.Runs, "read")}}, ""},
		"the others do not":     {status.Overview{Running: stopped, Nodes: []status.Member{member(status.Runs, "door")}}, `has "read"`},
		"who reads has stopped": {status.Overview{Nodes: []status.Member{member(status.Stopped, "read")}}, `has "read"`},
	} {
		if got := absence(c.overview, config.RoleRead); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: says %q, want %q", name, got, c.want)
		}
	}
}
