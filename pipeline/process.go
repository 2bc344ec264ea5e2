package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"jcsnode/ledger"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
)

// Identity is what every object of one revision is named by.
type Identity struct {
	Revision    int // counts the revisions of the study that have objects, from 1
	InputDigest string
	Time        time.Time // when the findings were written
}

// Made is one object with its bytes, a DICOM file.
type Made struct {
	ledger.Outgoing
	File []byte
}

// Processor works on the process jobs of the ledger. Fields must be set unless they say otherwise.
type Processor struct {
	Ledger   *ledger.Ledger
	DataDir  string
	Networks Networks
	Settings cascade.Settings
	Models   []Model
	// Build makes the objects of an examination, one at a time, and says where each goes. It must give the same bytes for the same
	// input.
	Build    func(ctx context.Context, x *Examination, id Identity, emit func(Made) error) error
	Progress Progress // may be nil
	Logger   *slog.Logger
}

// Process reads one revision of a study and leaves findings and objects in the ledger. It is safe to run twice: the time of
// the findings is fixed by the first run, objects are named by their input, and the ledger takes each once.
func (p *Processor) Process(ctx context.Context, revisionID int64) error {
	rev, instances, err := p.Ledger.Revision(ctx, revisionID)
	if err != nil {
		return err
	}
	log := p.Logger.With("study", rev.StudyUID, "revision", rev.Number)
	if err := p.Ledger.Begin(ctx, rev.ID); err != nil {
		return err
	}
	began := time.Now()
	x, err := p.load(ctx, instances)
	if err != nil {
		return err
	}
	if err := p.saveReasons(ctx, rev.ID, x); err != nil {
		return err
	}
	earlier, err := p.earlier(ctx, rev)
	if err != nil {
		return err
	}
	digest := x.InputDigest()
	if same := p.likeBefore(earlier, digest); same != nil {
		return p.unchanged(ctx, rev, *same)
	}
	if x.Refusal == nil {
		if err := x.Read(ctx, p.Networks, p.Settings, p.Progress); err != nil {
			return err
		}
	}
	report := NewReport(x, p.Models, p.Settings)
	at, err := p.saveFindings(ctx, rev, digest, report)
	if err != nil {
		return err
	}
	objects, err := p.makeObjects(ctx, rev, x, Identity{Revision: 1 + withObjects(earlier), InputDigest: digest, Time: at})
	if err != nil {
		return err
	}
	if x.Refusal != nil {
		why := ledger.Reason{Code: x.Refusal.Code, Text: x.Refusal.Text, Remedy: x.Refusal.Remedy}
		log.Warn("study not processed", "code", why.Code, "why", why.Text, "remedy", why.Remedy, "instances", len(instances))
		return p.Ledger.NotProcessed(ctx, rev.ID, why, objects)
	}
	log.Info("study reported", "positive", report.Decision.Positive, "why", report.Decision.Text, "slices", len(report.Slices),
		"objects", len(objects), "weights", Weights(p.Models), "took", time.Since(began).Round(time.Millisecond).String())
	return p.Ledger.Report(ctx, rev.ID, objects, ledger.Reason{Text: report.Decision.Text})
}

// load reads the instances of a revision. One whose files were removed cannot be read any more: it says so, instead of
// reading the rest as if that were the study.
func (p *Processor) load(ctx context.Context, instances []ledger.Instance) (*Examination, error) {
	paths := make([]string, len(instances))
	missing := 0
	for i, in := range instances {
		paths[i] = filepath.Join(p.DataDir, in.Path)
		if _, err := os.Stat(paths[i]); errors.Is(err, fs.ErrNotExist) {
			missing++
		}
	}
	if missing > 0 {
		return &Examination{Refusal: &ct.Refusal{Code: "files-removed",
			Text:   fmt.Sprintf("%d of %d instances of the study were removed from this node", missing, len(instances)),
			Remedy: "send the whole study again, then requeue it"}}, nil
	}
	return Load(ctx, paths, p.Progress)
}

// earlier are the other revisions of the study, the newest first.
func (p *Processor) earlier(ctx context.Context, rev ledger.Revision) ([]ledger.RevisionHistory, error) {
	h, err := p.Ledger.History(ctx, rev.StudyUID)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(h.Revisions, func(r ledger.RevisionHistory) bool { return r.Number >= rev.Number })
	slices.Reverse(others)
	return others, nil
}

func withObjects(revisions []ledger.RevisionHistory) int {
	n := 0
	for _, r := range revisions {
		if len(r.Objects) > 0 {
			n++
		}
	}
	return n
}

// likeBefore finds an earlier revision that rests on the same slices, the same networks and the same settings: its objects are
// those that this one would make.
func (p *Processor) likeBefore(earlier []ledger.RevisionHistory, digest string) *ledger.RevisionHistory {
	for i := range earlier {
		var before Report
		if earlier[i].InputDigest == digest && json.Unmarshal(earlier[i].Findings, &before) == nil && before.MadeWith(p.Models, p.Settings) {
			return &earlier[i]
		}
	}
	return nil
}

// unchanged ends a revision whose late instances change nothing. No objects are made: those of the earlier one are valid.
func (p *Processor) unchanged(ctx context.Context, rev ledger.Revision, like ledger.RevisionHistory) error {
	if _, err := p.Ledger.SaveFindings(ctx, rev.ID, like.InputDigest, like.Findings); err != nil {
		return err
	}
	why := ledger.Reason{Code: ledger.ReasonUnchanged, Text: fmt.Sprintf("the late instances change nothing of what was read: what revision %d found is valid", like.Number)}
	p.Logger.Info("revision changes nothing", "study", rev.StudyUID, "revision", rev.Number, "like", like.Number)
	if like.State == ledger.StateNotProcessed {
		why.Text, why.Remedy = like.Reason.Text, like.Reason.Remedy
		return p.Ledger.NotProcessed(ctx, rev.ID, why, nil)
	}
	return p.Ledger.Report(ctx, rev.ID, nil, why)
}

func (p *Processor) saveReasons(ctx context.Context, revisionID int64, x *Examination) error {
	var instances []ledger.InstanceReason
	for _, d := range x.Dropped {
		path, err := filepath.Rel(p.DataDir, d.Path)
		if err != nil {
			return fmt.Errorf("path of an instance: %w", err)
		}
		instances = append(instances, ledger.InstanceReason{Path: path, SOPInstanceUID: d.SOPInstanceUID, Code: d.Refusal.Code, Text: d.Refusal.Text})
	}
	if err := p.Ledger.SaveInstanceReasons(ctx, revisionID, instances); err != nil {
		return err
	}
	var series []ledger.SeriesReason
	if x.Chosen != nil {
		series = append(series, ledger.SeriesReason{SeriesUID: x.Chosen.SeriesInstanceUID, Chosen: true, Text: x.Reason})
	}
	for _, r := range x.Refused {
		series = append(series, ledger.SeriesReason{SeriesUID: r.SeriesInstanceUID, Code: r.Refusal.Code, Text: r.Refusal.Text, Remedy: r.Refusal.Remedy})
	}
	return p.Ledger.SaveSeriesReasons(ctx, revisionID, series)
}

func (p *Processor) saveFindings(ctx context.Context, rev ledger.Revision, digest string, report Report) (time.Time, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return time.Time{}, fmt.Errorf("write the findings: %w", err)
	}
	return p.Ledger.SaveFindings(ctx, rev.ID, digest, text)
}

// makeObjects builds the objects and writes them durably. Their files are named by their UIDs' hashes, so a second run
// writes the same files.
func (p *Processor) makeObjects(ctx context.Context, rev ledger.Revision, x *Examination, id Identity) ([]ledger.Outgoing, error) {
	if x.Refusal != nil && len(x.Headers) == 0 {
		return nil, nil
	}
	store, err := newObjectStore(p.DataDir, rev.StudyUID, rev.Number)
	if err != nil {
		return nil, err
	}
	var objects []ledger.Outgoing
	err = p.Build(ctx, x, id, func(m Made) error {
		o, err := store.put(m)
		objects = append(objects, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the objects: %w", err)
	}
	return objects, store.sync()
}
