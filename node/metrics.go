package node

import (
	"context"
	"fmt"
	"net"
	"os"

	"jcsnode/config"
	"jcsnode/metrics"
)

// wireMetrics makes what answers a monitoring system, if it is to.
func (n *Node) wireMetrics() error {
	c := n.config.Metrics
	if c.Listen == "" {
		return nil
	}
	allowed, err := c.Networks()
	if err != nil {
		return fmt.Errorf("metrics.allowed_networks: %w", err)
	}
	n.meter.Expect(DestinationNames(n.config.Destinations)...)
	set := metrics.Settings{
		Views:       n.views,
		Meter:       n.meter,
		LedgerBytes: n.ledgerBytes,
		Allowed:     allowed,
		Draining:    n.draining.Load,
		Logger:      n.log,
	}
	if n.ahead != nil {
		set.FarStore = func() (int, bool) {
			w := n.ahead.Waiting()
			return w.Files, w.Away == ""
		}
		set.BeforeAnswer = n.config.Store.BeforeAnswer && n.has(config.RoleDoor)
	}
	n.metrics = metrics.NewServer(set)
	return nil
}

// ledgerBytes is the size of the ledger on the disk, with what is not yet in its own place.
func (n *Node) ledgerBytes() (sum int64) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(ledgerFile(n.config) + suffix); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// listenMetrics opens the port, if there is one.
func (n *Node) listenMetrics() error {
	if n.metrics == nil {
		return nil
	}
	l, err := net.Listen("tcp", n.config.Metrics.Listen)
	if err != nil {
		return fmt.Errorf("metrics: %w", portError(n.config.Metrics.Listen, err))
	}
	n.metricsPort = l
	n.log.Info("metrics are open", "address", l.Addr().String())
	return nil
}

// runMetrics answers until end is called, which is after the node has drained: while ctx is over and end not called, it is not ready.
func (n *Node) runMetrics(ctx context.Context) (end func()) {
	if n.metricsPort == nil {
		return func() {}
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { n.draining.Store(true) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := n.metrics.Run(serving, n.metricsPort); err != nil {
			n.log.Error("metrics are closed; everything else goes on", "error", err)
		}
	}()
	return func() {
		stop()
		cancel()
		<-ended
	}
}
