package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Two runs of the program, in two time zones, give the same objects when they are given the same time.
func TestDays_RunWithATimeGivesTheSameBytes(t *testing.T) {
	folder := someSlices(t, 6)
	l := newLab(t, "[cascade]\nthreshold = 0\nthreshold_mm = 0.0")
	var runs []map[string][]byte
	for _, zone := range []string{"UTC", "Asia/Tokyo"} {
		out := t.TempDir()
		cmd := program(t.Context(), "run", folder, "--out", out, "--config", l.config, "--time", "2026-01-30T23:59:00+01:00")
		cmd.Env = append(cmd.Env, "TZ="+zone)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		runs = append(runs, files(t, filepath.Join(out, "objects")))
	}
	sameFiles(t, runs[0], runs[1])
}

// files reads all files below the folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files in %s, %v", len(all), dir, err)
	}
	return all
}

func sameFiles(t *testing.T, first, second map[string][]byte) {
	t.Helper()
	if len(first) != len(second) {
		t.Errorf("%d objects, then %d", len(first), len(second))
	}
	for name, b := range first {
		if !bytes.Equal(b, second[name]) {
			t.Errorf("%s differs: %d bytes, then %d", name, len(b), len(second[name]))
		}
	}
	t.Logf("%d objects are the same", len(first))
}
