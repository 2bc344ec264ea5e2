package scp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"jcsnode/dataset"
	"jcsnode/ledger"
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
	Files       int // in all
	Recorded    int // that the ledger lacked
	Quarantined int // that are not what they should be
}

// Association of instances that Rebuild recorded: nobody knows any more.
const rebuiltAssociation = "rebuilt from the inbox"

// Rebuild records every file of the inbox that the ledger lacks, as after a crash between
// the answer to the sender and the commit of the ledger. Files that cannot be read or do
// not have the content that their name stands for go to inbox/quarantine, with an event.
// Call it before associations are accepted.
func (b *Inbox) Rebuild(ctx context.Context, l Recorder, log *slog.Logger) (Rebuilt, error) {
	var r Rebuilt
	folders, err := os.ReadDir(b.abs(inboxDir))
	if err != nil {
		return r, fmt.Errorf("rebuild from the inbox: %w", err)
	}
	for _, folder := range folders {
		if !folder.IsDir() || folder.Name() == tmpDir || folder.Name() == quarantineDir {
			continue
		}
		files, err := os.ReadDir(b.abs(inboxDir, folder.Name()))
		if err != nil {
			return r, fmt.Errorf("rebuild from the inbox: %w", err)
		}
		for _, file := range files {
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			r.Files++
			path := inboxDir + "/" + folder.Name() + "/" + file.Name()
			if err := b.rebuildOne(ctx, l, log, path, &r); err != nil {
				return r, fmt.Errorf("rebuild from the inbox: %s: %w", path, err)
			}
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

func (b *Inbox) rebuildOne(ctx context.Context, l Recorder, log *slog.Logger, path string, r *Rebuilt) error {
	has, err := l.HasInstance(ctx, path)
	if err != nil || has {
		return err
	}
	i, err := b.reread(path)
	if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
		return err // of the file system, not of the content
	}
	if err != nil {
		r.Quarantined++
		return b.quarantine(ctx, l, log, path, err)
	}
	r.Recorded++
	log.Info("instance recorded from the inbox", "study", i.StudyUID, "instance", i.SOPInstanceUID, "path", path)
	return l.Record(ctx, i)
}

// reread makes the ledger's row from the file alone and checks that the file is whole.
func (b *Inbox) reread(path string) (ledger.Instance, error) {
	full := b.abs(filepath.FromSlash(path))
	f, err := os.Open(full)
	if err != nil {
		return ledger.Instance{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ledger.Instance{}, err
	}
	if !info.Mode().IsRegular() {
		return ledger.Instance{}, errors.New("not a file")
	}
	header, err := dataset.Read(f, info.Size(), b.opt.Limits)
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
	if _, err := io.Copy(digest, io.NewSectionReader(f, header.DataSetOffset(), info.Size()-header.DataSetOffset())); err != nil {
		return ledger.Instance{}, err
	}
	sum := hex.EncodeToString(digest.Sum(nil))
	if want := inboxDir + "/" + studyFolder(id.studyUID) + "/" + sum[:40] + extension; want != path {
		return ledger.Instance{}, fmt.Errorf("content belongs to %s: the file was changed after it was stored", want)
	}
	return ledger.Instance{
		StudyUID: id.studyUID, SeriesUID: id.seriesUID, SOPInstanceUID: id.sopInstanceUID, SOPClassUID: id.sopClassUID,
		TransferSyntaxUID: syntax, Path: path, Digest: sum, Size: info.Size(), CallingAE: meta.String(dataset.SourceApplicationEntityTitle),
		Association: rebuiltAssociation, ReceivedAt: info.ModTime().UTC(), Flag: id.flag,
	}, nil
}

// quarantine moves a file out of the way of everybody but a human.
func (b *Inbox) quarantine(ctx context.Context, l Recorder, log *slog.Logger, path string, cause error) error {
	name := strings.ReplaceAll(strings.TrimPrefix(path, inboxDir+"/"), "/", "-")
	to := inboxDir + "/" + quarantineDir + "/" + name
	if err := b.disk.rename(b.abs(filepath.FromSlash(path)), b.abs(filepath.FromSlash(to))); err != nil {
		return err
	}
	log.Error("file of the inbox put into quarantine: look at it, and have the study sent again", "path", path, "to", to, "error", cause)
	return l.Event(ctx, ledger.Event{Kind: EventQuarantined, Text: fmt.Sprintf("%s is now %s: %v. Have the study sent again.", path, to, cause), Instance: path})
}
