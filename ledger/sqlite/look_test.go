package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"

	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/ledger/sqlite"
)

// asAnotherUser does what this process was started for in the role of another user, and tells whether it was.
func asAnotherUser(role string) bool {
	switch role {
	case "look":
		look(context.Background())
	case "requeue":
		requeue(context.Background())
	default:
		return false
	}
	return true
}

// look runs in a process of another user.
func look(ctx context.Context) {
	l, err := ledger.Open(ctx, os.Getenv(ledgertest.PlaceVariable), ledger.Options{ReadOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	c, err := l.Counts(ctx)
	fmt.Println(c.Instances, err)
}

// lookedAt is what a user sees who may not write the folder.
func lookedAt(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe") // the test's own folder is closed to others
	cmd.Env = append(os.Environ(), ledgertest.RoleVariable+"=look", ledgertest.PlaceVariable+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// A user who may read the folder sees what happened, whatever the node does.
func TestOpen_ReadOnlyWithoutTheRightToWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    []string
	}{
		"running": {func(t *testing.T, path string) {
			ledgertest.Record(t, openTest(t, path, ledger.Options{}), ledgertest.Slice("1.2", 1))
		}, []string{"1 <nil>"}},
		"stopped": {stopped, []string{"1 <nil>"}},
		"killed":  {func(t *testing.T, path string) { ledgertest.Killed(t, ledgertest.RoleRecord, path) }, []string{"500 <nil>"}},
		"killed, and -shm lost": {func(t *testing.T, path string) {
			ledgertest.Killed(t, ledgertest.RoleRecord, path)
			remove(t, path+"-shm")
		}, []string{"run this as the user of the node", "start the node once"}},
		"not readable": {func(t *testing.T, path string) {
			stopped(t, path)
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"this user may not read it: run this as the user of the node"}},
		"closed folder": {func(t *testing.T, path string) {
			stopped(t, path)
			if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"this user may not read it: run this as the user of the node"}},
		"none": {func(*testing.T, string) {}, []string{"has the node ever been started"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, d := range []string{dir, filepath.Dir(dir)} {
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, "ledger.db")
			c.prepare(t, path)
			before := files(t, dir)
			got := lookedAt(t, path)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if after := files(t, dir); !slices.Equal(before, after) {
				t.Errorf("files %v became %v", before, after)
			}
		})
	}
}

// Whoever only looks leaves nothing behind that the node might not be able to write.
func TestOpen_ReadOnlyMakesNoFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.db")
	stopped(t, path)
	before := files(t, dir)
	r := openTest(t, path, ledger.Options{ReadOnly: true})
	if c, err := r.Counts(t.Context()); err != nil || c.Instances != 1 {
		t.Errorf("counts %+v, %v; want one instance", c, err)
	}
	if got := files(t, dir); !slices.Equal(got, before) {
		t.Errorf("files %v, before it looked %v", got, before)
	}
}

// stopped makes a ledger with one instance, as a node leaves it that stopped.
func stopped(t *testing.T, path string) {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, ledger.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// What SQLite says is told in sentences, and stays known to the program.
func TestInWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), path, ledger.Options{ReadOnly: true})
	if err == nil || !strings.Contains(err.Error(), "it is damaged: ") || strings.Contains(err.Error(), "not a database") {
		t.Errorf("a damaged one: %v", err)
	}
	d := &sqlite.Database{}
	for code, want := range map[sqlite3.ErrNo]string{
		sqlite3.ErrReadonly: "run this as the user of the node",
		sqlite3.ErrCantOpen: "run this as the user of the node",
		sqlite3.ErrFull:     "disk is full",
		sqlite3.ErrIoErr:    "disk gives errors",
		sqlite3.ErrCorrupt:  "damaged",
		sqlite3.ErrBusy:     "keeps it busy",
	} {
		raw := sqlite3.Error{Code: code}
		err := d.InWords(fmt.Errorf("requeue study 1.2: %w", raw))
		said := err.Error()
		if !strings.HasPrefix(said, "requeue study 1.2: ") || !strings.Contains(said, want) || strings.Contains(said, raw.Error()) ||
			!errors.Is(err, raw) {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

// Somebody who may read, and not write, is told so when he asks for work.
func TestRequeue_WithoutTheRightToWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	dir := t.TempDir()
	for d := dir; d != "/"; d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
	path := filepath.Join(dir, "ledger.db")
	l := openTest(t, path, ledger.Options{})
	ledgertest.Record(t, l, ledgertest.Slice("1.2", 1))
	if _, err := l.Settle(t.Context(), "1.2", "quiet"); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+end, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), ledgertest.RoleVariable+"=requeue", ledgertest.PlaceVariable+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "run this as the user of the node") ||
		strings.Contains(string(out), "readonly database") {
		t.Errorf("%v: %s", err, out)
	}
}

// requeue runs in a process of another user.
func requeue(ctx context.Context) {
	l, err := ledger.Open(ctx, os.Getenv(ledgertest.PlaceVariable), ledger.Options{Beside: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(l.Requeue(ctx, "1.2"))
	_ = l.Close()
}
