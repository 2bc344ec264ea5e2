package node

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"jcsnode/config"
)

// Reload takes anew what a running node can take of a configuration that was read and checked. Associations that are open go on; whatever
// begins from now on is under the new one. An error means that nothing was changed. It is called by one goroutine at a time, once the node
// is ready.
func (n *Node) Reload(ctx context.Context, file config.Config) error {
	before := n.site.Load()
	taken, restart := config.Changes(before.config, file)
	if len(taken) > 0 {
		next, err := n.siteOf(config.Reloaded(before.config, file))
		if err != nil {
			return fmt.Errorf("reload the configuration: %w", err)
		}
		if err := n.ledger.SetParties(next.parties()); err != nil {
			return fmt.Errorf("reload the configuration: %w", err)
		}
		n.site.Store(next)
		select { // one signal is enough for any number of sites
		case n.moved <- struct{}{}:
		default:
		}
		n.changed()
		n.log.Info("configuration reloaded", "changed", taken)
		n.reconsider(ctx, before.config, next.config)
	} else {
		n.log.Info("configuration read again: nothing that a running node takes has changed")
	}
	if len(restart) == 0 {
		n.configHash.Store(&file.Hash)
	} else {
		n.log.Warn("these settings differ from what runs: they are taken at the next start", "settings", restart)
	}
	return nil
}

// changed has the node look again for whom it works.
func (n *Node) changed() {
	select { // one signal is enough for any number of changes
	case n.partiesChanged <- struct{}{}:
	default:
	}
}

// reconsider has what waits for a destination or a webhook that was corrected go now: who corrects it expects that.
func (n *Node) reconsider(ctx context.Context, before, after config.Config) {
	tell := func(what, name string, err error) {
		if err != nil {
			n.log.Error("what waits for a "+what+" that has changed goes when its time comes", what, name, "error", err)
		}
	}
	for _, d := range after.Destinations {
		if !slices.ContainsFunc(before.Destinations, func(was config.Destination) bool { return reflect.DeepEqual(was, d) }) {
			tell("destination", d.Name, n.delivery.Anew(ctx, d.Name))
		}
	}
	for _, w := range after.Webhooks {
		if !slices.ContainsFunc(before.Webhooks, func(was config.Webhook) bool { return reflect.DeepEqual(was, w) }) {
			tell("webhook", w.Name, n.notifier.Anew(ctx, w.Name))
		}
	}
}
