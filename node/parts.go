package node

import (
	"context"
	"errors"
	"image"
	"math/rand/v2"
	"time"

	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/dimse/secure"
	"jcsnode/metrics"
	"jcsnode/pipeline"
	"jcsnode/results"
	"jcsnode/scp"
)

// CommitmentTimeout bounds each wait of a storage commitment report on an association of ours.
const CommitmentTimeout = 30 * time.Second

// CommitmentLinger is how long a destination may take to report on the association on which we asked it.
const CommitmentLinger = 5 * time.Second

// wire makes the parts that work on others. The networks themselves run in n.runtime, which may be missing as long as no study is read.
func (n *Node) wire(networks Networks) error {
	c := n.config
	s, err := n.siteOf(c)
	if err != nil {
		return err
	}
	n.site.Store(s)
	n.views = viewsOf(func() config.Config { return n.site.Load().config }, n.version, n.ledger)
	n.views.Now = n.now
	if c.Several() {
		n.views.Dead = n.member.Dead
	}
	if err := n.wireDoor(); err != nil {
		return err
	}
	n.settler = &pipeline.Settler{
		Ledger:  n.ledger,
		Holds:   func(study string) bool { held, _ := n.door.Holds(study); return held },
		Quiet:   time.Duration(c.Settle.Quiet),
		QuietOf: func(title string) time.Duration { return n.site.Load().quietOf(title) },
		Limit:   time.Duration(c.Settle.Limit),
		Looked:  n.settling.beat,
		Settled: func(d time.Duration) { n.meter.Took(metrics.StageSettle, d) },
		Now:     n.now,
		Clock:   n.clockIs(),
		Logger:  n.log,
	}
	n.retention = &pipeline.Retention{
		Ledger: n.ledger,
		Store:  n.store,
		For:    func() time.Duration { return n.site.Load().keep },
		Rows:   func() time.Duration { return n.site.Load().keepRows },
		Now:    n.now,
		Logger: n.log,
	}
	maker := Maker(c, n.version, networks)
	n.processor = &pipeline.Processor{
		Ledger:    n.ledger,
		Store:     n.store,
		Networks:  Cascade(n.runtime),
		Settings:  maker.Cascade,
		Models:    results.Models(maker.Manifest, maker.Engine),
		Build:     n.buildWith(maker),
		Omissions: results.Omissions,
		Works:     n.works,
		Waited:    func(d time.Duration) { n.meter.Took(metrics.StageWait, d) },
		Logger:    n.log,
	}
	n.wireDelivery()
	n.wireNotify()
	if err := n.wireWeb(networks); err != nil {
		return err
	}
	return n.wireMetrics()
}

// buildWith makes objects for whoever gets them now, whose dates and times are as people here read them. A study without a patient gives
// none; why stands in the ledger.
func (n *Node) buildWith(
	maker *results.Maker,
) func(context.Context, *pipeline.Examination, pipeline.Identity, func(pipeline.Made) error) error {
	return func(ctx context.Context, x *pipeline.Examination, id pipeline.Identity, emit func(pipeline.Made) error) error {
		id.Time = id.Time.Local()
		current := *maker
		current.Recipients = n.site.Load().recipients
		err := current.Build(ctx, x, id, func(m pipeline.Made, _ image.Image) error { return emit(m) })
		if errors.Is(err, results.ErrNoSource) {
			return nil
		}
		return err
	}
}

// wireDoor makes what associations meet.
func (n *Node) wireDoor() error {
	c := n.config
	if c.TLS.Listen != "" {
		files := secure.Files{Certificate: c.TLS.Certificate, Key: c.TLS.Key, Authorities: c.TLS.ClientCA}
		var err error
		if n.own, err = identity("listener", files, n.log); err != nil {
			return err
		}
	}
	n.door = scp.NewDoor(func() scp.Settings { return n.site.Load().door }, n.inbox, n.ledger, n.log, n.now)
	n.door.Commitment = &scp.CommitmentSCP{
		Ledger:    n.ledger,
		Addresses: func() []scp.ReportAddress { return n.site.Load().addresses },
		Dialer:    *Dialer("", CommitmentTimeout),
		Now:       n.now,
		Logger:    n.log,
	}
	n.door.Refused = n.meter.Refused
	n.server = &dimse.Server{
		Admit:                  n.door.Admit,
		Accept:                 n.door.Accept,
		GrantSCP:               n.door.GrantSCP,
		Rejected:               func(r dimse.Rejection) { n.meter.Rejected(r.Words()) },
		Handler:                n.door,
		MaxPDULength:           uint32(c.Node.MaxPDU),
		MaxAssociations:        c.Node.MaxAssociations,
		MaxAssociationsPerPeer: c.Node.MaxAssociationsPerPeer,
		MinRate:                int64(c.Node.MinRate),
		Timeouts:               dimse.Timeouts{Drain: time.Duration(c.Node.Drain)},
		ImplementationClassUID: object.ImplementationClassUID,
		ImplementationVersion:  object.ImplementationVersionName,
		Logger:                 n.log,
	}
	return nil
}

// wireDelivery makes what takes objects to destinations and asks them to keep them.
func (n *Node) wireDelivery() {
	destinations := func() []dicomout.Destination { return n.site.Load().destinations }
	n.delivery = &dicomout.DeliveryWorker{
		Ledger:       n.ledger,
		Store:        n.store,
		Destinations: destinations,
		Fenced:       n.member.Fenced,
		Ends:         func(name string) error { return n.mayEnd(destinationLane(name)) },
		Now:          n.now,
		Random:       rand.Float64,
		Sends:        n.sends,
		Attempted:    n.meter.Attempted,
		Delivered:    func(d time.Duration) { n.meter.Took(metrics.StageDeliver, d) },
		Logger:       n.log,
	}
	n.commitmentSCU = &dicomout.CommitmentSCU{
		Ledger:       n.ledger,
		Destinations: destinations,
		Out:          n.delivery.Out,
		Missed:       n.delivery.Missed,
		Ends:         n.delivery.Ends,
		Linger:       CommitmentLinger,
		Now:          n.now,
		Logger:       n.log,
	}
	n.door.Reports = n.commitmentSCU.Take
	if len(n.config.Destinations) == 0 {
		n.log.Warn("no [[destination]] is configured: results stay here")
	}
}
