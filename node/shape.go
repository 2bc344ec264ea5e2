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
	"jcsnode/models"
	"jcsnode/results"
	"jcsnode/status"
)

// shapeOf is a text that differs from another node's if the objects of a study would, and tells in what. Neither the study nor the version
// of the program is in it.
func shapeOf(c config.Config, networks Networks) string {
	m := Maker(c, "", networks)
	cascade := m.Cascade
	cascade.Workers = 0 // how many slices at a time is nobody's business
	recipients := slices.Clone(m.Recipients)
	slices.SortFunc(recipients, func(a, b results.Recipient) int { return cmp.Compare(a.Name, b.Name) })
	return status.Shape{
		Identity:     digestOf(m.NodeID),
		Settings:     digestOf(m.SeriesBase, m.Geometry, cascade),
		Networks:     digestOf(results.Models(m.Manifest, "")),
		Device:       digestOf(m.Engine),
		Destinations: digestOf(recipients),
	}.String()
}

// digestOf is a short text of values that hold no pointers.
func digestOf(values ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", values))
	return hex.EncodeToString(sum[:4])
}

// shape is what the node says of how it reads; "" if it does not, or if there is no other one to compare it with.
func (n *Node) shape() string {
	if n.runtime == nil || !n.config.Several() {
		return ""
	}
	return shapeOf(n.site.Load().config, n.runtime)
}

// compares tells once how this node reads otherwise than those that live.
func (n *Node) compares(ctx context.Context) {
	if n.self.Shape == "" {
		return
	}
	nodes, err := n.views.Nodes(ctx)
	if err != nil {
		n.log.Warn("whether the other nodes read as this one does is not known", "error", err)
		return
	}
	for _, other := range nodes {
		if differs := other.Compare(n.self); differs != "" {
			n.log.Warn("another node reads studies otherwise: which objects come of a study depends on who reads it",
				"node", other.Name, "differs", differs, "remedy", "give both the same; of a device, its name instead of \"auto\"")
		}
	}
}

// neighbours notes in which ways a node of the configuration would read otherwise than those that live.
func (t *Trial) neighbours(ctx context.Context, c config.Config, r *models.Runtime) {
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
		if differs := other.Compare(ledger.Alive{ID: name, Device: r.Device(), Shape: shapeOf(c, r)}); differs != "" {
			t.note("node %s reads studies otherwise (%s): which objects come of a study depends on who reads it", other.Name, differs)
		}
	}
}
