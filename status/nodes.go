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
	Leads   bool      `json:"leads"`       // it settles studies and tidies up for all
	Deliver []string  `json:"delivers_to"` // destinations that are its own now, by name
	Tells   []string  `json:"tells"`       // webhooks, likewise
	Differs string    `json:"differs_in"`  // in what it is set otherwise than the node that has said so for longest

	// ClockAhead is how far the clock of its machine is ahead of that which all nodes go by; 0 of one that does not live.
	ClockAhead float64 `json:"clock_ahead_seconds"`

	said ledger.Alive // what all that is taken from
}

// Locks that nodes compete for: that of the leader, and how those of a destination and of a webhook begin, before its name.
const (
	LeaderLock      = "leader"
	DestinationLock = "deliver "
	WebhookLock     = "notify "
)

// own adds what the node has of the locks, which a dead one does not.
func (m *Member) own(locks []string) {
	m.Deliver, m.Tells = []string{}, []string{}
	if !m.Lives() {
		return
	}
	for _, lock := range locks { // older nodes have some that are of no destination or webhook of their own
		m.Leads = m.Leads || lock == LeaderLock
		if name, is := strings.CutPrefix(lock, DestinationLock); is && name != "" {
			m.Deliver = append(m.Deliver, name)
		}
		if name, is := strings.CutPrefix(lock, WebhookLock); is && name != "" {
			m.Tells = append(m.Tells, name)
		}
	}
}

// Owns is "leads, delivers to archive and pacs, tells his"; "" for nothing.
func (m Member) Owns() string {
	var all []string
	if m.Leads {
		all = append(all, "leads")
	}
	if len(m.Deliver) > 0 {
		all = append(all, "delivers to "+strings.Join(m.Deliver, " and "))
	}
	if len(m.Tells) > 0 {
		all = append(all, "tells "+strings.Join(m.Tells, " and "))
	}
	return strings.Join(all, ", ")
}

// forgotten is how long a node that is gone is still listed.
const forgotten = 30 * 24 * time.Hour

// members are the nodes that share the ledger, by name; none where one node has it for itself.
func members(all []ledger.Alive, self Self, now time.Time) []Member {
	var found []Member
	var living []ledger.Alive // whom the others are compared with, in the order in which they started
	for _, a := range all {
		if a.ID == "" { // of a time when there was one
			continue
		}
		one := self
		if a.ID != self.Name { // its files are on another machine
			one.ConfigHash = func(string) string { return "" }
		}
		m := Member{Name: a.ID, Roles: append([]string{}, a.Roles...), Running: running(a, one, now), HeardOf: a.SeenAt, said: a}
		if !m.Lives() && now.Sub(m.HeardOf) > forgotten {
			continue
		}
		m.own(a.Owns)
		if m.Lives() {
			m.ClockAhead = a.ClockAhead.Seconds()
			living = append(living, a)
		}
		found = append(found, m)
	}
	slices.SortStableFunc(living, func(a, b ledger.Alive) int { return a.StartedAt.Compare(b.StartedAt) })
	for i := range found {
		if m := &found[i]; m.Lives() {
			m.Differs = differing(m.said, living...)
		}
	}
	return found
}

// Compare says in what the node, if it lives, is set otherwise than one that says this of itself; "" for nothing.
func (m Member) Compare(with ledger.Alive) string {
	if !m.Lives() || m.Name == with.ID {
		return ""
	}
	return differing(m.said, with)
}

// Lives says that the node has its place among the others, be it busy with something else.
func (m Member) Lives() bool { return m.State == Runs || m.State == Hangs }

// String is "ct-1 (door, read): running since TIME ...".
func (m Member) String() string {
	text := fmt.Sprintf("%s (%s): %s", m.Name, strings.Join(m.Roles, ", "), m.Running)
	if owns := m.Owns(); owns != "" {
		text += "; " + owns
	}
	if m.ClockOff() {
		text += "; the clock of its machine is " + m.Clock() + " (keep it right: NTP)"
	}
	if m.Differs != "" {
		text += "; what becomes of a study depends on which node works on it: this one differs in " + m.Differs
	}
	return text
}

// At says what the node is at.
func (m Member) At() string {
	if m.State != Runs {
		return ""
	}
	return strings.TrimPrefix(m.reading("; reads ")+m.sending(), "; ")
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
