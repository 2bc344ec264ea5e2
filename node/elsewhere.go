package node

import (
	"context"
	"fmt"

	"jcsnode/config"
	"jcsnode/pipeline"
	"jcsnode/store/tier"
)

// tellingStudies is how many studies tell whether a store is the one that the ledger knows: the newest.
const tellingStudies = 20

// elsewhere fails if a store that is not the node's own disk has nothing of the newest studies: it is another one then, and whatever is
// noted of it would hold for every node. What is on the disk of a node tells nothing.
func (n *Node) elsewhere(ctx context.Context) error {
	if n.config.Store.Kind == config.StoreDisk {
		return nil
	}
	held, err := n.ledger.SampleHeld(ctx, pipeline.NewestStudies)
	if err != nil {
		return err
	}
	looked := 0
	for _, h := range held {
		if h.Missing || len(h.Instances) == 0 { // that it is not there is known
			continue
		}
		place, err := n.place(ctx, h.Instances[0])
		if err != nil || place == tier.InStore {
			return err
		}
		if place == tier.AtNode {
			continue
		}
		if looked++; looked == tellingStudies {
			break
		}
	}
	if looked == 0 {
		return nil
	}
	return fmt.Errorf("none of the files of the newest %d studies is there: check [store] bucket, prefix or path and whether the folder "+
		"is mounted. If they are lost for good, start one node once with [store] kind = \"disk\": it notes that", looked)
}

// place tells where a file is, in the words of tier.Store.At.
func (n *Node) place(ctx context.Context, name string) (string, error) {
	if n.ahead != nil {
		return n.ahead.At(ctx, name)
	}
	has, err := n.store.Has(ctx, name)
	if err != nil || !has {
		return "", err
	}
	return tier.InStore, nil
}
