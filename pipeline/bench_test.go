package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"jcsnode/dataset"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/pipeline/cascade"
	"jcsnode/store/disk"
)

// sureNetworks call every slice positive and outline a square.
type sureNetworks struct{ calls int }

func (n *sureNetworks) Classify(context.Context, []float32, int, int) (cascade.Classification, error) {
	n.calls++
	return cascade.Classification{Probability: 0.9, Activation: []float32{0, 1, 2, 3}, Rows: 2, Columns: 2}, nil
}

func (n *sureNetworks) Segment(_ context.Context, hu []float32, rows, columns int) ([]float32, error) {
	out := make([]float32, len(hu))
	for r := rows / 3; r < rows/2; r++ {
		for c := columns / 4; c < columns/3; c++ {
			out[r*columns+c] = 1
		}
	}
	return out, nil
}

// bench is a processor over a ledger with one study of phantom slices.
type bench struct {
	*Processor
	Ledger *ledger.Ledger
	dir    string // of the store
	nets   *sureNetworks
	study  string
	built  []Identity
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{dir: dir, nets: &sureNetworks{}}
	if err := os.CopyFS(filepath.Join(dir, "inbox"), os.DirFS(phantomStudy(t))); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "ledger.db"), ledger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b.Ledger = l
	files, err := disk.Open(dir, disk.Options{Staging: "tmp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	set := usual()
	b.Processor = &Processor{Ledger: l, Store: files, Networks: Networks{b.nets, b.nets}, Settings: set,
		Models: []findings.Model{{Role: "classifier", Name: "sure", Status: "untrained"}}, Logger: slog.New(slog.DiscardHandler),
		Build: func(_ context.Context, _ *Examination, id Identity, emit func(Made) error) error {
			b.built = append(b.built, id)
			uid := fmt.Sprintf("2.25.%d", id.Revision)
			return emit(Made{
				Outgoing: ledger.Outgoing{Object: ledger.Object{SOPInstanceUID: uid, Kind: "summary"}, Destinations: []string{"pacs"}},
				File:     []byte(uid + id.Time.String()),
			})
		}}
	return b
}

var drawPhantom = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "jcsnode-pipeline-")
	if err != nil {
		return "", err
	}
	return dir, phantom.Write(context.Background(), dir, phantom.Options{Slices: 8})
})

// phantomStudy is drawn once for all tests, which copy it.
func phantomStudy(t *testing.T) string {
	t.Helper()
	dir, err := drawPhantom()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := drawPhantom(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// receive records the files of the inbox that fit the pattern and settles the study.
func (b *bench) receive(t *testing.T, pattern string) ledger.Revision {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(b.dir, "inbox", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	for _, p := range paths {
		rel, _ := filepath.Rel(b.dir, p)
		i := ledger.Instance{StudyUID: b.study, SeriesUID: "1", SOPInstanceUID: rel, Path: rel}
		if f, err := dataset.Open(p, dataset.Limits{}); err == nil {
			b.study = f.Set().String(dataset.StudyInstanceUID)
			i.StudyUID, i.SOPInstanceUID = b.study, f.Set().String(dataset.SOPInstanceUID)
			f.Close()
		}
		if err := b.Ledger.Record(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	rev, err := b.Ledger.Settle(t.Context(), b.study, "test")
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func (b *bench) process(t *testing.T, rev ledger.Revision) ledger.RevisionHistory {
	t.Helper()
	if err := b.Process(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	h, err := b.Ledger.History(t.Context(), b.study)
	if err != nil {
		t.Fatal(err)
	}
	return h.Revisions[len(h.Revisions)-1]
}

// requeue has the study read again and returns the outcome.
func (b *bench) requeue(t *testing.T) ledger.RevisionHistory {
	t.Helper()
	if err := b.Ledger.Requeue(t.Context(), b.study); err != nil {
		t.Fatal(err)
	}
	h, err := b.Ledger.History(t.Context(), b.study)
	if err != nil {
		t.Fatal(err)
	}
	return b.process(t, h.Revisions[len(h.Revisions)-1].Revision)
}
