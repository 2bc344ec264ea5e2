package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
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
	return lacksAll(ctx, n.ledger, n.place)
}

// sharedFolder looks whether a shared folder has any file of the newest studies, as a start does. It makes nothing there.
func (t *Trial) sharedFolder(ctx context.Context, c config.Config) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	l, err := OpenLedger(ctx, c, ledger.Options{ReadOnly: true})
	if err != nil {
		return // there is none yet, or what is wrong was told of
	}
	defer l.Close()
	if err := lacksAll(ctx, l, func(_ context.Context, name string) (string, error) {
		_, err := os.Stat(filepath.Join(c.Store.Path, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return tier.InStore, err
	}); err != nil {
		t.problem("store.path: %v", err)
	}
}

// lacksAll is the error of elsewhere. place is that of a node.
func lacksAll(ctx context.Context, l *ledger.Ledger, placeOf func(ctx context.Context, name string) (string, error)) error {
	held, err := l.SampleHeld(ctx, pipeline.NewestStudies)
	if err != nil {
		return err
	}
	looked := 0
	for _, h := range held {
		if h.Missing || len(h.Instances) == 0 { // that it is not there is known
			continue
		}
		place, err := placeOf(ctx, h.Instances[0])
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
