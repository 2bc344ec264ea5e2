package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// Networks are the two networks of the cascade.
type Networks struct {
	Classifier cascade.Classifier
	Segmenter  cascade.Segmenter
}

// Examination is what one reading of a study gave.
type Examination struct {
	Open     ct.Opener // of the files that the headers name
	Headers  []ct.Header
	Chosen   *ct.Series
	Reason   string   // why Chosen
	Notes    []string // oddities of the study
	Patients int      // whose slices share the study; 0 when they are all of one
	Moved    int      // slices that came again under another patient, whose result this is
	Refused  []ct.SeriesRefusal
	Unread   []*ct.Series         // stacks that may show lungs and were not read
	Dropped  []ct.InstanceRefusal // instances that are not in Volume
	Volume   *ct.Volume
	Refusal  *ct.Refusal // why there is no volume, nil if there is one
	Omitted  []string    // attributes of Source that no valid object can carry as they are, and why

	// What Read adds.
	Findings *cascade.Findings
	Lungs    [][]byte     // lung mask of each slice: lung.None, Right or Left
	LeftOut  lung.LeftOut // outlines that were taken from the findings; see cascade.Settings
	Measures lung.Measures

	ahead *cascade.Ahead
}

// Progress is told how far a stage has come: 0 of total when it begins, total of total when it ends; total may grow meanwhile. Stages
// overlap, so several goroutines may call it at a time.
type Progress func(stage string, done, total int)

// Stages beside those of the cascade.
const (
	stageHeaders = "read"
	StageDecode  = "decode"
	stageLungs   = "lungs"
	StageMeasure = "measure"
	stageObjects = "objects"
)

// tell is nothing without somebody to tell.
func (p Progress) tell(stage string, done, total int) {
	if p != nil {
		p(stage, done, total)
	}
}

func (p Progress) stage(name string) func(done, total int) {
	return func(done, total int) { p.tell(name, done, total) }
}

// during calls work as a stage of one step.
func (p Progress) during(stage string, work func() error) error {
	p.tell(stage, 0, 1)
	err := work()
	p.tell(stage, 1, 1)
	return err
}

// Load reads the files of one study, in the order in which they came, up to its volume in HU. A study that cannot be read gives an
// Examination with a Refusal; the error is for what is not the study's fault, such as a cancelled context. ahead, if not nil, classifies
// slices while others are decoded, for Read; it is closed if the study is refused.
func Load(ctx context.Context, open ct.Opener, names []string, ahead *cascade.Ahead, progress Progress) (*Examination, error) {
	x := &Examination{Open: open, ahead: ahead}
	if err := x.readHeaders(ctx, names, progress.stage(stageHeaders)); err != nil {
		return nil, err
	}
	var err error
	if x.Moved, err = ct.Correct(ctx, open, x.Headers); err != nil {
		return nil, err
	}
	if err := ct.ComparePixels(ctx, open, x.Headers); err != nil {
		return nil, fmt.Errorf("compare slices at one place: %w", err)
	}
	selection := ct.Select(x.Headers)
	x.Notes, x.Patients = selection.Notes, selection.Patients
	progress.tell(StageDecode, 0, 1)
	var seen ct.Seen
	if ahead != nil {
		seen = ahead.Add
	}
	v, _, refused, err := ct.LoadBest(ctx, open, selection, seen, progress.stage(StageDecode))
	outcome := selection.Choose(refused)
	x.Chosen, x.Reason, x.Refused, x.Unread, x.Dropped = outcome.Chosen, outcome.Reason, outcome.Refused, outcome.Unread, outcome.Dropped
	if errors.As(err, &x.Refusal) {
		if ahead != nil {
			ahead.Close()
		}
		return x, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the volume: %w", err)
	}
	x.Volume, x.Dropped = v, append(x.Dropped, v.Dropped...)
	return x, nil
}

// Read runs the cascade on the volume and measures what it found. The lungs are found while slices are classified.
func (x *Examination) Read(ctx context.Context, nets Networks, set cascade.Settings, progress Progress) error {
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error {
		return guard.Call(func() error { return progress.during(stageLungs, x.findLungs) })
	})
	g.Go(func() (err error) {
		progress.tell(cascade.StageClassify, 0, len(x.Volume.Slices))
		x.Findings, err = cascade.Classify(both, x.Volume, nets.Classifier, set, x.ahead, progress.tell)
		return err
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("run the cascade: %w", err)
	}
	if x.Findings.Decide(x.Volume, set); x.Findings.Decision.Positive {
		progress.tell(cascade.StageSegment, 0, len(x.Volume.Slices))
		if err := x.Findings.Segment(ctx, x.Volume, nets.Segmenter, set, x.showLung(), progress.tell); err != nil {
			return fmt.Errorf("run the cascade: %w", err)
		}
	}
	return progress.during(StageMeasure, func() error { return x.measure(set) })
}

// readHeaders reads the header of every file, in the order of names whatever finishes first.
func (x *Examination) readHeaders(ctx context.Context, names []string, progress func(done, total int)) error {
	progress(0, len(names))
	headers := make([][]ct.Header, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			if err := guard.Call(func() error { headers[i] = ct.ReadFile(x.Open, name); return nil }); err != nil {
				return fmt.Errorf("read the header of %s: %w", name, err)
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range headers {
		for k := range headers[i] {
			headers[i][k].Order = i
		}
	}
	x.Headers = slices.Concat(headers...)
	progress(len(names), len(names))
	return nil
}

// InputDigest names the input of the findings: hex SHA-256 over each slice that was read, what its header says and its
// Hounsfield units, and over the limits of the result, so that a second stack that comes late is told of. When nothing could be
// read it covers the reason and the headers of the whole study. How the slices were encoded on their way does not count, nor does
// the order in which they came.
func (x *Examination) InputDigest() string {
	h := sha256.New()
	if x.Volume != nil {
		var hu []byte
		for i := range x.Volume.Slices {
			s := &x.Volume.Slices[i]
			fmt.Fprintf(h, "%x %d\n", s.Header.Digest, s.Header.Frame)
			hu, _ = binary.Append(hu[:0], binary.LittleEndian, s.HU) // no error for numbers
			h.Write(hu)
		}
		if l := x.Limits(); l != (Limits{}) { // without limits the digest is what it was before there were any
			fmt.Fprintf(h, "limits %d %t %t %t %d %d\n", l.MissingSlices, l.Short, l.GoesOn, l.EndsInLungs, l.Defects, l.Patients)
			if l.Others != "" || l.Lesser != "" {
				fmt.Fprintf(h, "stack %q %q\n", l.Others, l.Lesser)
			}
			if l.Moved > 0 || l.Differ { // since there are corrections
				fmt.Fprintf(h, "patient %d %t\n", l.Moved, l.Differ)
			}
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	if x.Refusal != nil {
		fmt.Fprintf(h, "not processed: %s\n", x.Refusal.Code)
	}
	var said []string
	for i := range x.Headers {
		if r := x.Headers[i].Refusal; r != nil && r.Code == ct.CodeNotOurs {
			continue // perhaps our own page about this very study, sent back to us
		}
		said = append(said, string(x.Headers[i].Digest[:]))
	}
	slices.Sort(said)
	for _, digest := range slices.Compact(said) {
		h.Write([]byte(digest))
	}
	return hex.EncodeToString(h.Sum(nil))
}
