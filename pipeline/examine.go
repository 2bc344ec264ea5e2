package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"jcsnode/dataset"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// Networks are the two networks of the cascade.
type Networks struct {
	Classifier cascade.Classifier
	Segmenter  cascade.Segmenter
}

// Examination is what one reading of a study gave. Refusal says why there is no volume; it is nil when there is one.
type Examination struct {
	Headers   []ct.Header
	Selection ct.Selection
	Refused   []ct.SeriesRefusal   // series that are not read, by the selection or when decoded
	Dropped   []ct.InstanceRefusal // instances that are part of no volume
	Chosen    *ct.Series
	Reason    string // why Chosen
	Volume    *ct.Volume
	Refusal   *ct.Refusal

	// What Read adds.
	Findings *cascade.Findings
	Lungs    [][]byte // lung mask of each slice: lung.None, Right or Left
	Measures lung.Measures
}

// Progress is told how far a stage has come.
type Progress func(stage string, done, total int)

func (p Progress) stage(name string) func(done, total int) {
	return func(done, total int) {
		if p != nil {
			p(name, done, total)
		}
	}
}

// Load reads the files of one study up to its volume in HU. A study that cannot be read gives an Examination with a
// Refusal; the error is for what is not the study's fault, such as a cancelled context.
func Load(ctx context.Context, paths []string, progress Progress) (*Examination, error) {
	x := &Examination{}
	if err := x.readHeaders(ctx, paths, progress.stage("read")); err != nil {
		return nil, err
	}
	x.Selection = ct.Select(x.Headers)
	x.Refused, x.Dropped = x.Selection.Refused, x.Selection.Dropped
	v, chosen, refused, err := ct.LoadBest(ctx, x.Selection, progress.stage("decode"))
	x.Refused = append(x.Refused, refused...)
	if errors.As(err, &x.Refusal) {
		return x, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the volume: %w", err)
	}
	// A stack that was tried after the first was refused as "another is better"; it is the chosen one now.
	x.Refused = slices.DeleteFunc(x.Refused, func(r ct.SeriesRefusal) bool {
		return r.SeriesInstanceUID == chosen.SeriesInstanceUID && chosen != x.Selection.Chosen && r.Refusal.Code == ct.CodeOtherChosen
	})
	x.Chosen, x.Volume, x.Dropped = chosen, v, append(x.Dropped, v.Dropped...)
	x.Reason = x.Selection.Reason
	if chosen != x.Selection.Chosen {
		x.Reason = chosen.Name + " is the best that holds lungs"
	}
	return x, nil
}

// Read runs the cascade on the volume and measures what it found.
func (x *Examination) Read(ctx context.Context, nets Networks, set cascade.Settings, progress Progress) error {
	f, err := cascade.Run(ctx, x.Volume, nets.Classifier, nets.Segmenter, set, func(stage string, done, total int) {
		progress.stage(stage)(done, total)
	})
	if err != nil {
		return fmt.Errorf("run the cascade: %w", err)
	}
	x.Findings = f
	return x.measure()
}

// readHeaders reads the header of every file, in the order of paths whatever finishes first.
func (x *Examination) readHeaders(ctx context.Context, paths []string, progress func(done, total int)) error {
	headers := make([][]ct.Header, len(paths))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			headers[i] = ct.ReadFile(path, dataset.Limits{})
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	x.Headers = slices.Concat(headers...)
	progress(len(paths), len(paths))
	return nil
}

// InputDigest names the input of the findings: hex SHA-256 over the sorted SOP Instance UIDs of the chosen series, or of the
// whole study when no series was chosen.
func (x *Examination) InputDigest() string {
	var uids []string
	if x.Volume != nil {
		for i := range x.Volume.Slices {
			uids = append(uids, x.Volume.Slices[i].Header.SOPInstanceUID)
		}
	} else {
		for i := range x.Headers {
			uids = append(uids, x.Headers[i].SOPInstanceUID)
		}
	}
	slices.Sort(uids)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(uids), "\n")))
	return hex.EncodeToString(sum[:])
}
