package dataset_test

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
)

// corpus is the folder of test data, ../shared/data beside the repository unless
// JCSNODE_DATA names another. Without it a test is skipped, in CI it fails.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("JCSNODE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "syntaxes", "manifest.csv")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("test data are missing: %v", err)
		}
		t.Skipf("SKIPPED, nothing was checked: no test data (set JCSNODE_DATA): %v", err)
	}
	return dir
}

// table reads a CSV file as one map per row.
func table(t testing.TB, path string) []map[string]string {
	t.Helper()
	h, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	rows, err := csv.NewReader(h).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// mended are files that the table wants refused, but nobody needs the element that is damaged.
var mended = map[string]bool{"malformed/sq-no-item-tag.dcm": true}

func TestOpen_EveryMalformedFileInItsClass(t *testing.T) {
	dir := filepath.Join(corpus(t), "syntaxes")
	for _, row := range table(t, filepath.Join(dir, "malformed.csv")) {
		t.Run(row["file"], func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			f, err := dataset.Open(filepath.Join(dir, row["file"]), dataset.Limits{})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if took > time.Second {
				t.Errorf("took %v, want at most 1 s", took)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("allocated %d MiB, want at most 64", n>>20)
			}
			if err == nil {
				defer f.Close()
			}
			switch row["expected"] {
			case "reject-dataset":
				if mended[row["file"]] {
					if err != nil || len(f.Faults()) == 0 {
						t.Errorf("%s: %v, want the data set with a fault", row["mutation"], err)
					}
				} else if err == nil {
					t.Fatalf("%s was read, want an error", row["mutation"])
				}
			case "either":
			default:
				if err != nil {
					t.Fatalf("%s: %v, want the data set", row["mutation"], err)
				}
			}
			t.Logf("%s: %v (%v)", row["mutation"], err, took)
		})
	}
}

// TestOpen_EveryGoodFile opens whatever is not malformed on purpose, and finds its
// SOP Class and the transfer syntax of the manifest.
func TestOpen_EveryGoodFile(t *testing.T) {
	dir := filepath.Join(corpus(t), "syntaxes")
	want := map[string]string{}
	for _, row := range table(t, filepath.Join(dir, "manifest.csv")) {
		want[row["file"]] = row["transfer_syntax_uid"]
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if err != nil || !strings.HasSuffix(name, ".dcm") || strings.HasPrefix(name, "malformed/") {
			return err
		}
		t.Run(name, func(t *testing.T) {
			f, err := dataset.Open(path, dataset.Limits{})
			if name == "field/MR_truncated.dcm" {
				if !errors.Is(err, dataset.ErrTruncated) {
					t.Fatalf("got %v, want ErrTruncated", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if uid := want[name]; uid != "" && f.TransferSyntax().UID != uid {
				t.Errorf("transfer syntax %s, want %s", f.TransferSyntax().UID, uid)
			}
			if len(f.Set().Elements()) == 0 {
				t.Error("no elements")
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
