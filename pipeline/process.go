package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/store"
)

// Identity is what every object of one revision is named by.
type Identity struct {
	Revision    int // counts the revisions of the study that have objects, from 1
	InputDigest string
	Time        time.Time       // when the findings were written
	Replaced    []ledger.Object // those of the revisions before, the oldest first
}

// Made is one object with its bytes, a DICOM file.
type Made struct {
	ledger.Outgoing
	File []byte
}

// ProcessorLedger is what the Processor asks of the ledger.
type ProcessorLedger interface {
	Revision(ctx context.Context, id int64) (ledger.Revision, []ledger.Instance, error)
	Earlier(ctx context.Context, revisionID int64) ([]ledger.Earlier, error)
	Begin(ctx context.Context, revisionID int64) error
	SaveReasons(ctx context.Context, revisionID int64, r ledger.Reading) error
	SaveFindings(ctx context.Context, revisionID int64, r ledger.Reading) (time.Time, error)
	AddObjects(ctx context.Context, revisionID int64, objects []ledger.Outgoing) error
	Complete(ctx context.Context, revisionID int64, objects []ledger.Outgoing, note ledger.Reason) error
	NotProcessed(ctx context.Context, revisionID int64, why ledger.Reason, objects []ledger.Outgoing) error
}

// Processor works on the process jobs of the ledger. Fields must be set unless they say otherwise.
type Processor struct {
	Ledger   ProcessorLedger
	Store    store.Store
	Networks Networks
	Settings cascade.Settings
	Models   []findings.Model
	// Build makes the objects of an examination, one at a time, and says where each goes. It must give the same bytes for the same
	// input.
	Build func(ctx context.Context, x *Examination, id Identity, emit func(Made) error) error
	// Omissions lists what Build cannot carry of the examination's source as it is; may be nil.
	Omissions func(x *Examination) ([]string, error)
	Progress  Progress // may be nil
	// Works is told like Progress, of which study, and, with an empty stage, when work on it ends; may be nil.
	Works func(studyUID, stage string, done, total int)
	// Waited is told how long a complete study waited until it was begun for the first time; may be nil.
	Waited func(time.Duration)
	Logger *slog.Logger

	away store.Outage // of the store
}

// Process reads one revision of a study and leaves findings and objects in the ledger. It is safe to run twice: the time of
// the findings is fixed by the first run, objects are named by their input, and the ledger takes each once.
func (p *Processor) Process(ctx context.Context, revisionID int64) error {
	err := p.process(ctx, revisionID)
	if fault := (*store.Error)(nil); ctx.Err() == nil && errors.As(err, &fault) && waits(fault) {
		pause := p.away.Pause(revisionID, time.Now())
		p.Logger.Warn("a study waits for the store of its files; it is tried again", "revision_id", revisionID, "in", pause.String(),
			"error", err)
		return &ledger.RetryAfter{Delay: pause, Err: err}
	}
	if err == nil {
		p.away.Over(revisionID)
	}
	return err
}

// waits tells a fault of the store that says nothing about the study, and passes.
func waits(fault *store.Error) bool {
	return fault.Kind == store.ErrTemporary || fault.Far && fault.Kind == store.ErrFull
}

// earlierWait is the pause before the next look whether an earlier revision has ended, if its end wakes nobody.
const earlierWait = time.Minute

// inWork tells of an earlier revision whose objects nobody knows yet: a newer one that is read beside it would not reject them, and they
// may be sent before it ends.
func inWork(r ledger.Earlier) bool { return !r.Over() }

func (p *Processor) process(ctx context.Context, revisionID int64) error {
	earlier, err := p.Ledger.Earlier(ctx, revisionID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(earlier, inWork) {
		return &ledger.RetryAfter{Delay: earlierWait, Err: errors.New("an earlier revision of the study is being read")}
	}
	rev, instances, err := p.Ledger.Revision(ctx, revisionID)
	if err != nil {
		return err
	}
	log := p.Logger.With("study", rev.StudyUID, "revision", rev.Number)
	if err := p.Ledger.Begin(ctx, rev.ID); err != nil {
		return err
	}
	if p.Waited != nil && rev.StartedAt.IsZero() {
		p.Waited(time.Since(rev.SettledAt))
	}
	p.works(rev.StudyUID, "begin", 0, 0)
	defer p.works(rev.StudyUID, "", 0, 0)
	began := time.Now()
	before := outcomeBefore(earlier)
	again := before != nil && !slices.ContainsFunc(instances, func(i ledger.Instance) bool { return i.Revision == rev.Number })
	progress := p.logged(log, rev.StudyUID)
	var ahead *cascade.Ahead
	if before == nil { // else the networks may not be needed
		ahead = cascade.NewAhead(ctx, p.Networks.Classifier, p.Settings)
		defer ahead.Close()
	}
	x, err := p.load(ctx, rev, instances, ahead, progress)
	if err != nil {
		return err
	}
	reading := reasons(instances, x)
	if again && x.Refusal != nil && x.Refusal.Code == filesRemoved {
		log.Warn("study not read again", "why", x.Refusal.Text, "remedy", x.Refusal.Remedy)
		why := ledger.Reason{Text: "not read again, since " + x.Refusal.Text, Remedy: x.Refusal.Remedy}
		return p.unchanged(ctx, rev, before, reading, why)
	}
	if x.Patients > 0 || x.Moved > 0 {
		log.Warn("study came under several patients", "slices_corrected", x.Moved, "patients_now", max(x.Patients, 1))
	}
	digest := x.InputDigest()
	like := p.like(before, digest)
	if like != nil && !again {
		return p.unchanged(ctx, rev, before, reading, ledger.Reason{Text: "the late instances change nothing of what was read"})
	}
	if x.Refusal == nil {
		if err := p.Ledger.SaveReasons(ctx, rev.ID, reading); err != nil {
			return err
		}
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
		objects, err := p.makeObjects(ctx, progress, before.Revision, x, identity(earlier, before.Number, digest, before.FindingsAt))
		if err != nil {
			return err
		}
		if err := p.Ledger.AddObjects(ctx, before.ID, objects); err != nil {
			return err
		}
		return p.unchanged(ctx, rev, before, reading, ledger.Reason{Text: "read again with the same slices, networks and settings"})
	}
	if reading.Findings, err = json.Marshal(report); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	reading.InputDigest = digest
	at, err := p.Ledger.SaveFindings(ctx, rev.ID, reading)
	if err != nil {
		return err
	}
	objects, err := p.makeObjects(ctx, progress, rev, x, identity(earlier, rev.Number, digest, at))
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

// works tells Works, if somebody listens.
func (p *Processor) works(studyUID, stage string, done, total int) {
	if p.Works != nil {
		p.Works(studyUID, stage, done, total)
	}
}

// logged tells Progress, and Works, and the log at debug when a stage begins and when it ends.
func (p *Processor) logged(log *slog.Logger, studyUID string) Progress {
	return func(stage string, done, total int) {
		p.Progress.tell(stage, done, total)
		p.works(studyUID, stage, done, total)
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
func (p *Processor) load(
	ctx context.Context, rev ledger.Revision, instances []ledger.Instance, ahead *cascade.Ahead, progress Progress,
) (*Examination, error) {
	names, distinct := make([]string, len(instances)), map[string]bool{}
	for i, in := range instances {
		names[i] = in.Path
		distinct[in.SOPInstanceUID] = true
	}
	missing, err := lacking(ctx, p.Store, names)
	if err != nil {
		return nil, err
	}
	// Of what was thinned out nobody knows any more whether it came again: as many must have.
	missing = max(missing, rev.Thinned-len(distinct))
	if missing > 0 {
		return &Examination{Refusal: &ct.Refusal{Code: filesRemoved,
			Text: fmt.Sprintf("the files of %d of %d instances of the study are not on this node any more",
				missing, max(len(instances), rev.Thinned)),
			Remedy: "send the whole study again, or restore its files from the backup; then requeue it"}}, nil
	}
	reading, end := context.WithCancelCause(ctx)
	defer end(nil)
	var files spoilt
	x, err := Load(reading, p.opener(ctx, end, &files), names, ahead, progress)
	if cause := context.Cause(reading); cause != nil {
		return nil, cause
	}
	files.tell(p.Logger.With("study", rev.StudyUID, "revision", rev.Number))
	return x, err
}

// identity is that of objects of the revision with that number: of the revisions before, those count that have objects, and these objects
// are replaced.
func identity(earlier []ledger.Earlier, number int, digest string, at time.Time) Identity {
	id := Identity{Revision: 1, InputDigest: digest, Time: at}
	for _, r := range earlier {
		if len(r.Objects) > 0 && r.Number < number {
			id.Revision++
			id.Replaced = append(id.Replaced, r.Objects...)
		}
	}
	return id
}

// outcomeBefore finds the newest of the earlier revisions that came to an outcome of its own, nil if there is none.
func outcomeBefore(earlier []ledger.Earlier) *ledger.Earlier {
	none := []string{ledger.ReasonUnchanged, ledger.ReasonSuperseded, ledger.ReasonFailed, ledger.ReasonCrashed}
	for i, r := range slices.Backward(earlier) {
		if (r.State == ledger.StateReported || r.State == ledger.StateNotProcessed) && !slices.Contains(none, r.Reason.Code) {
			return &earlier[i]
		}
	}
	return nil
}

// like is the report of an earlier revision that rests on the same slices, the same networks and the same settings, else nil.
func (p *Processor) like(before *ledger.Earlier, digest string) *findings.Findings {
	var report findings.Findings
	if before == nil || before.InputDigest != digest || json.Unmarshal(before.Findings, &report) != nil ||
		!report.MadeWith(p.Models, SettingsOf(p.Settings)) {
		return nil
	}
	return &report
}

// unchanged ends a revision that finds nothing new: the outcome and the objects of the earlier one are valid.
func (p *Processor) unchanged(
	ctx context.Context, rev ledger.Revision, before *ledger.Earlier, reading ledger.Reading, why ledger.Reason,
) error {
	reading.InputDigest, reading.Findings = before.InputDigest, before.Findings
	if _, err := p.Ledger.SaveFindings(ctx, rev.ID, reading); err != nil {
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

// reasons is what there is to say about instances and series, before anything is found.
func reasons(instances []ledger.Instance, x *Examination) ledger.Reading {
	var r ledger.Reading
	again := map[string]int{}
	for _, i := range instances {
		again[i.Path] = i.ReceivedAgain
	}
	for _, d := range x.Dropped {
		r.Instances = append(r.Instances, ledger.InstanceReason{
			Path:           d.Path,
			SOPInstanceUID: d.SOPInstanceUID,
			Code:           d.Refusal.Code,
			Text:           d.Refusal.Text,
			Again:          again[d.Path],
		})
	}
	if x.Chosen != nil {
		r.Series = append(r.Series, ledger.SeriesReason{SeriesUID: x.Chosen.SeriesInstanceUID, Chosen: true, Text: x.Reason})
	}
	for _, s := range x.Refused {
		r.Series = append(r.Series, ledger.SeriesReason{
			SeriesUID: s.SeriesInstanceUID,
			Code:      s.Refusal.Code,
			Text:      s.Refusal.Text,
			Remedy:    s.Refusal.Remedy,
		})
	}
	return r
}

// makeObjects builds the objects and writes them durably. Their files are named by their UIDs' hashes, so a second run
// writes the same files.
func (p *Processor) makeObjects(
	ctx context.Context, progress Progress, rev ledger.Revision, x *Examination, id Identity,
) ([]ledger.Outgoing, error) {
	if x.Refusal != nil && len(x.Headers) == 0 {
		return nil, nil
	}
	progress.tell(stageObjects, 0, 1)
	defer progress.tell(stageObjects, 1, 1)
	writer := newObjectWriter(ctx, p.Store, rev.StudyUID, rev.Number)
	built := p.Build(ctx, x, id, writer.put)
	objects, err := writer.close() // nothing is written any more when this returns
	if err = cmp.Or(built, err); err != nil {
		return nil, fmt.Errorf("make the objects: %w", err)
	}
	return objects, nil
}
