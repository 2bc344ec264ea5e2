package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/pipeline/cascade"
	"jcsnode/store"
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

func TestProcess_ReportsAndKeepsObjectsDurably(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*"))
	if got.State != ledger.StateReported || len(got.Objects) != 1 || len(got.Deliveries) != 1 {
		t.Fatalf("%s with %d objects and %d deliveries", got.State, len(got.Objects), len(got.Deliveries))
	}
	text, err := os.ReadFile(filepath.Join(b.dir, got.Objects[0].Path))
	if err != nil || int64(len(text)) != got.Objects[0].Size {
		t.Errorf("object file: %d bytes, %v; the ledger says %d", len(text), err, got.Objects[0].Size)
	}
	if !b.built[0].Time.Equal(got.FindingsAt) {
		t.Errorf("objects carry %v, the findings were written at %v", b.built[0].Time, got.FindingsAt)
	}
}

// A run that died after its findings were written is repeated with the same time, so that its objects come out equal.
func TestProcess_SecondRunHasTheTimeOfTheFirst(t *testing.T) {
	b := newBench(t)
	rev := b.receive(t, "*")
	build := b.Build
	b.Build = func(ctx context.Context, x *Examination, id Identity, emit func(Made) error) error {
		build(ctx, x, id, func(Made) error { return nil })
		return fmt.Errorf("the machine stops here")
	}
	if err := b.Process(t.Context(), rev.ID); err == nil {
		t.Fatal("a build that failed was taken for done")
	}
	time.Sleep(2 * time.Millisecond) // the ledger's times are milliseconds
	b.Build = build
	b.process(t, rev)
	if !b.built[0].Time.Equal(b.built[1].Time) || b.built[0].InputDigest != b.built[1].InputDigest {
		t.Errorf("identities differ: %+v, %+v", b.built[0], b.built[1])
	}
}

func TestProcess_LateInstances(t *testing.T) {
	b := newBench(t)
	b.process(t, b.receive(t, "*[0-5].dcm"))
	calls := b.nets.calls

	// Something that is no slice changes nothing: no second set of objects.
	if err := os.WriteFile(filepath.Join(b.dir, "inbox", "late.txt"), []byte("no slice"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := b.process(t, b.receive(t, "late.txt"))
	if got.State != ledger.StateReported || got.Reason.Code != "unchanged" || len(got.Objects) != 0 || b.nets.calls != calls {
		t.Errorf("%s %q with %d objects after %d more calls; want reported, unchanged, none, none",
			got.State, got.Reason.Code, len(got.Objects), b.nets.calls-calls)
	}

	// Slices do.
	got = b.process(t, b.receive(t, "*[6-9].dcm"))
	if got.State != ledger.StateReported || len(got.Objects) != 1 || got.Number != 3 {
		t.Errorf("%s with %d objects in revision %d; want reported, 1, 3", got.State, len(got.Objects), got.Number)
	}
}

// A slice that comes again under its UID counts by what it says: in other wrapping it is no news, corrected it is.
func TestProcess_SliceComesAgain(t *testing.T) {
	b := newBench(t)
	b.process(t, b.receive(t, "*.dcm"))
	paths, _ := filepath.Glob(filepath.Join(b.dir, "inbox", "*.dcm"))
	original, err := os.ReadFile(paths[len(paths)/2])
	if err != nil {
		t.Fatal(err)
	}
	again := func(name string, change func(file []byte)) ledger.RevisionHistory {
		t.Helper()
		file := bytes.Clone(original)
		change(file)
		if err := os.WriteFile(filepath.Join(b.dir, "inbox", name), file, 0o644); err != nil {
			t.Fatal(err)
		}
		return b.process(t, b.receive(t, name))
	}
	got := again("wrapped", func(file []byte) { copy(file, "preamble") })
	if got.Reason.Code != ledger.ReasonUnchanged || len(got.Objects) != 0 {
		t.Errorf("in other wrapping: %q with %d objects, want %q, none", got.Reason.Code, len(got.Objects), ledger.ReasonUnchanged)
	}
	digests := []string{b.built[0].InputDigest}
	for name, change := range map[string]func(file []byte){
		"name":   func(file []byte) { copy(file[bytes.Index(file, []byte("PHANTOM^")):], "CORRECT^") },
		"pixels": func(file []byte) { copy(file[len(file)*2/3:], make([]byte, 1000)) },
	} {
		got := again(name, change)
		if got.Reason.Code != "" || len(got.Objects) != 1 {
			t.Errorf("corrected %s: %q with %d objects, want a result of its own", name, got.Reason.Code, len(got.Objects))
		}
		if digest := b.built[len(b.built)-1].InputDigest; slices.Contains(digests, digest) {
			t.Errorf("corrected %s: the digest of another input, %s", name, digest)
		} else {
			digests = append(digests, digest)
		}
	}
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

// What is read again with the same outcome adds what destinations ask for since then; another outcome replaces the first.
func TestProcess_ReadAgain(t *testing.T) {
	b := newBench(t)
	first := b.process(t, b.receive(t, "*"))
	build := b.Build
	b.Build = func(ctx context.Context, x *Examination, id Identity, emit func(Made) error) error {
		if err := build(ctx, x, id, emit); err != nil {
			return err
		}
		o := ledger.Object{SOPInstanceUID: fmt.Sprintf("2.25.%d9", id.Revision), Kind: "report"}
		return emit(Made{Outgoing: ledger.Outgoing{Object: o, Destinations: []string{"pacs"}}, File: []byte("more")})
	}
	calls := b.nets.calls
	got := b.requeue(t)
	if got.State != ledger.StateReported || got.Reason.Code != ledger.ReasonUnchanged || len(got.Objects) != 0 || b.nets.calls == calls {
		t.Errorf("the same: %s %q with %d objects after %d more calls; want reported, unchanged, none, some",
			got.State, got.Reason.Code, len(got.Objects), b.nets.calls-calls)
	}
	if !cmp.Equal(b.built[1], b.built[0]) {
		t.Errorf("the same: built as %+v, before as %+v", b.built[1], b.built[0])
	}
	h, err := b.Ledger.History(t.Context(), b.study)
	if err != nil {
		t.Fatal(err)
	}
	if r := h.Revisions[0]; len(r.Objects) != 2 || r.Objects[0] != first.Objects[0] || len(r.Deliveries) != 2 || r.Reason != first.Reason {
		t.Errorf("the first has %+v", r)
	}

	b.Settings.Threshold += 7
	got = b.requeue(t)
	if got.State != ledger.StateReported || got.Reason.Code != "" || len(got.Objects) != 2 || got.Number != 3 || b.built[2].Revision != 2 {
		t.Errorf("other settings: %s %q with %d objects in revision %d, the %d. with objects; want reported, \"\", 2, 3, 2",
			got.State, got.Reason.Code, len(got.Objects), got.Number, b.built[2].Revision)
	}
	if h, err = b.Ledger.History(t.Context(), b.study); err != nil || h.Revisions[0].Deliveries[0].State != ledger.DeliveryWithdrawn {
		t.Errorf("what waited of the first is %s, %v", h.Revisions[0].Deliveries[0].State, err)
	}

	// Settings that were valid once are not the valid ones.
	b.Settings.Threshold -= 7
	if got = b.requeue(t); got.Reason.Code != "" || len(got.Objects) != 2 || b.built[3].Revision != 3 {
		t.Errorf("back again: %q with %d objects; want a result of its own", got.Reason.Code, len(got.Objects))
	}
}

func TestProcess_ReadAgainWithoutItsFiles(t *testing.T) {
	b := newBench(t)
	first := b.process(t, b.receive(t, "*"))
	if err := os.RemoveAll(filepath.Join(b.dir, "inbox")); err != nil {
		t.Fatal(err)
	}
	got := b.requeue(t)
	if got.State != ledger.StateReported || got.Reason.Code != ledger.ReasonUnchanged ||
		!strings.Contains(got.Reason.Text, "not on this node any more") || got.Reason.Remedy == "" ||
		string(got.Findings) != string(first.Findings) {
		t.Errorf("%s, %+v; want the outcome of before, and why it was not read again", got.State, got.Reason)
	}
}

// busyStore cannot open the nth file.
type busyStore struct {
	store.Store
	nth, opened atomic.Int64
}

func (s *busyStore) Open(ctx context.Context, name string) (store.File, error) {
	if s.opened.Add(1) == s.nth.Load() {
		return nil, &store.Error{Kind: store.ErrTemporary, Err: errors.New("too many open files")}
	}
	return s.Store.Open(ctx, name)
}

// A slice that cannot be read now is not one that is missing: the run fails, to be made again.
func TestProcess_StoreThatCannotNow(t *testing.T) {
	b := newBench(t)
	rev := b.receive(t, "*")
	busy := &busyStore{Store: b.Store}
	b.Store = busy
	for _, nth := range []int64{1, 8, 9, 16} { // as headers are read, as slices are decoded, and the last of each
		busy.opened.Store(0)
		busy.nth.Store(nth)
		if err := b.Process(t.Context(), rev.ID); !errors.Is(err, store.ErrTemporary) {
			t.Errorf("file %d: %v, want that it could not be opened", nth, err)
		}
	}
	busy.nth.Store(0)
	if got := b.process(t, rev); got.State != ledger.StateReported || len(got.Series) != 1 {
		t.Errorf("%s, %+v; want a result", got.State, got.Reason)
	}
}

func TestProcess_ReadAgainAfterAFailure(t *testing.T) {
	b := newBench(t)
	rev := b.receive(t, "*")
	build := b.Build
	b.Build = func(context.Context, *Examination, Identity, func(Made) error) error { return fmt.Errorf("no room") }
	if err := b.Process(t.Context(), rev.ID); err == nil {
		t.Fatal("a build that failed was taken for done")
	}
	if err := b.Ledger.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: ledger.ReasonFailed, Text: "no room"}, nil); err != nil {
		t.Fatal(err)
	}
	b.Build = build
	if got := b.requeue(t); got.State != ledger.StateReported || got.Reason.Code != "" || len(got.Objects) != 1 || b.built[0].Revision != 1 {
		t.Errorf("%s %q with %d objects; want a result", got.State, got.Reason.Code, len(got.Objects))
	}
}

func TestProcess_StudyThatCannotBeReadHasReasonAndRemedy(t *testing.T) {
	b := newBench(t)
	got := b.process(t, b.receive(t, "*1.dcm"))
	if got.State != ledger.StateNotProcessed || got.Reason.Code == "" || got.Reason.Text == "" || got.Reason.Remedy == "" {
		t.Errorf("%s, %+v; want not processed with a reason and a remedy", got.State, got.Reason)
	}
	if len(got.Objects) != 1 {
		t.Errorf("%d objects, want the page with the reason", len(got.Objects))
	}
	if b.nets.calls != 0 {
		t.Errorf("the classifier was asked %d times", b.nets.calls)
	}
}

// Objects replace those of all revisions before, and count the revisions that have any.
func TestIdentity(t *testing.T) {
	revision := func(number int, objects ...ledger.Object) ledger.Earlier {
		return ledger.Earlier{Revision: ledger.Revision{Number: number}, Objects: objects}
	}
	first, third := ledger.Object{SOPInstanceUID: "2.25.1"}, ledger.Object{SOPInstanceUID: "2.25.3"}
	earlier := []ledger.Earlier{revision(1, first), revision(2), revision(3, third)} // the second changed nothing
	for number, want := range map[int]Identity{
		1: {Revision: 1},
		2: {Revision: 2, Replaced: []ledger.Object{first}},
		3: {Revision: 2, Replaced: []ledger.Object{first}},
		4: {Revision: 3, Replaced: []ledger.Object{first, third}},
	} {
		want.InputDigest = "digest"
		if diff := cmp.Diff(want, identity(earlier, number, "digest", time.Time{})); diff != "" {
			t.Errorf("revision %d (-want +got):\n%s", number, diff)
		}
	}
}
