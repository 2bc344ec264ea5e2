package node

import (
	"context"
	"time"

	"jcsnode/status"
)

// rolesEvery is how often the node that leads looks whether each role is somebody's.
const rolesEvery = 30 * time.Second

// roleWatch keeps which roles were nobody's: how often in a row that was seen.
type roleWatch map[string]int

// look takes what is seen now. News are roles that are nobody's for the second time, which is no restart of the only node that has one;
// back are those of which that was told and that have somebody again.
func (w roleWatch) look(lacks []status.Lack) (news []status.Lack, back []string) {
	lacking := map[string]bool{}
	for _, l := range lacks {
		lacking[l.Role] = true
		if w[l.Role]++; w[l.Role] == 2 {
			news = append(news, l)
		}
	}
	for role, times := range w {
		if lacking[role] {
			continue
		}
		if times > 1 {
			back = append(back, role)
		}
		delete(w, role)
	}
	return news, back
}

// watchRoles tells of roles that are nobody's, until ctx ends.
func (n *Node) watchRoles(ctx context.Context) {
	watch := roleWatch{}
	for pause(ctx, rolesEvery) {
		o, err := n.views.Overview(ctx)
		if err != nil {
			continue // of a ledger that is away others tell
		}
		news, back := watch.look(o.Lacks)
		for _, l := range news {
			n.log.Warn("a role is nobody's: "+l.String(), "role", l.Role, "waits", l.Waits, "remedy", l.Remedy())
		}
		for _, role := range back {
			n.log.Info("a node has the role again", "role", role)
		}
	}
}
