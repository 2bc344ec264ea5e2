package pipeline

import (
	"context"
	"errors"
	"testing"

	"jcsnode/ledger"
	"jcsnode/pipeline/cascade"
)

// brokenNetworks fail at every slice.
type brokenNetworks struct{ sureNetworks }

var errBroken = errors.New("no memory on the device")

func (*brokenNetworks) Classify(context.Context, []float32, int, int) (cascade.Classification, error) {
	return cascade.Classification{}, errBroken
}

// What cannot be read by the networks tells which series was chosen all the same, and why the others were not.
func TestProcess_FailedKeepsItsReasons(t *testing.T) {
	b := newBench(t)
	rev := b.receive(t, "*.dcm")
	b.Networks.Classifier = &brokenNetworks{}
	if err := b.Process(t.Context(), rev.ID); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	h, err := b.Ledger.History(t.Context(), b.study)
	if err != nil {
		t.Fatal(err)
	}
	r := h.Revisions[0]
	if r.State != ledger.StateProcessing || len(r.Series) == 0 || !r.Series[0].Chosen || r.Series[0].Text == "" {
		t.Errorf("%s, series %+v", r.State, r.Series)
	}
	b.Networks.Classifier = b.nets
	if again := b.process(t, rev); again.State != ledger.StateReported || len(again.Series) != len(r.Series) {
		t.Errorf("%s, series %+v", again.State, again.Series)
	}
}
