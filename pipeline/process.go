package pipeline

import (
	"cmp"
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

	"jcsnode/findings"
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
	Models   []findings.Model
	// Build makes the objects of an examination, one at a time, and says where each goes. It must give the same bytes for the same
	// input.
	Build func(ctx context.Context, x *Examination, id Identity, emit func(Made) error) error
	// Omissions lists what Build cannot carry of the examination's source as it is; may be nil.
	Omissions func(x *Examination) ([]string, error)
	Progress  Progress // may be nil
	Logger    *slog.Logger
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
	earlier, err := p.earlier(ctx, rev)
	if err != nil {
		return err
	}
	before := outcomeBefore(earlier)
	again := before != nil && !slices.ContainsFunc(instances, func(i ledger.Instance) bool { return i.Revision == rev.Number })
	progress := p.logged(log)
	var ahead *cascade.Ahead
	if before == nil { // else the networks may not be needed
		ahead = cascade.NewAhead(ctx, p.Networks.Classifier, p.Settings)
		defer ahead.Close()
	}
	x, err := p.load(ctx, instances, ahead, progress)
	if err != nil {
		return err
	}
	if err := p.saveReasons(ctx, rev.ID, x); err != nil {
		return err
	}
	if again && x.Refusal != nil && x.Refusal.Code == filesRemoved {
		log.Warn("study not read again", "why", x.Refusal.Text, "remedy", x.Refusal.Remedy)
		return p.unchanged(ctx, rev, before, ledger.Reason{Text: "not read again, since " + x.Refusal.Text, Remedy: x.Refusal.Remedy})
	}
	if x.Patients > 0 || x.Moved > 0 {
		log.Warn("study came under several patients", "slices_corrected", x.Moved, "patients_now", max(x.Patients, 1))
	}
	digest := x.InputDigest()
	like := p.like(before, digest)
	if like != nil && !again {
		return p.unchanged(ctx, rev, before, ledger.Reason{Text: "the late instances change nothing of what was read"})
	}
	if x.Refusal == nil {
		if err := x.Read(ctx, p.Networks, p.Settings, progress); err != nil {
			return err
		}
	}
	if p.Omissions != nil {
		if x.Omitted, err = p.Omissions(x); err != nil {
			return err
		}
		if len(x.Omitted) > 0 {
			log.Info("attributes of the images are not valid and not carried as they are", "attributes", x.Omitted)
		}
	}
	report := FindingsOf(x, p.Models, p.Settings)
	if like != nil && report.Agrees(like) {
		objects, err := p.makeObjects(ctx, progress, before.Revision, x, Identity{Revision: 1 + withObjects(earlier, before.Number), InputDigest: digest, Time: before.FindingsAt})
		if err != nil {
			return err
		}
		if err := p.Ledger.AddObjects(ctx, before.ID, objects); err != nil {
			return err
		}
		return p.unchanged(ctx, rev, before, ledger.Reason{Text: "read again with the same slices, networks and settings"})
	}
	at, err := p.saveFindings(ctx, rev, digest, report)
	if err != nil {
		return err
	}
	objects, err := p.makeObjects(ctx, progress, rev, x, Identity{Revision: 1 + withObjects(earlier, rev.Number), InputDigest: digest, Time: at})
	if err != nil {
		return err
	}
	if x.Refusal != nil {
		why := ledger.Reason{Code: x.Refusal.Code, Text: x.Refusal.Text, Remedy: x.Refusal.Remedy}
		log.Warn("study not processed", "code", why.Code, "why", why.Text, "remedy", why.Remedy, "instances", len(instances))
		return p.Ledger.NotProcessed(ctx, rev.ID, why, objects)
	}
	if len(report.Limits) > 0 {
		log = log.With("limits", report.Limits)
	}
	log.Info("study reported", "positive", report.Decision.Positive, "why", report.Decision.Text, "slices", len(report.Slices),
		"objects", len(objects), "weights", findings.Weights(p.Models), "took", time.Since(began).Round(time.Millisecond).String())
	return p.Ledger.Complete(ctx, rev.ID, objects, ledger.Reason{Text: report.Decision.Text})
}

// logged tells Progress, and the log at debug when a stage begins and when it ends.
func (p *Processor) logged(log *slog.Logger) Progress {
	return func(stage string, done, total int) {
		p.Progress.tell(stage, done, total)
		switch done {
		case 0:
			log.Debug("stage begins", "stage", stage)
		case total:
			log.Debug("stage ends", "stage", stage, "of", total)
		}
	}
}

// filesRemoved is why a study whose files are gone is not processed.
const filesRemoved = "files-removed"

// load reads the instances of a revision. One whose files were removed cannot be read any more: it says so, instead of
// reading the rest as if that were the study.
func (p *Processor) load(ctx context.Context, instances []ledger.Instance, ahead *cascade.Ahead, progress Progress) (*Examination, error) {
	paths := make([]string, len(instances))
	missing := 0
	for i, in := range instances {
		paths[i] = filepath.Join(p.DataDir, in.Path)
		if _, err := os.Stat(paths[i]); errors.Is(err, fs.ErrNotExist) {
			missing++
		}
	}
	if missing > 0 {
		return &Examination{Refusal: &ct.Refusal{Code: filesRemoved,
			Text:   fmt.Sprintf("the files of %d of %d instances of the study are not on this node any more", missing, len(instances)),
			Remedy: "send the whole study again, or restore its files from the backup of data_dir; then requeue it"}}, nil
	}
	return Load(ctx, paths, ahead, progress)
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

// withObjects counts the revisions before that number that have objects.
func withObjects(revisions []ledger.RevisionHistory, number int) int {
	n := 0
	for _, r := range revisions {
		if len(r.Objects) > 0 && r.Number < number {
			n++
		}
	}
	return n
}

// outcomeBefore finds the newest of the earlier revisions that came to an outcome of its own, nil if there is none.
func outcomeBefore(earlier []ledger.RevisionHistory) *ledger.RevisionHistory {
	none := []string{ledger.ReasonUnchanged, ledger.ReasonSuperseded, ledger.ReasonFailed, ledger.ReasonCrashed}
	for i, r := range earlier {
		if (r.State == ledger.StateReported || r.State == ledger.StateNotProcessed) && !slices.Contains(none, r.Reason.Code) {
			return &earlier[i]
		}
	}
	return nil
}

// like is the report of an earlier revision that rests on the same slices, the same networks and the same settings, else nil.
func (p *Processor) like(before *ledger.RevisionHistory, digest string) *findings.Findings {
	var report findings.Findings
	if before == nil || before.InputDigest != digest || json.Unmarshal(before.Findings, &report) != nil || !report.MadeWith(p.Models, SettingsOf(p.Settings)) {
		return nil
	}
	return &report
}

// unchanged ends a revision that finds nothing new: the outcome and the objects of the earlier one are valid.
func (p *Processor) unchanged(ctx context.Context, rev ledger.Revision, before *ledger.RevisionHistory, why ledger.Reason) error {
	if _, err := p.Ledger.SaveFindings(ctx, rev.ID, before.InputDigest, before.Findings); err != nil {
		return err
	}
	p.Logger.Info("revision changes nothing", "study", rev.StudyUID, "revision", rev.Number, "like", before.Number, "why", why.Text)
	why.Code = ledger.ReasonUnchanged
	if before.State == ledger.StateNotProcessed {
		why.Text, why.Remedy = before.Reason.Text, before.Reason.Remedy
		return p.Ledger.NotProcessed(ctx, rev.ID, why, nil)
	}
	why.Text += fmt.Sprintf(": what revision %d found is valid", before.Number)
	return p.Ledger.Complete(ctx, rev.ID, nil, why)
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

func (p *Processor) saveFindings(ctx context.Context, rev ledger.Revision, digest string, report findings.Findings) (time.Time, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return time.Time{}, fmt.Errorf("write the findings: %w", err)
	}
	return p.Ledger.SaveFindings(ctx, rev.ID, digest, text)
}

// makeObjects builds the objects and writes them durably. Their files are named by their UIDs' hashes, so a second run
// writes the same files.
func (p *Processor) makeObjects(ctx context.Context, progress Progress, rev ledger.Revision, x *Examination, id Identity) ([]ledger.Outgoing, error) {
	if x.Refusal != nil && len(x.Headers) == 0 {
		return nil, nil
	}
	progress.tell(stageObjects, 0, 1)
	defer progress.tell(stageObjects, 1, 1)
	store, err := newObjectStore(ctx, p.DataDir, rev.StudyUID, rev.Number)
	if err != nil {
		return nil, err
	}
	built := p.Build(ctx, x, id, store.put)
	objects, err := store.close() // nothing is written any more when this returns
	if err = cmp.Or(built, err); err != nil {
		return nil, fmt.Errorf("make the objects: %w", err)
	}
	return objects, nil
}
