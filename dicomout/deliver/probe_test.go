package deliver_test

import (
	"strings"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
)

func TestProbe_SaysWhatSendWouldDoAndSendsNothing(t *testing.T) {
	p := &peer{refused: object.LabelMapSegmentationStorage, syntaxes: []string{dataset.ImplicitVRLittleEndian}}
	probed := []deliver.Item{
		{SOPClassUID: object.SecondaryCaptureImageStorage, TransferSyntaxUID: dataset.ExplicitVRLittleEndian},
		{SOPClassUID: object.LabelMapSegmentationStorage, TransferSyntaxUID: dataset.ExplicitVRLittleEndian},
		{SOPClassUID: object.LabelMapSegmentationStorage, TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
			Alternative: &deliver.Item{SOPClassUID: object.SegmentationStorage, TransferSyntaxUID: dataset.ExplicitVRLittleEndian}},
		{SOPClassUID: object.ParametricMapStorage, TransferSyntaxUID: dataset.RLELossless},
	}
	answers, err := deliver.Probe(t.Context(), p.serve(t), probed)
	if err != nil || len(answers) != len(probed) {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	for i, want := range []struct{ class, syntax, text string }{
		{object.SecondaryCaptureImageStorage, dataset.ImplicitVRLittleEndian, ""},
		{"", "", "does not accept the class"},
		{object.SegmentationStorage, dataset.ImplicitVRLittleEndian, ""},
		{"", "", "does not accept our transfer syntaxes"},
	} {
		a := answers[i]
		if a.SOPClassUID != want.class || a.TransferSyntaxUID != want.syntax ||
			!strings.Contains(a.Verdict.Text, want.text) || (want.text == "") != (a.Verdict.Text == "") {
			t.Errorf("item %d: class %q, syntax %q, %q; want %+v", i+1, a.SOPClassUID, a.TransferSyntaxUID, a.Verdict.Text, want)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.received) != 0 {
		t.Errorf("peer received %d objects", len(p.received))
	}
}

func TestProbe_Nothing(t *testing.T) {
	if _, err := deliver.Probe(t.Context(), (&peer{}).serve(t), nil); err == nil {
		t.Error("an association without contexts was opened")
	}
}

func TestProbe_Rejected(t *testing.T) {
	p := &peer{admit: func(dimse.Requestor) error { return &dimse.Rejection{Result: 1, Source: 1, Reason: 3} }}
	_, err := deliver.Probe(t.Context(), p.serve(t), items(t, object.Summary, 1))
	if err == nil {
		t.Fatal("no error")
	}
	if v := deliver.ClassifyError(err); v.Retry != deliver.RetryProbe || !strings.Contains(v.Remedy, "AE title") {
		t.Errorf("verdict %+v", v)
	}
}
