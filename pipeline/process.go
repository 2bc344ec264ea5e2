package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"jcsnode/ledger"
	"jcsnode/pipeline/cascade"
)

// Identity is what every object of one revision is named by.
type Identity struct {
	Revision    int
	InputDigest string
	Time        time.Time // when the findings were written
}

// Made is one object with its bytes, a DICOM file.
type Made struct {
	ledger.Object
	File []byte
}

// Processor works on the process jobs of the ledger. Fields must be set unless they say otherwise.
type Processor struct {
	Ledger       *ledger.Ledger
	DataDir      string
	Networks     Networks
	Settings     cascade.Settings
	Models       []Model
	Destinations []string
	NotProcessed bool // objects for a study that could not be read
	// Build makes the objects of an examination, one at a time. It must give the same bytes for the same input.
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
	paths := make([]string, len(instances))
	for i, in := range instances {
		paths[i] = filepath.Join(p.DataDir, in.Path)
	}
	x, err := Load(ctx, paths, p.Progress)
	if err != nil {
		return err
	}
	if err := p.saveReasons(ctx, rev.ID, x); err != nil {
		return err
	}
	if x.Refusal == nil {
		if same, err := p.unchanged(ctx, rev, x); err != nil || same {
			return err
		}
		if err := x.Read(ctx, p.Networks, p.Settings, p.Progress); err != nil {
			return err
		}
	}
	report := NewReport(x, p.Models, p.Settings)
	at, err := p.saveFindings(ctx, rev, x, report)
	if err != nil {
		return err
	}
	objects, err := p.makeObjects(ctx, rev, x, Identity{Revision: rev.Number, InputDigest: x.InputDigest(), Time: at})
	if err != nil {
		return err
	}
	if x.Refusal != nil {
		why := ledger.Reason{Code: x.Refusal.Code, Text: x.Refusal.Text, Remedy: x.Refusal.Remedy}
		log.Warn("study not processed", "code", why.Code, "why", why.Text, "remedy", why.Remedy, "instances", len(instances))
		return p.Ledger.NotProcessed(ctx, rev.ID, why, objects, p.Destinations)
	}
	log.Info("study reported", "positive", report.Decision.Positive, "why", report.Decision.Text, "slices", len(report.Slices),
		"objects", len(objects), "weights", Weights(p.Models), "took", time.Since(began).Round(time.Millisecond).String())
	return p.Ledger.Report(ctx, rev.ID, objects, p.Destinations, ledger.Reason{Text: report.Decision.Text})
}

// unchanged ends a revision whose late instances change nothing: the findings of an earlier one rest on the same slices, the
// same networks and the same settings, so its objects stay valid and no new ones are made.
func (p *Processor) unchanged(ctx context.Context, rev ledger.Revision, x *Examination) (bool, error) {
	previous, err := p.Ledger.Previous(ctx, rev.ID)
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var before Report
	if previous.InputDigest != x.InputDigest() || json.Unmarshal(previous.Findings, &before) != nil || !before.MadeWith(p.Models, p.Settings) {
		return false, nil
	}
	if _, err := p.Ledger.SaveFindings(ctx, rev.ID, previous.InputDigest, previous.Findings); err != nil {
		return false, err
	}
	why := ledger.Reason{Code: "unchanged", Text: fmt.Sprintf("the late instances are not part of what was read: the objects of revision %d stay valid", previous.Number)}
	p.Logger.Info("revision changes nothing", "study", rev.StudyUID, "revision", rev.Number, "like", previous.Number)
	return true, p.Ledger.Report(ctx, rev.ID, nil, nil, why)
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
		series = append(series, ledger.SeriesReason{SeriesUID: r.SeriesInstanceUID, Code: r.Refusal.Code, Text: r.Refusal.Text})
	}
	return p.Ledger.SaveSeriesReasons(ctx, revisionID, series)
}

func (p *Processor) saveFindings(ctx context.Context, rev ledger.Revision, x *Examination, report Report) (time.Time, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return time.Time{}, fmt.Errorf("write the findings: %w", err)
	}
	return p.Ledger.SaveFindings(ctx, rev.ID, x.InputDigest(), text)
}

// makeObjects builds the objects and writes them durably. Their files are named by their UIDs' hashes, so a second run
// writes the same files.
func (p *Processor) makeObjects(ctx context.Context, rev ledger.Revision, x *Examination, id Identity) ([]ledger.Object, error) {
	if x.Refusal != nil && !p.NotProcessed {
		return nil, nil
	}
	store, err := newObjectStore(p.DataDir, rev.StudyUID)
	if err != nil {
		return nil, err
	}
	var objects []ledger.Object
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
