package results

import (
	"context"
	"image"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/pipeline"
	"jcsnode/scp"
	"jcsnode/store/disk"
)

// A study that is processed again on another day, in another season, gives the objects of the first day to the byte: their times are
// those of the findings.
func TestDays_RequeuedStudyGivesTheSameBytes(t *testing.T) {
	day := time.Date(2026, 1, 30, 23, 59, 0, 0, time.UTC)
	dir := t.TempDir()
	opt := ledger.Options{Now: func() time.Time { return day }, Logger: slog.New(slog.DiscardHandler)}
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "ledger.db"), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	study := phantomInbox(t, l, dir)
	maker := greyMaker()
	maker.Recipients = site()
	p := pipeline.Processor{
		Ledger:   l,
		Store:    openStore(t, dir),
		Networks: pipeline.Networks{Classifier: greyNetworks{}, Segmenter: greyNetworks{}},
		Settings: maker.Cascade,
		Models:   Models(maker.Manifest, maker.Engine),
		Logger:   slog.New(slog.DiscardHandler),
		Build: func(ctx context.Context, x *pipeline.Examination, id pipeline.Identity, emit func(pipeline.Made) error) error {
			return maker.Build(ctx, x, id, func(m pipeline.Made, _ image.Image) error { return emit(m) })
		},
	}
	if _, err := l.Settle(t.Context(), study, "test"); err != nil {
		t.Fatal(err)
	}
	objects := func() map[string][]byte {
		t.Helper()
		h, err := l.History(t.Context(), study)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Process(t.Context(), h.Revisions[len(h.Revisions)-1].ID); err != nil {
			t.Fatal(err)
		}
		return foldertest.Files(t, filepath.Join(dir, "objects"))
	}
	first := objects()
	if len(first) < len(maker.Recipients.Kinds(false)) {
		t.Fatalf("%d objects", len(first))
	}
	if err := os.RemoveAll(filepath.Join(dir, "objects")); err != nil {
		t.Fatal(err)
	}
	day = day.AddDate(0, 6, 1)
	if err := l.Requeue(t.Context(), study); err != nil {
		t.Fatal(err)
	}
	foldertest.Same(t, first, objects())
}

// phantomInbox puts a phantom with lesions into the inbox of a data folder and returns its study.
func phantomInbox(t *testing.T, l *ledger.Ledger, dir string) (study string) {
	t.Helper()
	inbox := filepath.Join(dir, "inbox")
	if err := phantom.Write(t.Context(), inbox, phantom.Options{
		Slices:  24,
		Spacing: 12,
		Lesions: true,
		Seed:    1,
		Rows:    256,
		Columns: 256,
	}); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(foldertest.Files(t, inbox))) {
		f, err := dataset.Open(filepath.Join(inbox, path), dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		study = f.Set().String(dataset.StudyInstanceUID)
		i := ledger.Instance{
			StudyUID:       study,
			SeriesUID:      f.Set().String(dataset.SeriesInstanceUID),
			SOPInstanceUID: f.Set().String(dataset.SOPInstanceUID),
			Path:           filepath.Join("inbox", path),
		}
		f.Close()
		if err := l.Record(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	return study
}

// openStore opens the files of a data folder.
func openStore(t *testing.T, dir string) *disk.Store {
	t.Helper()
	s, err := disk.Open(dir, disk.Options{Staging: scp.Staging})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
