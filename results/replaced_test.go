package results

import (
	"context"
	"fmt"
	"testing"

	"jcsnode/ledger"
)

// past is a ledger with one study.
type past ledger.History

func (p *past) History(context.Context, string) (*ledger.History, error) {
	return (*ledger.History)(p), nil
}

func TestReplaced(t *testing.T) {
	l := &past{}
	for revision := 1; revision <= 3; revision++ {
		r := ledger.RevisionHistory{}
		if revision != 2 { // the second changed nothing
			r.Objects = []ledger.Object{
				{Kind: "report", SOPInstanceUID: fmt.Sprintf("2.25.%d1", revision), SOPClassUID: "1.2", SeriesUID: "2.25.5"},
				{Kind: "rejection", SOPInstanceUID: fmt.Sprintf("2.25.%d2", revision)},
			}
		}
		l.Revisions = append(l.Revisions, r)
	}
	first, third := "{report 1.2 2.25.11 2.25.5}", "{report 1.2 2.25.31 2.25.5}"
	// The second revision of the ledger has no objects, so that the objects of the third say that they are revision 2.
	for revision, want := range map[int]string{1: "[]", 2: "[" + first + "]", 3: "[" + first + " " + third + "]"} {
		objects, err := replaced(t.Context(), l, "1.2.3", revision)
		if got := fmt.Sprint(objects); err != nil || got != want {
			t.Errorf("revision %d replaces %s, %v, want %s", revision, got, err, want)
		}
	}
}
