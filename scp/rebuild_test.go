package scp

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/store"
)

func testLedger(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	opt := ledger.Options{Logger: slog.New(slog.DiscardHandler), TestOnly: true}
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "ledger.db"), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestRebuild(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	l := testLedger(t, dir)
	log := slog.New(slog.DiscardHandler)
	var stored []Stored
	for _, sop := range []string{"1.2.1", "1.2.2", "1.2.3", "1.2.4", "../evil"} {
		i := aSlice("1.2", sop)
		s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, s)
	}
	path := func(n int) string { return filepath.Join(dir, filepath.FromSlash(stored[n].Path)) }
	if err := os.Truncate(path(1), stored[1].Size-1); err != nil { // cut
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path(2))
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-2] ^= 1 // changed, still whole
	if err := os.WriteFile(path(2), raw, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path(0)), "notes.txt"), []byte("by hand"), 0o640); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(path(3), when, when); err != nil {
		t.Fatal(err)
	}

	r, err := b.Rebuild(t.Context(), l, Span{}, log)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Rebuilt{Files: 6, Recorded: 3, Quarantined: 3}); r != want {
		t.Errorf("rebuilt %+v, want %+v", r, want)
	}
	h, err := l.History(t.Context(), "1.2")
	if err != nil || len(h.Instances) != 3 {
		t.Fatalf("%d instances, %v; want 3", len(h.Instances), err)
	}
	first := h.Instances[0] // by time of reception
	if first.SOPInstanceUID != "1.2.4" || first.CallingAE != "CT1" || first.Digest != stored[3].Digest || !first.ReceivedAt.Equal(when) ||
		first.Size != stored[3].Size {
		t.Errorf("rebuilt row %+v", first)
	}
	flagged := 0
	for _, i := range h.Instances {
		if strings.HasPrefix(i.Flag, FlagUID) {
			flagged++
		}
	}
	if flagged != 1 {
		t.Errorf("%d flagged, want the evil one", flagged)
	}
	quarantined, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(QuarantineFolder)))
	if err != nil || len(quarantined) != 3 {
		t.Errorf("quarantine %v, %v; want 3 files", quarantined, err)
	}
	if n := len(ledgertest.Events(t, filepath.Join(dir, "ledger.db"), EventQuarantined)); n != 3 {
		t.Errorf("%d events of quarantine, want 3", n)
	}

	again, err := b.Rebuild(t.Context(), l, Span{}, log)
	if want := (Rebuilt{Files: 3}); err != nil || again != want {
		t.Errorf("second time %+v, %v; want %+v", again, err, want)
	}
}

// faulty is a store that takes its time to list files, cannot read some folders, and opens some files with an error.
type faulty struct {
	store.Store
	errors  map[string]error
	folders []string
}

func (s faulty) ListSince(ctx context.Context, folder string, since time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range s.folders {
			if !yield(name, store.FileFault(&fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission})) {
				return
			}
		}
		for name, err := range s.Store.ListSince(ctx, folder, since) {
			time.Sleep(5 * time.Millisecond)
			if !yield(name, err) {
				return
			}
		}
	}
}

func (s faulty) Open(ctx context.Context, name string) (store.File, error) {
	if err := s.errors[name]; err != nil {
		return nil, store.FileFault(&fs.PathError{Op: "open", Path: name, Err: err})
	}
	return s.Store.Open(ctx, name)
}

// received has instances of a study received some time ago, and not recorded.
func received(t *testing.T, b *Inbox, dir, study string, instances int, ago time.Duration) (names []string) {
	t.Helper()
	for n := range instances {
		i := aSlice(study, fmt.Sprintf("%s.%d", study, n+1))
		s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
		if err == nil {
			when := time.Now().Add(-ago)
			err = os.Chtimes(filepath.Join(dir, filepath.FromSlash(s.Path)), when, when)
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, s.Path)
	}
	return names
}

// Who settles studies beside it, as the node that leads does, finds a study whole or not at all.
func TestRebuild_StudyBesideASettler(t *testing.T) {
	dir := t.TempDir()
	b, l := testInbox(t, dir), testLedger(t, dir)
	const slices, quiet = 60, time.Minute
	received(t, b, dir, "1.2", slices, 3*quiet)
	b.store = faulty{Store: b.store}
	settled := func() (revisions []int) {
		all, err := l.Receiving(t.Context())
		for _, a := range all {
			var rev ledger.Revision
			var is bool
			rev, is, err = l.SettleDue(t.Context(), a.StudyUID, func(a ledger.Activity) (string, bool) {
				return "quiet", time.Since(a.LastAt) > quiet
			})
			if is {
				revisions = append(revisions, rev.Number)
			}
		}
		if err != nil {
			t.Error(err)
		}
		return revisions
	}
	rebuilt := make(chan error, 1)
	go func() {
		r, err := b.Rebuild(t.Context(), l, Span{}, slog.New(slog.DiscardHandler))
		if want := (Rebuilt{Files: slices, Recorded: slices}); err == nil && r != want {
			err = fmt.Errorf("rebuilt %+v, want %+v", r, want)
		}
		rebuilt <- err
	}()
	var revisions []int
	for over := false; !over; {
		select {
		case err := <-rebuilt:
			if err != nil {
				t.Error(err)
			}
			over = true
		case <-time.After(10 * time.Millisecond):
		}
		revisions = append(revisions, settled()...)
	}
	if len(revisions) != 1 {
		t.Errorf("revisions %v, want one", revisions)
	}
}

// What cannot be read for good is told of and passed over: it keeps nothing else from being recorded, nor a start from going on. What is
// gone is no fault.
func TestRebuild_WhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	b, l := testInbox(t, dir), testLedger(t, dir)
	names := append(received(t, b, dir, "1.2", 3, 0), received(t, b, dir, "1.3", 1, 0)...)
	const folder = InboxFolder + "/1.4"
	b.store = faulty{b.store, map[string]error{names[0]: syscall.EIO, names[1]: fs.ErrNotExist}, []string{folder}}
	var lines bytes.Buffer
	r, err := b.Rebuild(t.Context(), l, Span{}, slog.New(slog.NewTextHandler(&lines, nil)))
	if want := (Rebuilt{Files: 4, Recorded: 2, Unreadable: 2}); r != want || err != nil {
		t.Errorf("rebuilt %+v, %v; want %+v", r, err, want)
	}
	for _, name := range []string{names[0], folder} {
		if n := strings.Count(lines.String(), "path="+name); n != 1 || !strings.Contains(lines.String(), "level=WARN") {
			t.Errorf("%d lines about %s:\n%s", n, name, &lines)
		}
	}
	if n := len(ledgertest.Events(t, filepath.Join(dir, "ledger.db"), EventUnreadable)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(names[0]))); err != nil {
		t.Error("it was moved: ", err)
	}
}

// What may be read in a moment is not passed over: another look finds it.
func TestRebuild_WhatCannotBeReadNow(t *testing.T) {
	dir := t.TempDir()
	b, l := testInbox(t, dir), testLedger(t, dir)
	names := received(t, b, dir, "1.2", 2, 0)
	b.store = faulty{Store: b.store, errors: map[string]error{names[0]: syscall.EMFILE}}
	if r, err := b.Rebuild(t.Context(), l, Span{}, slog.New(slog.DiscardHandler)); err == nil || r.Recorded > 0 || r.Unreadable > 0 {
		t.Errorf("rebuilt %+v, %v", r, err)
	}
}

// A study of which something has just come is whoever's who took it; what came long ago is recorded all the same.
func TestRebuild_LeavesOutWhatHasJustCome(t *testing.T) {
	dir := t.TempDir()
	b, l := testInbox(t, dir), testLedger(t, dir)
	received(t, b, dir, "1.2", 2, time.Hour)
	names := received(t, b, dir, "1.3", 4, time.Hour)
	now := time.Now()
	if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(names[3])), now, now); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	r, err := b.Rebuild(t.Context(), l, Span{To: now.Add(-time.Minute)}, log)
	if want := (Rebuilt{Files: 6, Recorded: 2, Left: 1}); err != nil || r != want {
		t.Errorf("rebuilt %+v, %v; want %+v", r, err, want)
	}
	r, err = b.Rebuild(t.Context(), l, Span{To: now.Add(time.Minute)}, log)
	if want := (Rebuilt{Files: 6, Recorded: 4}); err != nil || r != want {
		t.Errorf("later: rebuilt %+v, %v; want %+v", r, err, want)
	}
}
