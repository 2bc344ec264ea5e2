package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/dimse/secure"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/metrics"
	"jcsnode/models"
	"jcsnode/notify"
	"jcsnode/pipeline"
	"jcsnode/scp"
	"jcsnode/status"
	"jcsnode/store/tier"
	"jcsnode/web"
	"jcsnode/web/try"
)

// Options are what a node is told beside its configuration.
type Options struct {
	Version  string            // of the program
	Progress pipeline.Progress // of studies that are read; may be nil
	Ready    func()            // called once everything works; may be nil
	Logger   *slog.Logger

	// Networks puts something around those that read studies, to measure what is not theirs; may be nil.
	Networks func(pipeline.Networks) pipeline.Networks
}

// Node is the running program: every part, wired.
type Node struct {
	config         config.Config // as of the start
	site           atomic.Pointer[site]
	moved          chan struct{} // another site has come
	ready          func()
	settling       pulse
	databaseAway   pulse // seen when it was
	version        string
	log            *slog.Logger
	member         membership
	partook        bool          // it has once done so, see partakes
	lived          []string      // incarnations that this process had before and whose work is not set back yet
	partaking      chan struct{} // closed from then on
	partiesChanged chan struct{}
	serving        context.Context // ends when the node takes nothing new
	lanes          lanes
	orphans        orphans
	sweeping       sync.Mutex
	leading        atomic.Bool
	ledger         *ledger.Ledger
	store          files
	ahead          *tier.Store // the disk in front of a store elsewhere, nil without one
	inbox          *scp.Inbox
	runtime        *models.Runtime
	door           *scp.Door
	server         *dimse.Server
	settler        *pipeline.Settler
	processor      *pipeline.Processor
	delivery       *dicomout.DeliveryWorker
	commitmentSCU  *dicomout.CommitmentSCU
	notifier       *notify.Notifier
	stuck          *notify.Watch
	retention      *pipeline.Retention
	allLooked      bool         // for all files has been looked: at the start, since some are missing, or later
	self           ledger.Alive // what it said of itself last
	starting       func()       // ends the signs of life of the start
	life           life
	clock          clockWatch
	configHash     atomic.Pointer[string] // of the file that all of what runs is taken from
	views          status.Reader
	web            *web.Server // nil without a page, as are the next three
	webListener    net.Listener
	trial          *try.Desk // nil without [web.try]
	ownWeb         *secure.Identity
	meter          *metrics.Meter
	metrics        *metrics.Server // nil without [metrics], as is the next one
	metricsPort    net.Listener
	draining       atomic.Bool
	folder         *os.File         // locked: data_dir
	own            *secure.Identity // of the TLS listener, nil without one
}

// Dialer is how the program opens associations.
func Dialer(callingAETitle string, timeout time.Duration) *dimse.Dialer {
	return &dimse.Dialer{
		CallingAETitle:         callingAETitle,
		ImplementationClassUID: object.ImplementationClassUID,
		ImplementationVersion:  object.ImplementationVersionName,
		Timeouts:               dimse.Timeouts{Connect: timeout, Request: timeout, Response: timeout},
	}
}

func newNode(c config.Config, version string, log *slog.Logger) *Node {
	return &Node{config: c, moved: make(chan struct{}, 1), partiesChanged: make(chan struct{}, 1), partaking: make(chan struct{}),
		orphans: orphans{every: orphansEvery, patience: orphanPatience},
		member:  cluster.NewAlone(""), version: version, log: log, meter: metrics.NewMeter(time.Now)}
}

// Open makes every part and recovers what a crash left, before any port is open. The caller runs or closes the node.
func Open(ctx context.Context, c config.Config, opt Options) (*Node, error) {
	n := newNode(c, opt.Version, opt.Logger)
	n.ready = opt.Ready
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.processor.Progress = opt.Progress
	if opt.Networks != nil {
		n.processor.Networks = opt.Networks(n.processor.Networks)
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	c := n.config
	n.log.Info("jcsnode starts", "version", n.version, "config", c.Path, "data_dir", c.Node.DataDir, "notice", findings.Notice)
	for _, s := range c.Secrets() {
		if s.Open() {
			n.log.Warn("everybody on this machine can read a secret", "key", s.Key, "file", s.Path, "remedy", closeSecret)
		}
	}
	if n.folder, err = lockFolder(c.Node.DataDir); err != nil {
		return err
	}
	// Then who the node is, and the ledger, which one node alone can have, or nodes that know of each other: another one must not
	// change or occupy anything of theirs.
	if err := n.join(ctx); err != nil {
		return err
	}
	n.ledger, err = OpenLedger(ctx, c, ledger.Options{
		Now:            n.now,
		JobsNow:        n.now,
		Logger:         n.log,
		Receivers:      subscriptions(c.Webhooks),
		CommitmentFrom: CommitmentFrom(c.Destinations),
		LongestWait:    longestWait(c.Destinations),
		Shared:         c.Several(),
		Destinations:   DestinationNames(c.Destinations),
	})
	if err != nil {
		return err
	}
	since, behind, err := n.begins(ctx)
	if err != nil {
		return err
	}
	if err := try.Clear(trialDir(c)); err != nil {
		return err
	}
	networks, err := n.openNetworks()
	if err != nil {
		return err
	}
	if n.store, n.ahead, err = openFiles(c, n.ledger, behind, n.log); err != nil {
		return err
	}
	if behind && n.ahead != nil && !since.IsZero() {
		n.log.Info("the ledger may be older than data_dir, as after a restore: the object store is looked through, too", "since", since)
	}
	n.inbox = scp.NewInbox(n.store, scp.InboxOptions{
		ImplementationClassUID:    object.ImplementationClassUID,
		ImplementationVersionName: object.ImplementationVersionName,
		At:                        n.alone,
	})
	rebuilt, err := n.inbox.Rebuild(ctx, n.ledger, scp.Span{From: since}, n.log)
	if err != nil {
		return err
	}
	n.log.Info("inbox compared with the ledger", "files", rebuilt.Files, "recorded", rebuilt.Recorded, "quarantined", rebuilt.Quarantined,
		"unreadable", rebuilt.Unreadable)
	if err := n.compareFiles(ctx); err != nil {
		return err
	}
	return n.wire(networks)
}

// openNetworks loads the networks, if the node is to read studies.
func (n *Node) openNetworks() (_ Networks, err error) {
	if !n.has(config.RoleRead) {
		return noNetworks{}, nil
	}
	n.runtime, err = OpenNetworks(n.config.Models, n.log)
	return n.runtime, err
}

// Device is what the networks run on.
func (n *Node) Device() string {
	if n.runtime == nil {
		return status.NoDevice
	}
	return n.runtime.Device()
}

// Run serves on the listeners until ctx ends, then drains and closes everything, them included.
func (n *Node) Run(ctx context.Context, listeners ...net.Listener) error {
	g, serving := errgroup.WithContext(ctx)
	n.serving = serving
	working, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	worked := make(chan error, 1)
	go func() { worked <- n.member.Each(working, n.partakes) }()
	select {
	case <-n.partaking:
	case err := <-worked:
		for _, l := range listeners {
			l.Close()
		}
		return errors.Join(err, n.Close())
	}
	living, endLife := context.WithCancel(context.WithoutCancel(ctx)) // while it drains, too
	defer endLife()
	var life errgroup.Group
	life.Go(func() error { return n.lives(living) })
	for _, l := range listeners {
		g.Go(func() error { return n.server.Serve(serving, l) })
	}
	for _, i := range []*secure.Identity{n.own, n.ownWeb} {
		if i != nil {
			g.Go(func() error { i.Watch(serving, time.Duration(n.config.TLS.ExpiryWarning)); return nil })
		}
	}
	g.Go(func() error { return n.watchCertificates(serving) })
	if n.webListener != nil {
		g.Go(func() error { return n.runWeb(serving) })
		g.Go(func() error { return n.runTrials(serving) })
	}
	g.Go(func() error { return n.inbox.Watch(serving, n.log, time.Now) })
	if n.ahead != nil {
		g.Go(func() error { return n.ahead.Run(serving) })
		g.Go(func() error { return n.watchPlaces(serving) })
	}
	g.Go(func() error { // nothing of it ends by itself, unless it cannot begin
		select {
		case <-serving.Done():
			return nil
		case err := <-worked:
			worked <- err
			return err
		}
	})
	if n.ready != nil {
		n.ready()
	}
	watched := n.runMetrics(ctx)
	err := g.Wait()
	n.log.Info("stopping: what is unfinished goes on at the next start")
	endWork()
	if e := <-worked; !errors.Is(err, e) {
		err = errors.Join(err, e)
	}
	endLife()
	err = errors.Join(err, life.Wait())
	n.takesUp(ctx)
	watched()
	err = errors.Join(err, n.Close())
	if err == nil {
		n.log.Info("stopped")
	}
	return err
}

// tidies looks once for the files of older studies, which the start has left out, and removes from then on what is to go, until ctx ends.
func (n *Node) tidies(ctx context.Context) error {
	if !n.allLooked {
		err := n.elsewhere(ctx)
		if err == nil {
			_, err = pipeline.CheckFiles(ctx, n.ledger, n.store, n.log, 0)
		}
		if err != nil && ctx.Err() == nil {
			n.log.Error("cannot look for the files of older studies; the next start looks again", "error", err)
		}
		n.allLooked = ctx.Err() == nil // not by one that lost its place meanwhile
	}
	return n.retention.Run(ctx)
}

// Close closes what is open, of a node that does not run.
func (n *Node) Close() error {
	var errs []error
	if n.webListener != nil {
		n.webListener.Close() // closed already, of a node that ran
	}
	if n.metricsPort != nil {
		n.metricsPort.Close() // likewise
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.ledger != nil {
		n.ends()
		errs = append(errs, n.ledger.Close())
	}
	if n.member != nil {
		errs = append(errs, n.member.Close())
	}
	if n.runtime != nil {
		errs = append(errs, n.runtime.Close())
	}
	if n.folder != nil {
		errs = append(errs, n.folder.Close())
	}
	return errors.Join(errs...)
}
