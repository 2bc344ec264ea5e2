package results

import (
	"slices"
	"testing"

	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

func TestReplaced(t *testing.T) {
	got := replaced([]ledger.Object{
		{Kind: "report", SOPInstanceUID: "2.25.11", SOPClassUID: "1.2", SeriesUID: "2.25.5"},
		{Kind: "rejection", SOPInstanceUID: "2.25.12"},
		{Kind: "report", SOPInstanceUID: "2.25.31", SOPClassUID: "1.2", SeriesUID: "2.25.5"},
	})
	want := []object.ReferencedObject{
		{Kind: "report", SOPClassUID: "1.2", SOPInstanceUID: "2.25.11", SeriesInstanceUID: "2.25.5"},
		{Kind: "report", SOPClassUID: "1.2", SOPInstanceUID: "2.25.31", SeriesInstanceUID: "2.25.5"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("replaced %v, want %v", got, want)
	}
}
