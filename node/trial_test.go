package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/findings"
	"jcsnode/offline"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/web/try"
)

// A study that is tried waits while the node reads one of its own, and may be given up meanwhile.
func TestYielding(t *testing.T) {
	n := new(Node)
	if err := n.yield(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.life.works("1.2", "classify", 0, 1, time.Now())
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := n.yield(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it does not wait: %v", err)
	}
	over := make(chan error, 1)
	go func() { over <- n.yield(t.Context()) }()
	n.life.works("1.2", "", 0, 0, time.Now())
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestTrialSteps(t *testing.T) {
	told := map[string]int{}
	progress := trialSteps(func(step string, done, total int) { told[step] = total })
	stages := []string{"read", pipeline.StageDecode, "lungs", cascade.StageClassify, cascade.StageSegment, pipeline.StageMeasure}
	for i, stage := range stages {
		progress(stage, 0, i+10)
	}
	want := map[string]int{try.StepCheck: 11, try.StepClassify: 13, try.StepSegment: 14, try.StepPictures: 1}
	for step, total := range want {
		if told[step] != total {
			t.Errorf("%s: %d, want %d", step, told[step], total)
		}
	}
	if len(told) != len(want) {
		t.Errorf("%v", told)
	}
}

// Who fetches findings.json learns nothing of the folders of this machine.
func TestUnnameFiles(t *testing.T) {
	read := offline.Outcome{FindingsFile: filepath.Join(t.TempDir(), "findings.json")}
	read.Findings.RefusedInstances = []findings.Refused{{Path: "/var/lib/jcsnode/web-try/X/in/000017"}}
	if err := unnameFiles(read); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(read.FindingsFile)
	if err != nil || !strings.Contains(string(text), `"path": "000017"`) {
		t.Errorf("%s, %v", text, err)
	}
}
