package scp

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
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

	r, err := b.Rebuild(t.Context(), l, time.Time{}, log)
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

	again, err := b.Rebuild(t.Context(), l, time.Time{}, log)
	if want := (Rebuilt{Files: 3}); err != nil || again != want {
		t.Errorf("second time %+v, %v; want %+v", again, err, want)
	}
}
