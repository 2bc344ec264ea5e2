package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/pgtest"
)

// A database that another node has for itself is a mistake of the configuration, one that this node has is none.
func TestTry_LedgerOfAnotherNode(t *testing.T) {
	c := config.Default()
	c.Node.DataDir = t.TempDir()
	c.Ledger.URL = pgtest.Shared(t).Database(t, "", nil)
	l, err := ledger.Open(t.Context(), c.Ledger.URL, ledger.Options{Logger: slog.New(slog.DiscardHandler), TestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var other Trial
	other.folder(t.Context(), c)
	text := strings.Join(other.Problems, "\n")
	if !strings.HasPrefix(text, "ledger.url: a node with another data_dir works on this ledger") {
		t.Errorf("%q, notes %q", text, other.Notes)
	}
	folder, err := lockFolder(c.Node.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	var own Trial
	own.folder(t.Context(), c)
	if text := strings.Join(own.Notes, "\n"); len(own.Problems) > 0 || !strings.Contains(text, "a node works on this ledger now") {
		t.Errorf("%q, problems %q", text, own.Problems)
	}
}

// A shared folder that has nothing of what the ledger knows is another one, or is not mounted.
func TestTry_SharedFolderIsEmpty(t *testing.T) {
	c := config.Default()
	c.Node.DataDir, c.Store.Kind, c.Store.Path = t.TempDir(), config.StoreShared, t.TempDir()
	problems := func(when, want string) {
		t.Helper()
		var trial Trial
		trial.sharedFolder(t.Context(), c)
		if text := strings.Join(trial.Problems, "\n"); !strings.HasPrefix(text, want) || want == "" && text != "" {
			t.Errorf("%s: %q, want %q", when, text, want)
		}
	}
	problems("without a ledger", "")
	l, err := OpenLedger(t.Context(), c, ledger.Options{Logger: slog.New(slog.DiscardHandler), TestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	problems("an empty ledger", "")
	path := "inbox/1.2/one.dcm"
	if err := l.Record(t.Context(), ledger.Instance{StudyUID: "1.2", SOPInstanceUID: "1.2.3", Path: path}); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	problems("an empty folder", "store.path: none of the files of the newest")
	file := filepath.Join(c.Store.Path, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	problems("the folder", "")
}
