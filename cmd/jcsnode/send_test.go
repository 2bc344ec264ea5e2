package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/dataset"
)

// The exit code tells whether all is stored, and what is not stored is named once.
func TestSend_ExitCode(t *testing.T) {
	const ctImage = "1.2.840.10008.5.1.4.1.1.2"
	dir := t.TempDir()
	if out, err := command(t, "phantom", "--out", filepath.Join(dir, "phantom"), "--slices", "2"); err != nil {
		t.Fatal(err, out)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("not DICOM"), 0o600); err != nil {
		t.Fatal(err)
	}
	slices, missing := filepath.Join(dir, "phantom"), filepath.Join(dir, "missing")
	for name, c := range map[string]struct {
		knows []string
		paths []string
		named string // file that must be named
		says  string
		good  bool
	}{
		"all good":           {[]string{ctImage}, []string{slices}, "", "send: 2 of 2", true},
		"a folder with more": {[]string{ctImage}, []string{dir}, text, "passed over", true},
		"no DICOM":           {[]string{ctImage}, []string{text, slices}, text, "1 file could not be sent, named above", false},
		"not there":          {[]string{ctImage}, []string{slices, missing}, missing, "1 file could not be sent, named above", false},
		"nothing to be sent": {[]string{ctImage}, []string{missing}, missing, "cannot be sent", false},
		"all refused": {[]string{dataset.ExplicitVRLittleEndian}, []string{slices}, filepath.Join(slices, "IM0001.dcm"),
			"2 of 2 files not stored", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := command(t, append([]string{"send", "--to", choosy{knows: c.knows}.serve(t), "--called", "PACS"}, c.paths...)...)
			if (err == nil) != c.good || !strings.Contains(out, c.says) {
				t.Errorf("%v, want success %v, %q:\n%s", err, c.good, c.says, out)
			}
			if c.named != "" && strings.Count(out, c.named+":") != 1 {
				t.Errorf("%s is not named once:\n%s", c.named, out)
			}
		})
	}
}
