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
	RecordTogether(ctx context.Context, all []ledger.Instance) error
	Event(ctx context.Context, e ledger.Event) error
	Flush(ctx context.Context) error
}

// Span is what Rebuild looks at; the zero value: everything.
type Span struct {
	From time.Time // files that came before may be left out, since the ledger is complete up to then
	To   time.Time // studies of which the ledger lacks something that came after are left out: whoever took it may still be at it
}

// Rebuilt counts what Rebuild found in the inbox.
type Rebuilt struct {
	Files       int // that it looked at
	Recorded    int // that the ledger lacked
	Quarantined int // that are not what they should be
	Unreadable  int // files and folders that could not be read and were passed over
	Left        int // studies that were left out, since something came after the span
}

// Association of instances that Rebuild recorded: nobody knows any more.
const rebuiltAssociation = "rebuilt from the inbox"

// Rebuild records every file of the inbox that the ledger lacks, as after a crash between
// the answer to the sender and the commit of the ledger. What it lacks of a study is recorded together: the files came long ago, and
// whoever settles studies beside this would take the first ones for all. Files that do not have the content that their name stands for
// go to inbox/quarantine, with an event. One that cannot be read for a reason that does not pass by itself is passed over, with a line in
// the log and an event, and stays where it is: nobody knows what is in it.
// What another one records meanwhile counts as having come again, as it does in a start beside nodes that work.
func (b *Inbox) Rebuild(ctx context.Context, l Recorder, span Span, log *slog.Logger) (Rebuilt, error) {
	r := rebuilding{inbox: b, ledger: l, span: span, log: log}
	err := r.all(ctx)
	if r.Recorded > 0 || r.Quarantined > 0 {
		log.Warn("the ledger lacked instances of the inbox", "files", r.Files, "recorded", r.Recorded, "quarantined", r.Quarantined)
	}
	if err != nil {
		err = fmt.Errorf("rebuild from the inbox: %w", err)
	}
	return r.Rebuilt, err
}

// rebuilding is a Rebuild on its way.
type rebuilding struct {
	inbox  *Inbox
	ledger Recorder
	span   Span
	log    *slog.Logger
	Rebuilt
	study []ledger.Instance // what the ledger lacks of the one in hand
	left  bool              // nothing of it is recorded now
}

// all looks at the files, which are listed study by study.
func (r *rebuilding) all(ctx context.Context) error {
	folder := ""
	for name, err := range r.inbox.store.ListSince(ctx, InboxFolder, r.span.From) {
		if name == QuarantineFolder || strings.HasPrefix(name, QuarantineFolder+"/") {
			continue // no instance, whether or not it can be read
		}
		if err != nil {
			if err := r.passOver(ctx, name, err); err != nil {
				return err
			}
			continue
		}
		if path.Dir(name) == InboxFolder {
			continue // no instance
		}
		if path.Dir(name) != folder {
			if err := r.record(ctx); err != nil {
				return err
			}
			folder = path.Dir(name)
		}
		r.Files++
		if err := r.passOver(ctx, name, r.look(ctx, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := r.record(ctx); err != nil {
		return err
	}
	return r.ledger.Flush(ctx) // events
}

// passOver goes on after a fault that is of a file or folder alone and does not pass by itself: a look that begins again because of it
// would find the same for ever. Any other error it returns.
func (r *rebuilding) passOver(ctx context.Context, name string, err error) error {
	fault := (*store.Error)(nil)
	switch {
	case !errors.As(err, &fault) || name == "":
		return err
	case errors.Is(err, store.ErrNotFound):
		return nil // gone meanwhile
	case ctx.Err() != nil || errors.Is(err, store.ErrTemporary) || errors.Is(err, store.ErrFull):
		return err
	}
	r.Unreadable++
	r.log.Warn("this of the inbox cannot be read: it is passed over, and not recorded", "path", name, "error", err, "remedy", unreadRemedy)
	text := fmt.Sprintf("%s cannot be read and was not recorded: %v. To do: %s.", name, err, unreadRemedy)
	return r.ledger.Event(ctx, ledger.Event{Kind: EventUnreadable, Text: text, Instance: name})
}

const unreadRemedy = "look at the disk, and whether the node's user may read it; then have the study sent again"

func (r *rebuilding) look(ctx context.Context, name string) error {
	if r.left {
		return nil
	}
	has, err := r.ledger.HasInstance(ctx, name)
	if err != nil || has {
		return err
	}
	i, err := r.inbox.reread(ctx, name)
	if fault := (*store.Error)(nil); errors.As(err, &fault) {
		return err // of the store, not of the content
	}
	if err != nil {
		return r.quarantine(ctx, name, err)
	}
	if !r.span.To.IsZero() && i.ReceivedAt.After(r.span.To) {
		r.left, r.study = true, nil
		r.Left++
		return nil
	}
	if i.At, err = r.inbox.at(ctx, name); err != nil {
		return err
	}
	r.study = append(r.study, i)
	return nil
}

// record records what the ledger lacks of a study, and waits for that: no more than one study is in memory.
func (r *rebuilding) record(ctx context.Context) error {
	study := r.study
	r.study, r.left = nil, false
	if len(study) == 0 {
		return nil
	}
	if err := r.ledger.RecordTogether(ctx, study); err != nil {
		return err
	}
	if err := r.ledger.Flush(ctx); err != nil {
		return err
	}
	r.Recorded += len(study)
	r.log.Info("instances recorded from the inbox", "study", study[0].StudyUID, "instances", len(study))
	return nil
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
func (r *rebuilding) quarantine(ctx context.Context, name string, cause error) error {
	to := QuarantineFolder + "/" + strings.ReplaceAll(strings.TrimPrefix(name, InboxFolder+"/"), "/", "-")
	if err := r.inbox.store.Move(ctx, name, to); err != nil {
		return err
	}
	r.Quarantined++
	r.log.Error("file of the inbox put into quarantine: look at it, and have the study sent again", "path", name, "to", to, "error", cause)
	text := fmt.Sprintf("%s is now %s: %v. Have the study sent again.", name, to, cause)
	return r.ledger.Event(ctx, ledger.Event{Kind: EventQuarantined, Text: text, Instance: name})
}
