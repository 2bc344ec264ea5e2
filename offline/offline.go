// Package offline reads studies that lie in a folder with the node's pipeline, without node and ledger: findings.json, the objects and a
// preview of each.
package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"jcsnode/dataset"
	"jcsnode/findings"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/preview"
	"jcsnode/results"
)

// Reader reads studies.
type Reader struct {
	Networks pipeline.Networks
	Maker    *results.Maker
	Time     time.Time         // that objects carry
	Progress pipeline.Progress // may be nil
	// Pause, if not nil, is asked before a file is read, after a slice was decoded and before an object is kept, and returns when the
	// reading may go on.
	Pause func(context.Context) error
}

// Outcome is what came of a study. One that cannot be read has the reason in its findings; that is no error.
type Outcome struct {
	Findings                     findings.Findings
	SliceFiles                   []string // of Findings.Slices
	Objects                      []Object
	FindingsFile                 string // Findings as JSON
	ObjectsFolder, PreviewFolder string
}

// Object is an object that was made: its kind, and the name of its file in Outcome.ObjectsFolder.
type Object struct{ Kind, Name string }

// Read reads the study of the files and writes what it gives below dir.
func (r *Reader) Read(ctx context.Context, files []string, dir string) (Outcome, error) {
	out := Outcome{
		FindingsFile:  filepath.Join(dir, "findings.json"),
		ObjectsFolder: filepath.Join(dir, "objects"),
		PreviewFolder: filepath.Join(dir, "previews"),
	}
	x, err := r.examine(ctx, files)
	if err != nil {
		return out, err
	}
	if x.Volume != nil {
		for i := range x.Volume.Slices {
			out.SliceFiles = append(out.SliceFiles, x.Volume.Slices[i].Header.Path)
		}
	}
	out.Findings = pipeline.FindingsOf(x, results.Models(r.Maker.Manifest, r.Maker.Engine), r.Maker.Cascade)
	for _, folder := range []string{out.ObjectsFolder, out.PreviewFolder} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return out, err
		}
	}
	text, err := json.MarshalIndent(out.Findings, "", "  ")
	if err != nil {
		return out, err
	}
	if err := os.WriteFile(out.FindingsFile, append(text, '\n'), 0o644); err != nil {
		return out, err
	}
	out.Objects, err = r.writeObjects(ctx, x, out)
	return out, err
}

func (r *Reader) examine(ctx context.Context, files []string) (*pipeline.Examination, error) {
	ahead := cascade.NewAhead(ctx, r.Networks.Classifier, r.Maker.Cascade)
	defer ahead.Close()
	open := func(path string) (*dataset.File, error) {
		if err := r.pause(ctx); err != nil {
			return nil, err
		}
		return ct.OpenPath(path)
	}
	progress := func(stage string, done, total int) {
		if r.Progress != nil {
			r.Progress(stage, done, total)
		}
		if stage == pipeline.StageDecode {
			r.pause(ctx) // an error is the end of ctx, which decoding looks at itself
		}
	}
	x, err := pipeline.Load(ctx, open, files, ahead, progress)
	if err != nil {
		return nil, err
	}
	if x.Refusal == nil {
		if err := x.Read(ctx, r.Networks, r.Maker.Cascade, r.Progress); err != nil {
			return nil, err
		}
	}
	x.Omitted, err = results.Omissions(x)
	return x, err
}

func (r *Reader) pause(ctx context.Context) error {
	if r.Pause == nil {
		return nil
	}
	return r.Pause(ctx)
}

// writeObjects writes each object and its preview, named by kind and number, as many at a time as there are processors.
func (r *Reader) writeObjects(ctx context.Context, x *pipeline.Examination, out Outcome) ([]Object, error) {
	id := pipeline.Identity{Revision: 1, InputDigest: x.InputDigest(), Time: r.Time}
	numbers := map[string]int{}
	var all []Object
	writing, ctx := errgroup.WithContext(ctx)
	writing.SetLimit(runtime.GOMAXPROCS(0))
	err := r.Maker.Build(ctx, x, id, func(made pipeline.Made, picture image.Image) error {
		if err := r.pause(ctx); err != nil {
			return err
		}
		numbers[made.Kind]++
		name := fmt.Sprintf("%s-%03d", made.Kind, numbers[made.Kind])
		all = append(all, Object{made.Kind, name + ".dcm"})
		writing.Go(func() error {
			if err := os.WriteFile(filepath.Join(out.ObjectsFolder, name+".dcm"), made.File, 0o644); err != nil {
				return err
			}
			return preview.Write(filepath.Join(out.PreviewFolder, name+".png"), picture)
		})
		return nil
	})
	if written := writing.Wait(); written != nil {
		return all, written // why the build was cancelled
	}
	if errors.Is(err, results.ErrNoSource) {
		return nil, nil
	}
	return all, err
}
