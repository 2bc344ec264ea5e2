package node

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
)

const (
	// orphansEvery is how often a node looks for what waits for nobody.
	orphansEvery = 10 * time.Second
	// orphanPatience is how long something waits for a destination or a webhook that no living node has in its configuration: the node
	// that has it may be down, or not have read its new configuration yet.
	orphanPatience = 10 * time.Minute
	// orphanEnding is for how long a node has such a lane at most, to end what waits there.
	orphanEnding = time.Minute
	// orphanPause is between two looks whether all of that has ended.
	orphanPause = 200 * time.Millisecond
)

// orphans are lanes in which something waits, that are not in this node's configuration, and that no other node has.
type orphans struct {
	every, patience time.Duration

	mu    sync.Mutex           // guards what follows
	since map[string]time.Time // when that was first seen
	old   []string             // for as long as the patience lasts
}

// look notes what was seen: lanes that are not in the configuration and in which something waits, and those of them that others have. News
// are lanes that are orphans for the first time.
func (o *orphans) look(waiting, others []string, now time.Time) (news []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.since
	o.since, o.old = map[string]time.Time{}, nil
	for _, lane := range waiting {
		if slices.Contains(others, lane) {
			continue
		}
		since, known := before[lane]
		if !known {
			since = now
			news = append(news, lane)
		}
		o.since[lane] = since
		if now.Sub(since) >= o.patience {
			o.old = append(o.old, lane)
		}
	}
	return news
}

// ripe are those that have waited for long enough: who takes them ends what waits.
func (o *orphans) ripe() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.old)
}

// forget has the patience for a lane begin anew.
func (o *orphans) forget(lane string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.since, lane)
	o.old = slices.DeleteFunc(o.old, func(one string) bool { return one == lane })
}

// seekOrphans looks for them now.
func (n *Node) seekOrphans(ctx context.Context) {
	if !n.config.Several() || !n.has(config.RoleDeliver) {
		return
	}
	waiting, err := n.unconfigured(ctx)
	var others []string
	if err == nil && len(waiting) > 0 {
		others, err = n.member.Others(ctx, waiting)
	}
	if err != nil {
		if ctx.Err() == nil {
			n.log.Error("cannot look for what waits for destinations and webhooks that no node has; trying again", "error", err)
		}
		return
	}
	for _, lane := range n.orphans.look(waiting, others, n.now()) {
		n.log.Warn("something waits for a destination or a webhook that no running node has in its configuration; it ends if none gets it",
			"lock", lane, "in", n.orphans.patience.String(), "remedy", "put it into the configuration of a node and reload that (SIGHUP)")
	}
}

// unconfigured are the lanes in which something waits, and that are not in the configuration of this node.
func (n *Node) unconfigured(ctx context.Context) (lanes []string, err error) {
	destinations, receivers, err := n.ledger.Awaited(ctx)
	if err != nil {
		return nil, err
	}
	waiting := map[string]bool{}
	for _, name := range destinations {
		waiting[destinationLane(name)] = true
	}
	for _, name := range receivers {
		waiting[receiverLane(name)] = true
	}
	maps.DeleteFunc(waiting, func(lane string, _ bool) bool { return n.configures(lane) })
	return slices.Sorted(maps.Keys(waiting)), nil
}

// configures says whether a lane is in the configuration of this node.
func (n *Node) configures(lane string) bool {
	c := n.site.Load().config
	return slices.ContainsFunc(c.Destinations, func(d config.Destination) bool { return destinationLane(d.Name) == lane }) ||
		slices.ContainsFunc(c.Webhooks, func(w config.Webhook) bool { return receiverLane(w.Name) == lane })
}

// endOrphan has the jobs of a lane that was taken, and that no node has, end what waits there, even what was to wait for hours: whoever
// comes back with it in its configuration would not get it meanwhile, and what that makes would end here, too.
func (n *Node) endOrphan(ctx context.Context, l lane) {
	n.log.Warn("what waits for a destination or a webhook that no running node has in its configuration ends", "lock", l.name)
	ctx, cancel := context.WithTimeout(ctx, orphanEnding)
	defer cancel()
	err := l.hurry(ctx)
	for err == nil && pause(ctx, orphanPause) {
		var waiting []string
		if waiting, err = n.unconfigured(ctx); !slices.Contains(waiting, l.name) {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		n.log.Error("cannot end all of it; trying again after the same time", "lock", l.name, "error", err)
	}
	n.orphans.forget(l.name)
	n.changed()
}

// mayEnd says why what waits in a lane that is not in the configuration does not end here now. The configuration may have changed a moment
// ago, and another node may have it still.
func (n *Node) mayEnd(lane string) error {
	if !n.config.Several() || slices.Contains(n.orphans.ripe(), lane) {
		return nil
	}
	return &ledger.RetryAfter{Delay: again, Err: errElsewhere}
}
