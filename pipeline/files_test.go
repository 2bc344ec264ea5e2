package pipeline

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/ledger"
)

// A ledger that was restored without the files says so at the start, once, in log and history; with the files back all is as before.
func TestCheckFiles(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*[0-5].dcm"))
	look := func(most int) (MissingFiles, string) {
		t.Helper()
		var log strings.Builder
		m, err := CheckFiles(t.Context(), b.Ledger, b.Store, slog.New(slog.NewTextHandler(&log, nil)), most)
		if err != nil {
			t.Fatal(err)
		}
		return m, log.String()
	}
	history := func() *ledger.History {
		t.Helper()
		h, err := b.Ledger.History(t.Context(), b.study)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if m, said := look(0); m != (MissingFiles{}) || said != "" {
		t.Errorf("with all files: %+v, %s", m, said)
	}
	aside := filepath.Join(t.TempDir(), "inbox")
	inbox := filepath.Join(b.dir, filepath.Dir(history().Instances[0].Path))
	if err := os.Rename(inbox, aside); err != nil {
		t.Fatal(err)
	}
	object := filepath.Join(b.dir, got.Objects[0].Path)
	if err := os.Rename(object, object+".aside"); err != nil {
		t.Fatal(err)
	}
	for _, most := range []int{0, 1} { // each start says it, the history tells it once
		m, said := look(most)
		if m.Studies != 1 || m.Instances != len(history().Instances) || m.Objects != 1 || strings.Count(said, "level=ERROR") != 1 ||
			!strings.Contains(said, "remedy=") {
			t.Errorf("without: %+v, %s", m, said)
		}
	}
	noted := 0
	for _, e := range history().Events {
		if e.Kind == ledger.EventFilesMissing {
			noted++
		}
	}
	if h := history(); !h.Missing || h.RemovedAt.IsZero() || noted != 1 {
		t.Errorf("missing %v since %v, %d events", h.Missing, h.RemovedAt, noted)
	}
	first := history().Instances[0]
	reference := []ledger.Reference{{SOPClassUID: first.SOPClassUID, SOPInstanceUID: first.SOPInstanceUID}}
	if p, err := b.Ledger.Presence(t.Context(), reference); err != nil || p[0] != ledger.Absent {
		t.Errorf("a missing instance is %v, %v; want it not confirmed", p, err)
	}
	if err := os.Rename(aside, inbox); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(object+".aside", object); err != nil {
		t.Fatal(err)
	}
	if m, said := look(1); m != (MissingFiles{}) || !strings.Contains(said, "here again") {
		t.Errorf("restored: %+v, %s", m, said)
	}
	if h := history(); h.Missing || !h.RemovedAt.IsZero() {
		t.Errorf("restored: missing %v since %v", h.Missing, h.RemovedAt)
	}
}
