package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/results"
	"jcsnode/status"
)

// shapeOf is a text that differs from another node's if what becomes of a study would, and tells in what. Neither the study nor the version
// of the program is in it. Networks are nil for a node that does not read.
func shapeOf(c config.Config, networks Networks) string {
	type manner struct {
		title     string
		quiet     config.Duration
		staysOpen bool
	}
	var manners []manner
	for _, p := range c.Peers {
		manners = append(manners, manner{p.AETitle, p.Quiet, p.StaysOpen})
	}
	slices.SortFunc(manners, func(a, b manner) int {
		return cmp.Or(cmp.Compare(a.title, b.title), cmp.Compare(a.quiet, b.quiet))
	})
	shape := status.Shape{ // whoever leads works by these
		Settle: digestOf(c.Settle, manners),
		Keep:   digestOf(c.Keep),
		Stuck:  digestOf(c.Stuck, silentAfter(c.Peers)),
	}
	if networks == nil {
		return shape.String()
	}
	m := Maker(c, "", networks)
	cascade := m.Cascade
	cascade.Workers = 0 // how many slices at a time is nobody's business
	recipients := slices.Clone(m.Recipients)
	slices.SortFunc(recipients, func(a, b results.Recipient) int { return cmp.Compare(a.Name, b.Name) })
	shape.Identity = digestOf(m.NodeID)
	shape.Settings = digestOf(m.SeriesBase, m.Geometry, cascade)
	shape.Networks = digestOf(results.Models(m.Manifest, ""))
	shape.Device = digestOf(m.Engine)
	shape.Destinations = digestOf(recipients)
	return shape.String()
}

// digestOf is a short text of values that hold no pointers.
func digestOf(values ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", values))
	return hex.EncodeToString(sum[:4])
}

// shape is what the node says of how it works; "" if there is no other one to compare it with.
func (n *Node) shape() string {
	if !n.config.Several() {
		return ""
	}
	c := n.site.Load().config
	if n.runtime == nil {
		return shapeOf(c, nil)
	}
	return shapeOf(c, n.runtime)
}

// compares tells once in what this node is set otherwise than those that live.
func (n *Node) compares(ctx context.Context) {
	if n.self.Shape == "" {
		return
	}
	nodes, err := n.views.Nodes(ctx)
	if err != nil {
		n.log.Warn("whether the other nodes are set as this one is is not known", "error", err)
		return
	}
	for _, other := range nodes {
		if differs := other.Compare(n.self); differs != "" {
			n.log.Warn("another node is set otherwise: what becomes of a study depends on which of them works on it",
				"node", other.Name, "differs", differs, "remedy", "give both the same; of a device, its name instead of \"auto\"")
		}
	}
}

// neighbours notes in what a node of the configuration is set otherwise than those that live; shape is that of the node.
func (t *Trial) neighbours(ctx context.Context, c config.Config, device, shape string) {
	if !c.Several() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	l, err := OpenLedger(ctx, c, ledger.Options{ReadOnly: true})
	if err != nil {
		return // there is none yet, or what is wrong was told of
	}
	defer l.Close()
	nodes, err := Views(c, "", l).Nodes(ctx)
	if err != nil {
		return
	}
	name, err := c.Node.OwnName()
	if err != nil {
		return
	}
	for _, other := range nodes {
		if differs := other.Compare(ledger.Alive{ID: name, Device: device, Shape: shape}); differs != "" {
			t.note("node %s is set otherwise (%s): what becomes of a study depends on which of them works on it", other.Name, differs)
		}
	}
}
