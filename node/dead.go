package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/scp"
)

// mourn tells of nodes that died, each once.
func (n *Node) mourn(ctx context.Context) error {
	nodes, err := n.ledger.Nodes(ctx)
	if err != nil {
		return err
	}
	var lives []string
	for _, a := range nodes {
		if a.Incarnation != "" && a.StoppedAt.IsZero() {
			lives = append(lives, a.Incarnation)
		}
	}
	dead, err := n.member.Dead(ctx, lives)
	if err != nil {
		return err
	}
	for _, a := range nodes {
		if !slices.Contains(dead, a.Incarnation) {
			continue
		}
		text := fmt.Sprintf("node %s ended without stopping, or cannot reach the database: its last sign of life was at %s. "+
			"What it was at goes on at the others", a.ID, a.SeenAt.Format(time.RFC3339))
		news, err := n.ledger.NodeDied(ctx, a.ID, a.Incarnation, text)
		if err != nil {
			return err
		}
		if news {
			n.log.Error("another node is dead", "node", a.ID, "incarnation", a.Incarnation, "seen_at", a.SeenAt, "process", a.PID,
				"remedy", "look at that machine and at the log there; what it was at goes on at the others")
		}
	}
	return nil
}

// A node that died may have answered for instances whose rows it could not write any more, as while the database was away. A start looks
// for them; for one that is not started again the leader does: after seekAfter, since a killed one is back before that, and every
// seekEvery for seekFor, since who is dead for the others may only be cut off from the database and go on taking instances.
const (
	seekAfter = 2 * time.Minute
	seekEvery = time.Hour
	seekFor   = 24 * time.Hour
	seekLook  = 30 * time.Second // between two looks for nodes that this is due for
)

// seekDue says whether to look for what a node took, and from when on what came may lack its row.
func seekDue(a ledger.Alive, now time.Time) (since time.Time, due bool) {
	dead := a.Incarnation == "" && a.StoppedAt.IsZero() && !a.StartedAt.IsZero()
	if !dead || now.Sub(a.SeenAt) < seekAfter {
		return since, false
	}
	if a.LookedAt.After(a.SeenAt) { // since it died
		return a.LookedAt.Add(-overlap), a.LookedAt.Sub(a.SeenAt) < seekFor && now.Sub(a.LookedAt) >= seekEvery
	}
	if a.RecordedAt.IsZero() {
		return a.StartedAt.Add(-overlap), true
	}
	return a.RecordedAt.Add(-overlap), true
}

// seeks looks for what dead nodes took until ctx ends, where others see it: what waits for an object store is on the dead one's disk alone.
// What could not be looked at, or is left for later, waits longer each time: a look reads all that the ledger lacks.
func (n *Node) seeks(ctx context.Context) {
	if n.config.Store.Kind == config.StoreS3 && !n.config.Store.BeforeAnswer {
		return
	}
	for wait := seekLook; ; {
		done, err := n.seek(ctx, n.now())
		if err != nil && ctx.Err() == nil {
			n.log.Error("cannot look for what dead nodes took and did not record; trying again", "in", nextLook(wait, done), "error", err)
		}
		if wait = nextLook(wait, done); !pause(ctx, wait) {
			return
		}
	}
}

// nextLook is the wait after one look for the next one.
func nextLook(wait time.Duration, done bool) time.Duration {
	if done {
		return seekLook
	}
	return min(2*wait, seekEvery)
}

// seek does so once, for all nodes that it is due for. done says that nothing is left for later.
func (n *Node) seek(ctx context.Context, now time.Time) (done bool, err error) {
	nodes, err := n.ledger.Nodes(ctx)
	if err != nil {
		return false, err
	}
	span, due := scp.Span{To: now.Add(-n.atWork())}, map[string]time.Time{}
	for _, a := range nodes {
		since, is := seekDue(a, now)
		if !is {
			continue
		}
		due[a.ID] = now
		if !now.After(a.SeenAt) { // its clock was ahead
			due[a.ID] = a.SeenAt.Add(time.Millisecond)
		}
		if len(due) == 1 || since.Before(span.From) {
			span.From = since
		}
	}
	if len(due) == 0 {
		return true, nil
	}
	names := slices.Sorted(maps.Keys(due))
	found, err := n.inbox.Rebuild(ctx, n.ledger, span, n.log)
	if err != nil {
		return false, fmt.Errorf("look for what %s took: %w", strings.Join(names, ", "), err)
	}
	n.log.Info("inbox looked through for what dead nodes took", "nodes", names, "since", span.From, "files", found.Files,
		"recorded", found.Recorded, "quarantined", found.Quarantined, "unreadable", found.Unreadable, "left_studies", found.Left)
	if found.Left > 0 {
		return false, nil
	}
	for id, looked := range due {
		err = errors.Join(err, n.ledger.NodeLooked(ctx, id, looked))
	}
	return err == nil, err
}

// atWork is how old the newest instance of a study must be for nobody to be at it any more. A node that is cut off from the database goes
// on receiving what it cannot record, and others have some in their queues: the ledger's holds say nothing of either.
func (n *Node) atWork() time.Duration {
	longest := max(time.Minute, time.Duration(n.config.Settle.Quiet))
	for _, p := range n.config.Peers {
		longest = max(longest, time.Duration(p.Quiet))
	}
	return longest
}
