package status

import (
	"fmt"
	"slices"
)

// Lack is a role that no node has that lives.
type Lack struct {
	Role  string `json:"role"`
	Waits int    `json:"waits"` // studies, or objects and notifications, that wait for one
	Text  string `json:"text"`
}

// Remedy is what to do about it.
func (l Lack) Remedy() string {
	return fmt.Sprintf("start a node that has %q in its [node] roles; `jcsnode nodes` lists who there is", l.Role)
}

// String is "no node that lives reads studies (role read): 2 studies wait".
func (l Lack) String() string { return l.Text }

// RoleNodes counts by role the nodes that live and have it; nil where one node has the ledger for itself.
func (o Overview) RoleNodes() map[string]int {
	if len(o.Nodes) == 0 {
		return nil
	}
	count := map[string]int{"door": 0, "read": 0, "deliver": 0}
	for _, m := range o.Nodes {
		for role := range count {
			if m.Lives() && slices.Contains(m.Roles, role) {
				count[role]++
			}
		}
	}
	return count
}

// lacks are the roles that nobody has, in the order of a study's way. Where no node lives that is what there is to say.
func (o Overview) lacks() []Lack {
	if !slices.ContainsFunc(o.Nodes, Member.Lives) {
		return nil
	}
	objects, notifications := 0, 0
	for _, d := range o.Destinations {
		objects += d.Waiting
	}
	for _, w := range o.Webhooks {
		notifications += w.Waiting
	}
	toRead := o.Queue.Waiting + o.Queue.Processing
	count := o.RoleNodes()
	var all []Lack
	for _, l := range []Lack{
		{"door", 0, "no node that lives takes studies (role door): scanners cannot send"},
		{"read", toRead, fmt.Sprintf("no node that lives reads studies (role read): %s", waits(toRead, "study"))},
		{"deliver", objects + notifications, fmt.Sprintf("no node that lives delivers (role deliver): %s and %s",
			Plural(objects, "object"), waits(notifications, "notification"))},
	} {
		if count[l.Role] == 0 {
			all = append(all, l)
		}
	}
	return all
}
