package main

import (
	"path/filepath"
	"testing"

	"jcsnode/foldertest"
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
		runs = append(runs, foldertest.Files(t, filepath.Join(out, "objects")))
	}
	foldertest.Same(t, runs[0], runs[1])
}
