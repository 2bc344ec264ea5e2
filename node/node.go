package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
}

// Node is the running program: every part, wired.
type Node struct {
	config        config.Config // as of the start
	site          atomic.Pointer[site]
	moved         chan struct{} // another site has come
	ready         func()
	settling      pulse
	version       string
	log           *slog.Logger
	ledger        *ledger.Ledger
	store         files
	ahead         *tier.Store // the disk in front of a store elsewhere, nil without one
	inbox         *scp.Inbox
	runtime       *models.Runtime
	door          *scp.Door
	server        *dimse.Server
	settler       *pipeline.Settler
	processor     *pipeline.Processor
	delivery      *dicomout.DeliveryWorker
	commitmentSCU *dicomout.CommitmentSCU
	notifier      *notify.Notifier
	stuck         *notify.Watch
	retention     *pipeline.Retention
	filesLacking  bool         // the start has looked for all files, since some are missing
	self          ledger.Alive // what it said of itself last
	life          life
	configHash    atomic.Pointer[string] // of the file that all of what runs is taken from
	views         status.Reader
	web           *web.Server // nil without a page, as are the next three
	webListener   net.Listener
	trial         *try.Desk // nil without [web.try]
	ownWeb        *secure.Identity
	meter         *metrics.Meter
	metrics       *metrics.Server // nil without [metrics], as is the next one
	metricsPort   net.Listener
	draining      atomic.Bool
	own           *secure.Identity // of the TLS listener, nil without one
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
	return &Node{config: c, moved: make(chan struct{}, 1), version: version, log: log, meter: metrics.NewMeter(time.Now)}
}

// Open makes every part and recovers what a crash left, before any port is open. The caller runs or closes the node.
func Open(ctx context.Context, c config.Config, opt Options) (*Node, error) {
	n := newNode(c, opt.Version, opt.Logger)
	n.ready = opt.Ready
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.processor.Progress = opt.Progress
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	c := n.config
	n.log.Info("jcsnode starts", "version", n.version, "config", c.Path, "data_dir", c.Node.DataDir, "notice", findings.Notice)
	// First of all the ledger, which only one node can have: a second one must not change or occupy anything of the first.
	n.ledger, err = OpenLedger(ctx, c, ledger.Options{
		Logger:         n.log,
		Receivers:      subscriptions(c.Webhooks),
		CommitmentFrom: CommitmentFrom(c.Destinations),
		LongestWait:    longestWait(c.Destinations),
	})
	if err != nil {
		return err
	}
	since, err := n.begins(ctx)
	if err != nil {
		return err
	}
	if err := try.Clear(trialDir(c)); err != nil {
		return err
	}
	if n.runtime, err = OpenNetworks(c.Models, n.log); err != nil {
		return err
	}
	if n.store, n.ahead, err = openFiles(c, n.ledger, n.log); err != nil {
		return err
	}
	n.inbox = scp.NewInbox(n.store, scp.InboxOptions{
		ImplementationClassUID:    object.ImplementationClassUID,
		ImplementationVersionName: object.ImplementationVersionName,
		At:                        n.alone,
	})
	rebuilt, err := n.inbox.Rebuild(ctx, n.ledger, since, n.log)
	if err != nil {
		return err
	}
	n.log.Info("inbox compared with the ledger", "files", rebuilt.Files, "recorded", rebuilt.Recorded, "quarantined", rebuilt.Quarantined)
	if err := n.compareFiles(ctx); err != nil {
		return err
	}
	return n.wire(n.runtime)
}

// Device is what the networks run on.
func (n *Node) Device() string { return n.runtime.Device() }

// Run serves on the listeners until ctx ends, then drains and closes everything, them included.
func (n *Node) Run(ctx context.Context, listeners ...net.Listener) error {
	handlers := ledger.Handlers{
		Process:       n.processor.Process,
		Deliver:       n.delivery.Deliver,
		CommitmentSCP: n.door.Commitment.Deliver,
		Notify:        n.notifier.Notify,
		CommitmentSCU: n.commitmentSCU.Ask,
	}
	destinations := DestinationNames(n.site.Load().config.Destinations)
	if err := n.ledger.StartJobs(ctx, handlers, n.config.Pipeline.Workers, destinations...); err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return errors.Join(err, n.Close())
	}
	g, serving := errgroup.WithContext(ctx)
	for _, l := range listeners {
		g.Go(func() error { return n.server.Serve(serving, l) })
	}
	for _, i := range []*secure.Identity{n.own, n.ownWeb} {
		if i != nil {
			g.Go(func() error { i.Watch(serving, time.Duration(n.config.TLS.ExpiryWarning)); return nil })
		}
	}
	g.Go(func() error { return n.lives(serving) })
	g.Go(func() error { return n.watchCertificates(serving) })
	n.settling.beat()
	if n.webListener != nil {
		g.Go(func() error { return n.runWeb(serving) })
		g.Go(func() error { return n.runTrials(serving) })
	}
	g.Go(func() error { return n.settler.Run(serving) })
	g.Go(func() error { return n.inbox.Watch(serving, n.log, time.Now) })
	g.Go(func() error { return n.tidies(serving) })
	if n.ahead != nil {
		g.Go(func() error { return n.ahead.Run(serving) })
		g.Go(func() error { return n.watchPlaces(serving) })
	}
	g.Go(func() error { return n.stuck.Run(serving) })
	if n.ready != nil {
		n.ready()
	}
	watched := n.runMetrics(ctx)
	err := g.Wait()
	n.log.Info("stopping: what is unfinished goes on at the next start")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(n.config.Node.Drain)+10*time.Second)
	defer cancel()
	err = errors.Join(err, n.ledger.StopJobs(stopping))
	watched()
	err = errors.Join(err, n.Close())
	if err == nil {
		n.log.Info("stopped")
	}
	return err
}

// tidies looks for the files of older studies, which the start has left out, and removes from then on what is to go, until ctx ends.
func (n *Node) tidies(ctx context.Context) error {
	if !n.filesLacking {
		if _, err := pipeline.CheckFiles(ctx, n.ledger, n.store, n.log, 0); err != nil && ctx.Err() == nil {
			n.log.Error("cannot look for the files of older studies; the next start looks again", "error", err)
		}
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
	if n.runtime != nil {
		errs = append(errs, n.runtime.Close())
	}
	return errors.Join(errs...)
}
