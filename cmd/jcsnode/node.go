package main

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"jcsnode/findings"

	"golang.org/x/sync/errgroup"

	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dimse"
	"jcsnode/dimse/secure"
	"jcsnode/ledger"
	"jcsnode/models"
	"jcsnode/notify"
	"jcsnode/pipeline"
	"jcsnode/scp"
)

// commitmentTimeout bounds each wait of a storage commitment report on an association of ours.
const commitmentTimeout = 30 * time.Second

// commitmentLinger is how long a destination may take to report on the association on which we asked it.
const commitmentLinger = 5 * time.Second

// node is the running program: every part, wired.
type node struct {
	config    config.Config
	log       *slog.Logger
	ledger    *ledger.Ledger
	inbox     *scp.Inbox
	runtime   *models.Runtime
	door      *scp.Door
	server    *dimse.Server
	settler   *pipeline.Settler
	processor *pipeline.Processor
	courier   *dicomout.DeliveryWorker
	confirmer *dicomout.CommitmentSCU
	notifier  *notify.Notifier
	watch     *notify.Watch
	keeper    *pipeline.Retention
	own       *secure.Identity   // of the TLS listener, nil without one
	watched   []*secure.Identity // whose certificates expire
}

// openNode makes every part and recovers what a crash left, before any port is open.
func openNode(ctx context.Context, cfg config.Config, log *slog.Logger) (n *node, err error) {
	n = &node{config: cfg, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	log.Info("jcsnode starts", "version", version, "config", cfg.Path, "data_dir", cfg.Node.DataDir, "notice", findings.Notice)
	// First of all the ledger, which only one node can have: a second one must not change or occupy anything of the first.
	if n.ledger, err = ledger.Open(ctx, ledgerPath(cfg), ledger.Options{Logger: log, Receivers: ledgerReceivers(cfg.Webhooks), Confirming: confirming(cfg.Destinations),
		LongestWait: longestWait(cfg.Destinations)}); err != nil {
		return n, err
	}
	n.runtime, err = models.Open(cfg.Models.Dir, modelOptions(cfg.Models), log)
	if err != nil {
		return n, err
	}
	n.inbox, err = scp.OpenInbox(cfg.Node.DataDir, scp.InboxOptions{ReserveBytes: int64(cfg.Node.Reserve),
		ImplementationClassUID: implementationClassUID, ImplementationVersionName: implementationVersion})
	if err != nil {
		return n, err
	}
	rebuilt, err := n.inbox.Rebuild(ctx, n.ledger, log)
	if err != nil {
		return n, err
	}
	log.Info("inbox compared with the ledger", "files", rebuilt.Files, "recorded", rebuilt.Recorded, "quarantined", rebuilt.Quarantined)
	if _, err := pipeline.CheckFiles(ctx, n.ledger, cfg.Node.DataDir, log); err != nil {
		return n, err
	}
	return n, n.wire(n.runtime.Manifest(), n.runtime.Workers(), n.runtime.Engine())
}

// longestWait is the longest that a delivery or a confirmation is put off by the configuration.
func longestWait(destinations []config.Destination) time.Duration {
	longest := time.Duration(0)
	for _, d := range destinations {
		longest = max(longest, time.Duration(d.RetryLongest), time.Duration(d.CommitmentWait))
	}
	return longest
}

// wire makes the parts that work on others. Of the networks it knows what they are, on how many at a time they run, and on what.
func (n *node) wire(manifest models.Manifest, workers int, engine string) error {
	c := n.config
	settings, err := doorSettings(c)
	if err != nil {
		return err
	}
	if c.TLS.Listen != "" {
		if n.own, err = n.identity("listener", secure.Files{Certificate: c.TLS.Certificate, Key: c.TLS.Key, Authorities: c.TLS.ClientCA}); err != nil {
			return err
		}
	}
	n.door = scp.NewDoor(settings, n.inbox, n.ledger, n.log, time.Now)
	addresses, err := n.reportAddresses()
	if err != nil {
		return err
	}
	n.door.Commitment = &scp.CommitmentSCP{Ledger: n.ledger, Addresses: addresses, Dialer: *dialer("", commitmentTimeout), Now: time.Now, Logger: n.log}
	n.server = &dimse.Server{
		Admit: n.door.Admit, Accept: n.door.Accept, GrantSCP: n.door.GrantSCP, Handler: n.door,
		MaxPDULength: uint32(c.Node.MaxPDU), MaxAssociations: c.Node.MaxAssociations, MaxAssociationsPerPeer: c.Node.MaxAssociationsPerPeer,
		MinRate:                int64(c.Node.MinRate),
		Timeouts:               dimse.Timeouts{Drain: time.Duration(c.Node.Drain)},
		ImplementationClassUID: implementationClassUID, ImplementationVersion: implementationVersion,
		Logger: n.log,
	}
	n.settler = &pipeline.Settler{
		Ledger: n.ledger,
		Holds:  func(study string) bool { held, _ := n.door.Holds(study); return held },
		Quiet:  time.Duration(c.Settle.Quiet), QuietOf: quietOf(c.Peers), Limit: time.Duration(c.Settle.Limit),
		Now: time.Now, Logger: n.log,
	}
	n.keeper = &pipeline.Retention{Ledger: n.ledger, DataDir: c.Node.DataDir, For: time.Duration(c.Keep.Days) * 24 * time.Hour,
		Remove: n.inbox.Remove, Now: time.Now, Logger: n.log}
	set := cascadeSettings(c, manifest, workers)
	maker := &objectMaker{config: c, manifest: manifest, settings: set, engine: engine, replaced: replacedObjects(n.ledger)}
	n.processor = &pipeline.Processor{
		Ledger: n.ledger, DataDir: c.Node.DataDir,
		Networks: pipeline.Networks{Classifier: n.runtime, Segmenter: n.runtime},
		Settings: set, Models: reportModels(manifest, engine),
		Build: func(ctx context.Context, x *pipeline.Examination, id pipeline.Identity, emit func(pipeline.Made) error) error {
			id.Time = id.Time.Local() // dates and times as people here read them
			err := maker.build(ctx, x, id, func(m pipeline.Made, _ image.Image) error { return emit(m) })
			if errors.Is(err, errNoSource) {
				return nil // the reason stands in the ledger
			}
			return err
		},
		Omissions: omissionsOf,
		Logger:    n.log,
	}
	n.courier = &dicomout.DeliveryWorker{Ledger: n.ledger, DataDir: c.Node.DataDir, Now: time.Now, Random: rand.Float64, Logger: n.log}
	for _, d := range c.Destinations {
		destination := destinationOf(d)
		if d.TLS {
			identity, err := n.identity("destination "+d.Name, secure.Files{Certificate: d.Certificate, Key: d.Key, Authorities: d.CA})
			if err != nil {
				return err
			}
			destination.TLS = identity.Client(d.TLSName)
		}
		n.courier.Destinations = append(n.courier.Destinations, destination)
	}
	n.confirmer = &dicomout.CommitmentSCU{Ledger: n.ledger, Destinations: n.courier.Destinations, Linger: commitmentLinger, Now: time.Now, Logger: n.log}
	if len(confirming(c.Destinations)) > 0 {
		n.door.Reports = n.confirmer.Take
	}
	if len(c.Destinations) == 0 {
		n.log.Warn("no [[destination]] is configured: results stay here")
	}
	return n.wireNotify()
}

// run serves on the listeners until ctx ends, then drains and closes everything, them included.
func (n *node) run(ctx context.Context, listeners ...net.Listener) error {
	handlers := ledger.Handlers{Process: n.processor.Process, Deliver: n.courier.Deliver, Commit: n.door.Commitment.Deliver, Notify: n.notifier.Notify,
		Confirm: n.confirmer.Confirm}
	if err := n.ledger.StartJobs(ctx, handlers, n.config.Pipeline.Workers, destinationNames(n.config)...); err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return errors.Join(err, n.close())
	}
	g, serving := errgroup.WithContext(ctx)
	for _, l := range listeners {
		g.Go(func() error { return n.server.Serve(serving, l) })
	}
	for _, i := range n.watched {
		g.Go(func() error { i.Watch(serving, time.Duration(n.config.TLS.ExpiryWarning)); return nil })
	}
	g.Go(func() error { return n.settler.Run(serving) })
	g.Go(func() error { return n.inbox.Watch(serving, n.log, time.Now) })
	g.Go(func() error { return n.keeper.Run(serving) })
	if len(n.config.Webhooks) > 0 {
		g.Go(func() error { return n.watch.Run(serving) })
	}
	err := g.Wait()
	n.log.Info("stopping: what is unfinished goes on at the next start")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(n.config.Node.Drain)+10*time.Second)
	defer cancel()
	err = errors.Join(err, n.ledger.StopJobs(stopping), n.close())
	if err == nil {
		n.log.Info("stopped")
	}
	return err
}

// close closes what is open.
func (n *node) close() error {
	var errs []error
	if n.inbox != nil {
		errs = append(errs, n.inbox.Close())
	}
	if n.ledger != nil {
		errs = append(errs, n.ledger.Close())
	}
	if n.runtime != nil {
		errs = append(errs, n.runtime.Close())
	}
	return errors.Join(errs...)
}
