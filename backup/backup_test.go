package backup_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/backup"
	"jcsnode/ledger"
)

var layout = backup.Layout{Folders: []string{"inbox", "objects"}, Staging: "inbox/tmp"}

func put(t *testing.T, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("content of "+name), 0o640); err != nil {
		t.Fatal(err)
	}
}

// open opens the ledger of a data_dir or a backup.
func open(t *testing.T, dir string, opt ledger.Options) *ledger.Ledger {
	t.Helper()
	opt.Logger = slog.New(slog.DiscardHandler)
	l, err := ledger.Open(t.Context(), backup.LedgerPath(dir), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// running is the data_dir of a node that works on it: two instances, one object, and something half received.
func running(t *testing.T) (dir string, l *ledger.Ledger) {
	t.Helper()
	dir = t.TempDir()
	l = open(t, dir, ledger.Options{})
	for _, name := range []string{"inbox/a/1.dcm", "inbox/a/2.dcm"} {
		put(t, dir, name)
		i := ledger.Instance{StudyUID: "1.2", SeriesUID: "1.2.1", SOPInstanceUID: "1.2.1." + name, Path: name}
		if err := l.Record(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	rev, err := l.Settle(t.Context(), "1.2", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(t.Context(), rev.ID); err != nil {
		t.Fatal(err)
	}
	object := ledger.Outgoing{Object: ledger.Object{SOPInstanceUID: "2.25.1", Kind: "summary", Path: "objects/a/1/x.dcm"}}
	put(t, dir, object.Path)
	if err := l.Complete(t.Context(), rev.ID, []ledger.Outgoing{object}, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "inbox/tmp/half/part")
	return dir, l
}

func compare(t *testing.T, l *ledger.Ledger, dir string, want backup.Difference) {
	t.Helper()
	got, err := backup.Compare(t.Context(), l, dir, layout)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", dir, diff)
	}
}

// What a running node holds comes back in another place, and its files share nothing with the backup then.
func TestBackupAndRestore(t *testing.T) {
	dir, l := running(t)
	old := time.Now().AddDate(0, 0, -40).Truncate(time.Second)
	if err := os.Chtimes(filepath.Join(dir, "inbox/a/1.dcm"), old, old); err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(t.TempDir(), "deep", "backup")
	mark, err := backup.Write(t.Context(), dir, saved, layout, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	if mark.Files != 3 || mark.Bytes == 0 {
		t.Errorf("mark %+v", mark)
	}
	// What the node does from now on is not in it.
	put(t, dir, "inbox/b/3.dcm")
	late := ledger.Instance{StudyUID: "1.3", SeriesUID: "1.3.1", SOPInstanceUID: "1.3.1.1", Path: "inbox/b/3.dcm"}
	if err := l.Record(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	compare(t, open(t, saved, ledger.Options{ReadOnly: true}), saved, backup.Difference{})

	restored := filepath.Join(t.TempDir(), "data")
	back, err := backup.Restore(t.Context(), saved, restored, layout)
	if err != nil {
		t.Fatal(err)
	}
	if back != mark {
		t.Errorf("restored %+v, want %+v", back, mark)
	}
	again := open(t, restored, ledger.Options{})
	compare(t, again, restored, backup.Difference{})
	if h, err := again.History(t.Context(), "1.2"); err != nil || len(h.Instances) != 2 || h.State != ledger.StateReported {
		t.Errorf("history %+v, %v", h, err)
	}
	if _, err := again.History(t.Context(), "1.3"); err == nil {
		t.Error("the backup holds what came after it")
	}
	info, err := os.Stat(filepath.Join(restored, "inbox/a/1.dcm"))
	if err != nil || !info.ModTime().Equal(old) {
		t.Errorf("time of an instance %v, %v; want %v", info, err, old)
	}
	if _, err := os.Stat(filepath.Join(saved, "inbox/tmp")); !os.IsNotExist(err) {
		t.Errorf("what was half received is in the backup: %v", err)
	}
	before, err := os.Stat(filepath.Join(saved, "inbox/a/1.dcm"))
	if err != nil || os.SameFile(before, info) {
		t.Errorf("the restored file is that of the backup: %v", err)
	}
}

func TestCompare_BothWays(t *testing.T) {
	dir, l := running(t)
	if err := os.Remove(filepath.Join(dir, "inbox/a/2.dcm")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "objects/c/1/y.dcm")
	compare(t, l, dir, backup.Difference{Missing: []string{"inbox/a/2.dcm"}, Unknown: []string{"objects/c/1/y.dcm"}})
}

func TestRefuses(t *testing.T) {
	dir, _ := running(t)
	full := t.TempDir()
	put(t, full, "something")
	if _, err := backup.Write(t.Context(), dir, full, layout, ""); err == nil || !strings.Contains(err.Error(), "not empty (something)") {
		t.Errorf("a backup over something else: %v", err)
	}
	saved := filepath.Join(t.TempDir(), "backup")
	if _, err := backup.Write(t.Context(), dir, saved, layout, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), saved, dir, layout); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a restore over a node: %v", err)
	}
	if err := os.Remove(filepath.Join(saved, "backup.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), saved, filepath.Join(t.TempDir(), "new"), layout); err == nil ||
		!strings.Contains(err.Error(), "no complete backup") {
		t.Errorf("half a backup: %v", err)
	}
}
