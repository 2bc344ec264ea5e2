package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/ledger/postgres"
	"jcsnode/status"
)

// membership is the node's life among those that share its ledger: cluster.Member, or cluster.Alone.
type membership interface {
	Incarnation() string
	Each(ctx context.Context, run func(ctx context.Context, incarnation string) error) error
	Hold(ctx context.Context, lock string, run func(ctx context.Context) error) error
	Fenced() error
	Dead(ctx context.Context, incarnations []string) ([]string, error)
	Others(ctx context.Context, locks []string) ([]string, error)
	Now() time.Time
	Ahead() time.Duration
	Close() error
}

// join begins that life, before anything of the ledger is touched.
func (n *Node) join(ctx context.Context) (err error) {
	c := n.config
	if !c.Several() {
		n.member = cluster.NewAlone("")
		return nil
	}
	opt := cluster.Options{URL: c.Ledger.Address(), Password: c.Ledger.Password, Logger: n.log}
	if opt.ID, err = c.Node.OwnName(); err != nil {
		return err
	}
	if n.member, err = cluster.Join(ctx, opt); err != nil {
		n.member = nil // not one that is typed and nil
		return postgres.InWords(err)
	}
	n.self.ID, n.self.Roles = opt.ID, c.Node.Roles
	n.log.Info("the node takes part in the work on its ledger",
		"node", opt.ID, "roles", c.Node.Roles, "incarnation", n.member.Incarnation())
	return nil
}

func (n *Node) has(role string) bool { return slices.Contains(n.config.Node.Roles, role) }

// again is the wait before what could not be begun is tried again.
const again = 2 * time.Second

// partakes does what the node does in one incarnation, until that ends or ctx does.
func (n *Node) partakes(ctx context.Context, incarnation string) error {
	for {
		err := n.begin(ctx, incarnation)
		if err == nil {
			break
		}
		if !n.partook {
			return err
		}
		n.log.Error("the node cannot take part in the work; trying again", "error", err)
		if !pause(ctx, again) {
			return nil
		}
	}
	if !n.partook {
		n.partook = true
		close(n.partaking)
	}
	n.owns(ctx)
	n.lived = append(n.lived, incarnation)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(n.config.Node.Drain)+10*time.Second)
	defer cancel()
	err := n.ledger.StopJobs(stopping)
	if err != nil {
		n.log.Error("the work of an incarnation that is over has not ended in time", "incarnation", incarnation, "error", err)
	}
	return err
}

// begin holds the studies of open associations, which a dead one does not, before anything else. What earlier incarnations of this process
// were at when they lost the database is set back before others take that for their death.
func (n *Node) begin(ctx context.Context, incarnation string) error {
	if n.config.Several() {
		if err := n.ledger.HoldAgain(ctx, incarnation, n.door.Open); err != nil {
			return err
		}
		if err := n.ledger.ResumeJobs(ctx, n.lived...); err != nil {
			return err
		}
		n.lived = nil
	}
	return n.ledger.StartJobsAs(ctx, n.crew(incarnation), n.handlers())
}

// crew is what the node does of the work beside what it owns.
func (n *Node) crew(incarnation string) ledger.Crew {
	c := ledger.Crew{
		ClientID:     incarnation,
		Reports:      n.has(config.RoleDoor) || n.has(config.RoleDeliver),
		Destinations: DestinationNames(n.site.Load().config.Destinations),
	}
	if n.has(config.RoleRead) {
		c.Readers = n.config.Pipeline.Workers
	}
	return c
}

// handlers do the work. Whoever finds that the node may not act any more leaves it to its heir.
func (n *Node) handlers() ledger.Handlers {
	return ledger.Handlers{
		Process:       n.fencing(n.processor.Process),
		CommitmentSCP: n.fencing(n.door.Commitment.Deliver),
		Deliver: func(ctx context.Context, revisionID int64, destination string) error {
			return n.within(ctx, destinationLane(destination), func(ctx context.Context) error {
				return n.delivery.Deliver(ctx, revisionID, destination)
			})
		},
		CommitmentSCU: func(ctx context.Context, id int64) error {
			request, err := n.ledger.CommitmentSCU(ctx, id)
			if err != nil {
				return err
			}
			return n.within(ctx, destinationLane(request.Destination), func(ctx context.Context) error {
				return n.commitmentSCU.Ask(ctx, id)
			})
		},
		Notify: func(ctx context.Context, id int64) error {
			note, err := n.ledger.Notification(ctx, id)
			if err != nil {
				return err
			}
			return n.within(ctx, receiverLane(note.Receiver), func(ctx context.Context) error { return n.notifier.Notify(ctx, id) })
		},
	}
}

// fencing asks before a job begins whether the node may.
func (n *Node) fencing(do func(ctx context.Context, id int64) error) func(ctx context.Context, id int64) error {
	return func(ctx context.Context, id int64) error {
		if err := n.member.Fenced(); err != nil {
			return &ledger.RetryAfter{Delay: again, Err: err}
		}
		return do(ctx, id)
	}
}

// within does a job in a lane if the node has that to itself, and ends it with that.
func (n *Node) within(ctx context.Context, lane string, do func(ctx context.Context) error) error {
	if err := n.member.Fenced(); err != nil {
		return &ledger.RetryAfter{Delay: again, Err: err}
	}
	if !n.config.Several() {
		return do(ctx)
	}
	inside, leave, err := n.lanes.enter(ctx, lane)
	if err != nil {
		return &ledger.RetryAfter{Delay: again, Err: err}
	}
	defer leave()
	err = do(inside)
	var retry *ledger.RetryAfter
	if err != nil && inside.Err() != nil && !errors.As(err, &retry) { // not the job's fault
		return &ledger.RetryAfter{Delay: again, Err: err}
	}
	return err
}

// lock is what one node at a time has, and what it does while it has it.
type lock struct {
	name string
	run  func(ctx context.Context) error
}

// owns takes part in who owns what, until ctx ends and all that this node owned is given back.
func (n *Node) owns(ctx context.Context) {
	var all sync.WaitGroup
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.serving, cancel)()
	all.Go(func() { n.hold(serving, lock{status.LeaderLock, n.leads}) })
	holding := map[string]context.CancelCauseFunc{}
	n.orphans.look(nil, nil, n.now()) // what was seen in another incarnation counts for nothing
	look := time.NewTicker(n.orphans.every)
	defer look.Stop()
	for ctx.Err() == nil {
		locks := n.locks()
		for name, give := range holding {
			if !slices.ContainsFunc(locks, func(l lock) bool { return l.name == name }) {
				give(errGivenUp)
				delete(holding, name)
			}
		}
		for _, l := range locks {
			if holding[l.name] != nil {
				continue
			}
			held, give := context.WithCancelCause(ctx)
			defer give(nil)
			holding[l.name] = give
			all.Go(func() { n.hold(held, l) })
		}
		select {
		case <-ctx.Done():
		case <-n.partiesChanged:
		case <-look.C:
			n.seekOrphans(ctx)
		}
	}
	all.Wait()
}

// errGivenUp is why a node ends what it had in hand for a destination or a webhook that is not in its configuration any more.
var errGivenUp = errors.New("it is not in the configuration of this node any more")

// hold has the lock as often as it can be had, until ctx ends.
func (n *Node) hold(ctx context.Context, l lock) {
	for ctx.Err() == nil {
		if err := n.member.Hold(ctx, l.name, l.run); err != nil && ctx.Err() == nil {
			n.log.Error("the node cannot do what it owns; trying again", "lock", l.name, "error", err)
		}
		pause(ctx, again)
	}
}

// locks are those of lanes that the node competes for now: of its configuration, and those that nobody else has.
func (n *Node) locks() []lock {
	if !n.config.Several() || !n.has(config.RoleDeliver) {
		return nil
	}
	var all []lock
	s := n.site.Load()
	destinations, receivers := DestinationNames(s.config.Destinations), []string(nil)
	for _, w := range s.config.Webhooks {
		receivers = append(receivers, w.Name)
	}
	for _, lane := range n.orphans.ripe() {
		if name, ok := strings.CutPrefix(lane, destinationLane("")); ok && !slices.Contains(destinations, name) {
			destinations = append(destinations, name)
		}
		if name, ok := strings.CutPrefix(lane, receiverLane("")); ok && !slices.Contains(receivers, name) {
			receivers = append(receivers, name)
		}
	}
	for _, name := range destinations {
		all = append(all, n.laneLock(lane{
			name:  destinationLane(name),
			take:  func() error { return n.ledger.TakeDestination(name) },
			hurry: func(ctx context.Context) error { return n.ledger.HurryDestination(ctx, name) },
			leave: func(ctx context.Context) error { return n.ledger.LeaveDestination(ctx, name) },
		}))
	}
	for _, name := range receivers {
		all = append(all, n.laneLock(lane{
			name:  receiverLane(name),
			take:  func() error { return n.ledger.TakeReceiver(name) },
			hurry: func(ctx context.Context) error { return n.ledger.HurryReceiver(ctx, name) },
			leave: func(ctx context.Context) error { return n.ledger.LeaveReceiver(ctx, name) },
		}))
	}
	return all
}

func destinationLane(name string) string { return status.DestinationLock + name }
func receiverLane(name string) string    { return status.WebhookLock + name }

// owned are the locks that the node has of those that nodes compete for.
func (n *Node) owned() []string {
	if !n.config.Several() {
		return nil
	}
	// Where a lane that nobody has is being ended, nothing is sent.
	held := slices.DeleteFunc(n.lanes.names(), func(lane string) bool { return !n.configures(lane) })
	if n.leading.Load() {
		held = append([]string{status.LeaderLock}, held...)
	}
	return held
}

// lane is what the node does about the work for a destination or a webhook.
type lane struct {
	name  string
	take  func() error                    // begins to work on it
	hurry func(ctx context.Context) error // has all that waits in it come up
	leave func(ctx context.Context) error // ends working on it
}

// laneLock has the node work in a lane while it has the lock. What a dead one was at in there comes first. One that is not in the
// configuration it leaves as soon as what waits there has ended: a node that has it in its own may come any time.
func (n *Node) laneLock(l lane) lock {
	return lock{l.name, func(ctx context.Context) error {
		orphan := !n.configures(l.name)
		if orphan && n.mayEnd(l.name) != nil {
			return nil // ended a moment ago
		}
		if err := n.sweep(ctx); err != nil {
			return err
		}
		shut := n.lanes.open(ctx, l.name)
		defer shut()
		if err := l.take(); err != nil {
			return err
		}
		if orphan {
			n.endOrphan(ctx, l)
		} else {
			n.log.Info("the node works for a destination or a webhook from now on", "lock", l.name)
			<-ctx.Done()
		}
		if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errGivenUp) {
			return nil // the queue goes with the incarnation
		}
		shut() // waits for what is in it
		if !orphan {
			n.log.Info("the node works for a destination or a webhook no more", "lock", l.name)
		}
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWait)
		defer cancel()
		return l.leave(leaving)
	}}
}

// leaveWait bounds the wait for a queue that is given up. What it holds then is snoozed here until the incarnation ends.
const leaveWait = 10 * time.Second

// leads does what one node does for all, until ctx ends.
func (n *Node) leads(ctx context.Context) error {
	if n.config.Several() {
		n.log.Info("the node settles studies and tidies up for all from now on")
	}
	n.settling.beat()
	n.leading.Store(true)
	defer n.leading.Store(false)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.settler.Run(ctx) })
	g.Go(func() error { return n.tidies(ctx) })
	g.Go(func() error { return n.stuck.Run(ctx) })
	if n.config.Several() {
		g.Go(func() error { n.sweeps(ctx); return nil })
		g.Go(func() error { n.seeks(ctx); return nil })
		g.Go(func() error { n.watchRoles(ctx); return nil })
	}
	return g.Wait()
}

// sweepEvery is how often what dead nodes left is looked for.
const sweepEvery = 5 * time.Second

// sweeps does so until ctx ends.
func (n *Node) sweeps(ctx context.Context) {
	for {
		if err := errors.Join(n.sweep(ctx), n.mourn(ctx)); err != nil && ctx.Err() == nil {
			n.log.Error("cannot look for what dead nodes left; trying again", "error", err)
		}
		if !pause(ctx, sweepEvery) {
			return
		}
	}
}

// sweep has what dead incarnations left running done by the living.
func (n *Node) sweep(ctx context.Context) error {
	n.sweeping.Lock()
	defer n.sweeping.Unlock()
	working, err := n.ledger.AtWork(ctx)
	if err != nil {
		return err
	}
	holding, err := n.ledger.Holders(ctx)
	if err != nil || len(working)+len(holding) == 0 {
		return err
	}
	dead, err := n.member.Dead(ctx, append(working, holding...))
	if err != nil || len(dead) == 0 {
		return err
	}
	return errors.Join(n.ledger.RecoverJobs(ctx, dead...), n.ledger.FreeHolds(ctx, dead...))
}

// pause waits, and says whether ctx lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
