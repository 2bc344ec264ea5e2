package node

import (
	"context"
	"slices"
	"time"

	"jcsnode/cluster"
	"jcsnode/config"
	"jcsnode/models"
	"jcsnode/results"
	"jcsnode/status"
	"jcsnode/store/disk"
)

// Views answer about a node of a configuration from its ledger and what can be seen beside it, on every surface.
func Views(c config.Config, version string, l status.Ledger) status.Reader {
	r := viewsOf(func() config.Config { return c }, version, l)
	if c.Several() {
		r.Now = clockOf(c)
		r.Dead = func(ctx context.Context, incarnations []string) ([]string, error) {
			return cluster.Ask(ctx, c.Ledger.Address(), c.Ledger.Password, incarnations)
		}
	}
	return r
}

// viewsOf are Views under a configuration that changes.
func viewsOf(current func() config.Config, version string, l status.Ledger) status.Reader {
	return status.Reader{
		Ledger: l,
		Site:   func() status.Site { return Site(current()) },
		Self:   func() status.Self { return self(current(), version) },
		Now:    time.Now,
	}
}

// self is what a program of that version sees of the node.
func self(c config.Config, version string) status.Self {
	self := status.Self{Version: version, AETitle: c.Node.AETitle, ConfigHash: config.Hash}
	if name, err := c.Node.OwnName(); err == nil && c.Several() {
		self.Name = name
	}
	if manifest, err := models.ReadManifest(c.Models.Dir); err == nil {
		self.Models = results.Models(manifest, "") // what calculates, each study's findings say
	}
	if room, err := disk.RoomIn(c.FilesDir(), int64(c.Node.Reserve)); err == nil {
		d := status.DiskOf(room, c.Store.Path)
		self.Disk = &d
	}
	return self
}

// Site is what the configuration says that views and explanations rest on.
func Site(c config.Config) status.Site {
	site := status.Site{
		Quiet:        time.Duration(c.Settle.Quiet),
		Limit:        time.Duration(c.Settle.Limit),
		QuietOf:      QuietOf(c.Peers),
		Destinations: DestinationNames(c.Destinations),
		FilesGo:      c.Keep.Days > 0,
	}
	for _, p := range c.Peers {
		if p.AETitle != "" && !slices.Contains(site.Peers, p.AETitle) {
			site.Peers = append(site.Peers, p.AETitle)
		}
	}
	for _, w := range c.Webhooks {
		site.Webhooks = append(site.Webhooks, w.Name)
	}
	return site
}
