package scp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"strings"
	"time"

	"jcsnode/dataset"
	"jcsnode/ledger"
	"jcsnode/store"
)

// Recorder is what Rebuild needs of the ledger.
type Recorder interface {
	HasInstance(ctx context.Context, path string) (bool, error)
	Record(ctx context.Context, i ledger.Instance) error
	Event(ctx context.Context, e ledger.Event) error
	Flush(ctx context.Context) error
}

// Rebuilt counts what Rebuild found in the inbox.
type Rebuilt struct {
	Files       int // that it looked at
	Recorded    int // that the ledger lacked
	Quarantined int // that are not what they should be
}

// Association of instances that Rebuild recorded: nobody knows any more.
const rebuiltAssociation = "rebuilt from the inbox"

// Rebuild records every file of the inbox that the ledger lacks, as after a crash between
// the answer to the sender and the commit of the ledger. Files that cannot be read or do
// not have the content that their name stands for go to inbox/quarantine, with an event.
// Files that came before a time that the ledger knows to be complete up to may be left out; the zero time leaves out none.
// What another one records meanwhile counts as having come again, as it does in a start beside nodes that work.
func (b *Inbox) Rebuild(ctx context.Context, l Recorder, since time.Time, log *slog.Logger) (Rebuilt, error) {
	var r Rebuilt
	for name, err := range b.store.ListSince(ctx, InboxFolder, since) {
		if err != nil {
			return r, fmt.Errorf("rebuild from the inbox: %w", err)
		}
		if path.Dir(name) == InboxFolder || strings.HasPrefix(name, QuarantineFolder+"/") {
			continue // no instance
		}
		r.Files++
		if err := b.rebuildOne(ctx, l, log, name, &r); err != nil {
			return r, fmt.Errorf("rebuild from the inbox: %s: %w", name, err)
		}
	}
	if err := l.Flush(ctx); err != nil {
		return r, fmt.Errorf("rebuild from the inbox: %w", err)
	}
	if r.Recorded > 0 || r.Quarantined > 0 {
		log.Warn("the ledger lacked instances of the inbox", "files", r.Files, "recorded", r.Recorded, "quarantined", r.Quarantined)
	}
	return r, nil
}

func (b *Inbox) rebuildOne(ctx context.Context, l Recorder, log *slog.Logger, name string, r *Rebuilt) error {
	has, err := l.HasInstance(ctx, name)
	if err != nil || has {
		return err
	}
	i, err := b.reread(ctx, name)
	if fault := (*store.Error)(nil); errors.As(err, &fault) {
		return err // of the store, not of the content
	}
	if err != nil {
		r.Quarantined++
		return b.quarantine(ctx, l, log, name, err)
	}
	if i.At, err = b.at(ctx, name); err != nil {
		return err
	}
	r.Recorded++
	log.Info("instance recorded from the inbox", "study", i.StudyUID, "instance", i.SOPInstanceUID, "path", name)
	return l.Record(ctx, i)
}

// reread makes the ledger's row from the file alone and checks that the file is whole.
func (b *Inbox) reread(ctx context.Context, name string) (ledger.Instance, error) {
	f, err := b.store.Open(ctx, name)
	if err != nil {
		return ledger.Instance{}, err
	}
	defer f.Close()
	header, err := dataset.Read(f, f.Size(), b.opt.Limits)
	if err != nil {
		return ledger.Instance{}, unreadable(err)
	}
	id, err := identify(header)
	if err != nil {
		return ledger.Instance{}, err
	}
	meta := header.Meta()
	syntax := meta.String(dataset.TransferSyntaxUID)
	digest := sha256.New()
	fmt.Fprintf(digest, "%s\n", syntax)
	start := header.DataSetOffset()
	if _, err := io.Copy(digest, io.NewSectionReader(f, start, f.Size()-start)); err != nil {
		return ledger.Instance{}, err
	}
	sum := hex.EncodeToString(digest.Sum(nil))
	if want := nameOf(id.studyUID, sum); want != name {
		return ledger.Instance{}, fmt.Errorf("content belongs to %s: the file was changed after it was stored", want)
	}
	return ledger.Instance{
		StudyUID: id.studyUID, SeriesUID: id.seriesUID, SOPInstanceUID: id.sopInstanceUID, SOPClassUID: id.sopClassUID,
		TransferSyntaxUID: syntax, Path: name, Digest: sum, Size: f.Size(), CallingAE: meta.String(dataset.SourceApplicationEntityTitle),
		Association: rebuiltAssociation, Accession: id.accession, ReceivedAt: f.Time().UTC(), Flag: id.flag,
	}, nil
}

// quarantine moves a file out of the way of everybody but a human.
func (b *Inbox) quarantine(ctx context.Context, l Recorder, log *slog.Logger, name string, cause error) error {
	to := QuarantineFolder + "/" + strings.ReplaceAll(strings.TrimPrefix(name, InboxFolder+"/"), "/", "-")
	if err := b.store.Move(ctx, name, to); err != nil {
		return err
	}
	log.Error("file of the inbox put into quarantine: look at it, and have the study sent again", "path", name, "to", to, "error", cause)
	text := fmt.Sprintf("%s is now %s: %v. Have the study sent again.", name, to, cause)
	return l.Event(ctx, ledger.Event{Kind: EventQuarantined, Text: text, Instance: name})
}
