package dicomout_test

import (
	"strings"
	"testing"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
)

// everyKind is in the order in which objects are made.
var everyKind = []object.Kind{object.Summary, object.Segmentation, object.LabelMap, object.LabelMapPlain, object.Lungs, object.Report,
	object.ReportAlone, object.Rejection, object.Activation, object.ActivationMultiFrame, object.ParametricMap, object.Outline}

func names(kinds []object.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.Name)
	}
	return strings.Join(all, " ")
}

func TestKinds(t *testing.T) {
	plain := usual()
	labels := dicomout.Profile{Segmentation: true, Report: true, LabelMap: true, LabelMapBackground: true}
	colours := dicomout.Profile{Segmentation: true, LabelMap: true}
	reader := dicomout.Profile{Summary: true, Segmentation: true, Report: true}
	research := dicomout.Profile{Lungs: true, Report: true, Activation: true, MultiFrame: true, ParametricMap: true, Rejection: true}
	for _, c := range []struct {
		name     string
		profiles []dicomout.Profile
		want     string
	}{
		{"nobody", nil, ""},
		{"default", []dicomout.Profile{plain}, "summary seg activation outline"},
		{"label map: the report cannot name it", []dicomout.Profile{labels}, "seg labelmap report-alone"},
		{"label map without background", []dicomout.Profile{colours}, "seg labelmap-plain"},
		{"report beside its segmentation", []dicomout.Profile{reader}, "summary seg report"},
		{"report without one", []dicomout.Profile{research}, "lungs report-alone rejection activation-multiframe pmap"},
		{"two that want the same", []dicomout.Profile{plain, plain}, "summary seg activation outline"},
		{"all of them", []dicomout.Profile{plain, labels, colours, reader, research}, names(everyKind)},
	} {
		kinds := dicomout.Kinds(c.profiles...)
		if got := names(kinds); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// The BINARY form of a label map is made for it, and goes only instead of it.
	if got := names(labels.Kinds()); got != "labelmap report-alone" || labels.Wants("seg") || !labels.Wants("labelmap") {
		t.Errorf("%s go out with a label map", got)
	}
}
