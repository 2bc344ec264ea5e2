package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/ledger"
	"jcsnode/store"
)

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

// cutStore opens every file, and cannot read on in any after so many reads.
type cutStore struct {
	store.Store
	left atomic.Int64
}

type cutFile struct {
	store.File
	store *cutStore
}

func (s *cutStore) Open(ctx context.Context, name string) (store.File, error) {
	f, err := s.Store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return &cutFile{f, s}, nil
}

func (f *cutFile) ReadAt(p []byte, off int64) (int, error) {
	if f.store.left.Add(-1) < 0 {
		return 0, &store.Error{Kind: store.ErrTemporary, Far: true, Err: errors.New("the other side cut the connection")}
	}
	return f.File.ReadAt(p, off)
}

// A store that goes away in the middle of a slice leaves no study without slices: it waits, and no attempt is used up.
func TestProcess_StoreThatGoesAway(t *testing.T) {
	b := newBench(t)
	rev := b.receive(t, "*")
	cut := &cutStore{Store: b.Store}
	b.Store = cut
	for _, reads := range []int64{0, 5, 12, 20} {
		cut.left.Store(reads)
		var again *ledger.RetryAfter
		if err := b.Process(t.Context(), rev.ID); !errors.As(err, &again) || !errors.Is(err, store.ErrTemporary) {
			t.Errorf("after %d reads: %v, want that it waits for the store", reads, err)
		}
	}
	cut.left.Store(1 << 40)
	if got := b.process(t, rev); got.State != ledger.StateReported || len(got.Series) != 1 {
		t.Errorf("%s, %+v; want a result", got.State, got.Reason)
	}
}

// spoiltStore gives one file otherwise than it was written.
type spoiltStore struct {
	store.Store
	name string
}

func (s *spoiltStore) Open(ctx context.Context, name string) (store.File, error) {
	if name == s.name {
		return nil, &store.Error{Far: true, Err: errors.New("the digest of its beginning differs")}
	}
	return s.Store.Open(ctx, name)
}

// A slice that the store spoilt is left out, and the log says so in a line that somebody looks at.
func TestProcess_StoreThatSpoils(t *testing.T) {
	b := newBench(t)
	var said bytes.Buffer
	b.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	rev := b.receive(t, "*")
	_, instances, err := b.Ledger.Revision(t.Context(), rev.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.Store = &spoiltStore{b.Store, instances[1].Path}
	b.process(t, rev)
	for _, want := range []string{"level=WARN", "instances=1", "the digest of its beginning differs", "study=" + rev.StudyUID} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, said.String())
		}
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
	got := b.requeue(t)
	if got.State != ledger.StateReported || got.Reason.Code != "" || len(got.Objects) != 1 || b.built[0].Revision != 1 {
		t.Errorf("%s %q with %d objects; want a result", got.State, got.Reason.Code, len(got.Objects))
	}
}
