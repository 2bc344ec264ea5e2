package node

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"jcsnode/config"
	"jcsnode/dimse/secure"
	"jcsnode/pipeline"
	"jcsnode/scp"
	"jcsnode/store"
	"jcsnode/store/cache"
	"jcsnode/store/disk"
	"jcsnode/store/s3"
	"jcsnode/store/tier"
)

// files is the store of a node.
type files interface {
	store.Store
	Close() error
}

// Folders of names that hold files of studies.
const objectsFolder = "objects"

// headerSize is the beginning of a file that is not worth keeping: what a reader of headers gets.
const headerSize = 64 << 10

// instances are what the ledger knows of files that go up.
type instances interface {
	HasInstance(ctx context.Context, path string) (bool, error)
	Stored(ctx context.Context, path string) error
}

// openFiles opens the store that the configuration names. The tier is that of a store elsewhere, nil without one; it takes up what
// is known, and tells. behind says that the ledger may not know what went up.
func openFiles(
	c config.Config, known instances, behind bool, log *slog.Logger,
) (all files, ahead *tier.Store, err error) {
	opt := disk.Options{Reserve: int64(c.Node.Reserve), Staging: scp.Staging, Foreign: func(path string) {
		log.Warn("this is not of the node and is left alone: look at it, and take it away", "path", path)
	}}
	switch c.Store.Kind {
	case config.StoreShared:
		if c.Several() {
			if opt.Owner, err = c.Node.OwnName(); err != nil {
				return nil, nil, err
			}
		}
		all, err = disk.Open(c.Store.Path, opt)
		return all, nil, err
	case config.StoreDisk:
		all, err = disk.Open(c.Node.DataDir, opt)
		return all, nil, err
	}
	remote, err := openS3(c, log)
	if err != nil {
		return nil, nil, err
	}
	kept := cache.Options{Folder: filepath.Join(c.Node.DataDir, "cache"), Limit: int64(c.Store.Cache), Head: headerSize}
	near, err := cache.Open(remote, kept)
	if err != nil {
		return nil, nil, errors.Join(err, remote.Close())
	}
	local, err := disk.Open(c.Node.DataDir, opt)
	if err != nil {
		return nil, nil, errors.Join(err, near.Close())
	}
	later := []string{scp.InboxFolder}
	if c.Store.BeforeAnswer {
		later = nil
	}
	var meanwhile []string
	if !c.Several() { // a study need not be read again because its results had nowhere to go; another node would not find them here
		meanwhile = []string{objectsFolder}
	}
	ahead = tier.New(local, near, tier.Options{
		Later:     later,
		Behind:    behind,
		Meanwhile: meanwhile,
		Folders:   []string{scp.InboxFolder, objectsFolder},
		Stay:      []string{scp.QuarantineFolder, scp.Staging},
		Recorded: func(ctx context.Context, name string) (bool, error) {
			if !strings.HasPrefix(name, scp.InboxFolder+"/") {
				return true, nil
			}
			return known.HasInstance(ctx, name)
		},
		Stored: func(ctx context.Context, name string) error {
			if !strings.HasPrefix(name, scp.InboxFolder+"/") {
				return nil
			}
			return known.Stored(ctx, name)
		},
		Shrink: near.Shrink,
		Logger: log,
	})
	return ahead, ahead, nil
}

// openS3 opens the object store alone. It asks it nothing.
func openS3(c config.Config, log *slog.Logger) (*s3.Store, error) {
	opt := s3.Options{Endpoint: c.Store.Endpoint, Bucket: c.Store.Bucket, Prefix: c.Store.Prefix, Region: c.Store.Region,
		Credentials: c.Store.Credentials, Profile: c.Store.Profile, Spool: c.Node.DataDir, Patience: time.Duration(c.Store.Timeout)}
	u, err := url.Parse(c.Store.Endpoint)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		own, err := identity("object store", secure.Files{Authorities: c.Store.CA}, log)
		if err != nil {
			return nil, err
		}
		opt.TLS = own.Client(c.Store.TLSName)
	}
	return s3.Open(opt)
}

// alone names this node if its disk alone has a file, for a node that shares its ledger.
func (n *Node) alone(ctx context.Context, name string) (string, error) {
	if n.ahead == nil || n.self.ID == "" {
		return "", nil
	}
	here, err := n.ahead.Here(ctx, name) // for each instance that comes: the store is not asked
	if err != nil || !here {
		return "", err
	}
	return n.self.ID, nil
}

// lastLook bounds how long a node that stops takes files up.
const lastLook = 20 * time.Second

// takesUp takes up what came while the node drained, so that it is not stranded on a machine that may not come back. That ctx has ended
// is no reason not to.
func (n *Node) takesUp(ctx context.Context) {
	if n.ahead == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	err := n.ledger.Flush(ctx) // what has no row stays
	if err == nil {
		err = n.ahead.Sweep(ctx)
	}
	n.self.Waiting = n.ahead.Waiting().Files
	if err != nil || n.self.Waiting > 0 {
		n.log.Warn("files wait on this machine for the object store: they go up at its next start", "files", n.self.Waiting, "error", err)
		return
	}
	n.log.Info("no file waits on this machine for the object store")
}

// placesEvery is how often a node looks for files that went up without the ledger having heard of it.
const placesEvery = time.Minute

// watchPlaces does so until ctx ends: of one that went up right before the node was killed, or that came again just then.
func (n *Node) watchPlaces(ctx context.Context) error {
	ticker := time.NewTicker(placesEvery)
	defer ticker.Stop()
	for {
		if err := n.tellPlaces(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("which files went up is not known: asked again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// tellPlaces has the ledger know of files that it takes to be here alone and that are in the store.
func (n *Node) tellPlaces(ctx context.Context) error {
	if n.self.ID == "" {
		return nil
	}
	paths, err := n.ledger.AtNode(ctx, n.self.ID)
	if err != nil {
		return err
	}
	for _, path := range paths {
		place, err := n.ahead.At(ctx, path)
		if err == nil && place == tier.InStore {
			err = n.ledger.Stored(ctx, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareFiles looks whether files of the ledger's newest studies are gone. A store that cannot be asked now is no reason not to start.
func (n *Node) compareFiles(ctx context.Context) error {
	var missing pipeline.MissingFiles
	err := n.elsewhere(ctx)
	if err == nil {
		missing, err = pipeline.CheckFiles(ctx, n.ledger, n.store, n.log, pipeline.NewestStudies)
	}
	n.allLooked = missing.Studies > 0
	if n.ahead != nil && errors.Is(err, store.ErrTemporary) && ctx.Err() == nil {
		n.log.Warn("whether all files are there is not known: the object store does not answer", "error", err)
		return nil
	}
	return err
}

// trialTimeout is how long check waits for each answer of an object store.
const trialTimeout = config.Duration(5 * time.Second)

// trialName is what check puts into an object store and takes away again.
func trialName() string { return "check/" + strings.ToLower(rand.Text()) }

// store tries each right that a node needs of its object store, with a small file.
func (t *Trial) store(ctx context.Context, c config.Config) {
	spool := c
	spool.Node.DataDir = os.TempDir() // data_dir may not be there yet
	spool.Store.Timeout = min(c.Store.Timeout, trialTimeout)
	s, err := openS3(spool, slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem("store: %v", err)
		return
	}
	defer s.Close()
	name, content := trialName(), []byte("jcsnode check")
	if err := store.Put(ctx, s, name, content); err != nil {
		t.problem("store: %v", err)
		return // what else is asked would say the same
	}
	got, err := store.Get(ctx, s, name)
	if err == nil && string(got) != string(content) {
		err = errors.New("what was put comes back as something else")
	}
	if err != nil {
		t.problem("store: %v", err)
	}
	for _, err := range s.List(ctx, "check") {
		if err != nil {
			t.problem("store: %v", err)
		}
		break
	}
	if _, err := s.Remove(ctx, name, time.Time{}); err != nil {
		t.problem("store: %v", err)
	}
}
