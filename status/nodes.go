package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"jcsnode/ledger"
)

// Member is a node that shares its ledger with others.
type Member struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	Running
	HeardOf time.Time `json:"heard_of,omitzero"`
	Differs bool      `json:"differs"` // it reads, and networks or settings that shape objects are not those of another one
}

// forgotten is how long a node that is gone is still listed.
const forgotten = 30 * 24 * time.Hour

// members are the nodes that share the ledger, by name; none where one node has it for itself.
func members(all []ledger.Alive, self Self, now time.Time) []Member {
	var found []Member
	shape := ""
	for _, a := range all {
		if a.ID == "" { // of a time when there was one
			continue
		}
		one := self
		if a.ID != self.Name { // its files are on another machine
			one.ConfigHash = func(string) string { return "" }
		}
		m := Member{Name: a.ID, Roles: append([]string{}, a.Roles...), Running: running(a, one, now), HeardOf: a.SeenAt}
		if !m.Lives() && now.Sub(m.HeardOf) > forgotten {
			continue
		}
		if m.Lives() && a.Shape != "" {
			if shape == "" {
				shape = a.Shape
			}
			m.Differs = a.Shape != shape
		}
		found = append(found, m)
	}
	return found
}

// Lives says that the node has its place among the others, be it busy with something else.
func (m Member) Lives() bool { return m.State == Runs || m.State == Hangs }

// differs is what a node is told by that reads in another way.
const differs = "its networks, device or settings are not those of the other nodes: a study that is read there gives other objects"

// String is "ct-1 (door, read): running since TIME ...".
func (m Member) String() string {
	text := fmt.Sprintf("%s (%s): %s", m.Name, strings.Join(m.Roles, ", "), m.Running)
	if m.Differs {
		text += "; " + differs
	}
	return text
}

// At says what the node is at.
func (m Member) At() string {
	if m.State != Runs {
		return ""
	}
	return strings.TrimPrefix(m.reading("reads "), "reads ")
}

// Nodes are those that share the ledger.
func (r Reader) Nodes(ctx context.Context) ([]Member, error) {
	o, err := r.Overview(ctx)
	return o.Nodes, err
}

// deadWait bounds the question who lives.
const deadWait = 3 * time.Second

// lives marks which of the nodes live. Where nobody can tell, signs of life do.
func (r Reader) lives(ctx context.Context, nodes []ledger.Alive) {
	if r.Dead == nil {
		return
	}
	var incarnations []string
	for _, a := range nodes {
		if a.Incarnation != "" {
			incarnations = append(incarnations, a.Incarnation)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deadWait)
	defer cancel()
	dead, err := r.Dead(ctx, incarnations)
	for i, a := range nodes {
		if lives := a.Incarnation != "" && !slices.Contains(dead, a.Incarnation); err == nil {
			nodes[i].Held = &lives
		}
	}
}

// own is what the node of a name said last.
func own(s ledger.Standing, name string) ledger.Alive {
	if name == "" {
		return s.Alive
	}
	if i := slices.IndexFunc(s.Nodes, func(a ledger.Alive) bool { return a.ID == name }); i >= 0 {
		return s.Nodes[i]
	}
	return ledger.Alive{}
}
