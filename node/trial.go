package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"jcsnode/config"
	"jcsnode/dicomout/object"
	"jcsnode/offline"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/web/try"
)

// trialDir is where studies lie that people try: nobody else's, and empty at every start.
func trialDir(c config.Config) string { return filepath.Join(c.Node.DataDir, "web-try") }

// newTrials makes the desk that takes studies to try. They are read by room offline, which knows neither ledger nor destination, with the
// node's own networks.
func (n *Node) newTrials(networks Networks) *try.Desk {
	c := n.config.Web.Try
	return try.NewDesk(try.Settings{
		Dir:      trialDir(n.config),
		MaxBytes: int64(c.MaxSize),
		Keep:     time.Duration(c.Keep),
		Waiting:  c.Waiting,
		PerHour:  c.PerHour,
		Read:     n.readTrial(networks),
		Free: func(ctx context.Context) (int64, error) {
			room, err := n.store.Room(ctx)
			return room.Free - room.Reserve, err
		},
		Now:    time.Now,
		Logger: n.log,
	})
}

// runTrials reads what people try until ctx ends. What goes wrong with it is no reason to stop receiving.
func (n *Node) runTrials(ctx context.Context) error {
	if n.trial == nil {
		return nil
	}
	if err := n.trial.Run(ctx); err != nil {
		n.log.Error("studies are not tried any more; everything else goes on", "error", err)
	}
	return nil
}

func (n *Node) readTrial(networks Networks) try.Read {
	maker := Maker(n.config, n.version, networks)
	polite := pipeline.Networks{Classifier: yielding{n}, Segmenter: yielding{n}}
	return func(ctx context.Context, in, out string, tell func(string, int, int)) (try.Result, error) {
		studies, err := offline.Studies(in)
		if err != nil {
			return try.Result{}, err
		}
		if len(studies) > 1 {
			return try.Result{}, &try.Refusal{Status: http.StatusBadRequest,
				Text: fmt.Sprintf("These are files of %d studies. Give one study at a time.", len(studies))}
		}
		current := *maker
		current.Recipients = n.site.Load().recipients
		reader := offline.Reader{
			Networks: polite,
			Maker:    &current,
			Time:     time.Now().Truncate(time.Second),
			Progress: trialSteps(tell),
			Pause:    n.yield,
		}
		read, err := reader.Read(ctx, studies[0], out)
		if err != nil {
			return try.Result{}, err
		}
		if err := unnameFiles(read); err != nil {
			return try.Result{}, err
		}
		result := try.Result{
			Findings:      read.Findings,
			FindingsFile:  read.FindingsFile,
			ObjectsFolder: read.ObjectsFolder,
			SliceFiles:    read.SliceFiles,
		}
		for _, o := range read.Objects {
			result.Objects = append(result.Objects, try.Object(o))
		}
		summary := filepath.Join(read.PreviewFolder, object.Summary.Name+"-001.png")
		switch _, err := os.Stat(summary); {
		case err == nil:
			result.Summary = summary
		case !errors.Is(err, fs.ErrNotExist):
			return try.Result{}, err
		}
		return result, nil
	}
}

// unnameFiles has findings.json say which file is meant without saying where files lie here.
func unnameFiles(read offline.Outcome) error {
	if len(read.Findings.RefusedInstances) == 0 {
		return nil
	}
	for i := range read.Findings.RefusedInstances {
		r := &read.Findings.RefusedInstances[i]
		r.Path = filepath.Base(r.Path)
	}
	text, err := json.MarshalIndent(read.Findings, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(read.FindingsFile, append(text, '\n'), 0o600)
}

// trialSteps tells of the pipeline's stages as steps. Objects are made once everything is measured.
func trialSteps(tell func(string, int, int)) pipeline.Progress {
	steps := map[string]string{
		pipeline.StageDecode:  try.StepCheck,
		cascade.StageClassify: try.StepClassify,
		cascade.StageSegment:  try.StepSegment,
	}
	return func(stage string, done, total int) {
		if step := steps[stage]; step != "" {
			tell(step, done, total)
		} else if stage == pipeline.StageMeasure {
			tell(try.StepPictures, 0, 1)
		}
	}
}

// yieldPoll is how often a study that waits looks whether the node still reads.
const yieldPoll = 250 * time.Millisecond

// yield waits while the node reads a study of its own.
func (n *Node) yield(ctx context.Context) error {
	for len(n.life.now()) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(yieldPoll):
		}
	}
	return ctx.Err()
}

// yielding are the node's networks for whoever can wait: a slice is not shown to them while the node reads a study of its own.
type yielding struct{ node *Node }

func (y yielding) Classify(ctx context.Context, hu []float32, rows, columns int) (cascade.Classification, error) {
	if err := y.node.yield(ctx); err != nil {
		return cascade.Classification{}, err
	}
	return classifier{y.node.runtime}.Classify(ctx, hu, rows, columns)
}

func (y yielding) Segment(ctx context.Context, hu []float32, rows, columns int) ([]float32, error) {
	if err := y.node.yield(ctx); err != nil {
		return nil, err
	}
	return y.node.runtime.Segment(ctx, hu, rows, columns)
}
