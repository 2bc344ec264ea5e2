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
}

// Outcome is what came of a study. One that cannot be read has the reason in its findings; that is no error.
type Outcome struct {
	Findings                     findings.Findings
	Objects                      int    // how many were made
	FindingsFile                 string // Findings as JSON
	ObjectsFolder, PreviewFolder string
}

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
	x, err := pipeline.Load(ctx, ct.OpenPath, files, ahead, r.Progress)
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

// writeObjects writes each object and its preview, named by kind and number, as many at a time as there are processors.
func (r *Reader) writeObjects(ctx context.Context, x *pipeline.Examination, out Outcome) (int, error) {
	id := pipeline.Identity{Revision: 1, InputDigest: x.InputDigest(), Time: r.Time}
	numbers := map[string]int{}
	count := 0
	writing, ctx := errgroup.WithContext(ctx)
	writing.SetLimit(runtime.GOMAXPROCS(0))
	err := r.Maker.Build(ctx, x, id, func(made pipeline.Made, picture image.Image) error {
		numbers[made.Kind]++
		count++
		name := fmt.Sprintf("%s-%03d", made.Kind, numbers[made.Kind])
		writing.Go(func() error {
			if err := os.WriteFile(filepath.Join(out.ObjectsFolder, name+".dcm"), made.File, 0o644); err != nil {
				return err
			}
			return preview.Write(filepath.Join(out.PreviewFolder, name+".png"), picture)
		})
		return nil
	})
	if written := writing.Wait(); written != nil {
		return count, written // why the build was cancelled
	}
	if errors.Is(err, results.ErrNoSource) {
		return 0, nil
	}
	return count, err
}
