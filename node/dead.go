package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
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
func (n *Node) seeks(ctx context.Context) {
	if n.config.Store.Kind == config.StoreS3 && !n.config.Store.BeforeAnswer {
		return
	}
	for pause(ctx, seekLook) {
		if err := n.seek(ctx, time.Now()); err != nil && ctx.Err() == nil {
			n.log.Error("cannot look for what dead nodes took and did not record; trying again", "error", err)
		}
	}
}

// seek does so once.
func (n *Node) seek(ctx context.Context, now time.Time) error {
	nodes, err := n.ledger.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, a := range nodes {
		since, due := seekDue(a, now)
		if !due {
			continue
		}
		found, err := n.inbox.Rebuild(ctx, n.ledger, since, n.log)
		if err != nil {
			return fmt.Errorf("look for what node %s took: %w", a.ID, err)
		}
		n.log.Info("inbox looked through for what a dead node took", "node", a.ID, "since", since, "files", found.Files,
			"recorded", found.Recorded, "quarantined", found.Quarantined)
		looked := now
		if !looked.After(a.SeenAt) { // its clock was ahead
			looked = a.SeenAt.Add(time.Millisecond)
		}
		if err := n.ledger.NodeLooked(ctx, a.ID, looked); err != nil {
			return err
		}
	}
	return nil
}
