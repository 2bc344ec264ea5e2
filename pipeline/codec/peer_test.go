package codec_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jcsnode/corpus"
)

// peer finds a program of DCMTK; without it the test is skipped, in CI it fails.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing (apt-get install dcmtk)", name)
		}
		t.Skipf("SKIPPED: %s is missing (apt-get install dcmtk)", name)
	}
	return path
}

// convert runs a program of DCMTK on a file and returns the path of its output.
func convert(t *testing.T, in, program string, options ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.dcm")
	cmd := exec.Command(peer(t, program), append(options, in, out)...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, msg)
	}
	return out
}

func decoded(t *testing.T, path string) []int32 {
	t.Helper()
	_, values, err := decodeAll(path)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func largestDifference(t *testing.T, a, b []int32) int32 {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d values and %d", len(a), len(b))
	}
	largest := int32(0)
	for i := range a {
		largest = max(largest, a[i]-b[i], b[i]-a[i])
	}
	return largest
}

// TestDecode_WhatDCMTKEncodes: options of the encoders that the corpus does not have.
func TestDecode_WhatDCMTKEncodes(t *testing.T) {
	dir := corpus.Own(t, "syntaxes")
	for _, c := range []struct {
		image, program string
		options        []string
		most           int32 // largest error
	}{
		{"ct_s16", "dcmcjpeg", []string{"+e1"}, 0},
		{"ct_s16", "dcmcjpeg", []string{"+el", "+sv", "1"}, 0},
		{"ct_s16", "dcmcjpeg", []string{"+el", "+sv", "2"}, 0},
		{"ct_s16", "dcmcjpeg", []string{"+el", "+sv", "3"}, 0},
		{"ct_s16", "dcmcjpeg", []string{"+el", "+sv", "5"}, 0},
		{"ct_s16", "dcmcjpeg", []string{"+el", "+sv", "4", "+fs", "1"}, 0},
		{"window8", "dcmcjpeg", []string{"+el", "+sv", "7"}, 0},
		{"window8", "dcmcjpeg", []string{"+el", "+sv", "2", "+pt", "2"}, 3},
		{"ct_s16", "dcmcrle", nil, 0},
		{"ct_s16", "dcmcjpls", nil, 0},
		{"ct_s16", "dcmcjpls", []string{"+pc"}, 0},
		{"ct_s16", "dcmcjpls", []string{"+t1", "9", "+t2", "30", "+t3", "100", "+rs", "16"}, 0},
		{"ct_u12", "dcmcjpls", []string{"+en", "+md", "5"}, 5},
		{"window8", "dcmcjpls", []string{"+en", "+md", "1"}, 1},
		{"ct_u12", "dcmcjpls", []string{"+pc", "+en", "+md", "3"}, 3},
		{"window8", "dcmcjpls", []string{"+t1", "4", "+t2", "8", "+t3", "30", "+rs", "100"}, 0},
	} {
		t.Run(strings.Join(append([]string{c.image, c.program}, c.options...), " "), func(t *testing.T) {
			in := filepath.Join(dir, c.image, "explicit-le.dcm")
			got := decoded(t, convert(t, in, c.program, c.options...))
			if d := largestDifference(t, got, decoded(t, in)); d > c.most {
				t.Errorf("largest error %d, want at most %d", d, c.most)
			}
		})
	}
}

// TestDecode_AsDCMTKDecodes: what cannot be compared with an original.
func TestDecode_AsDCMTKDecodes(t *testing.T) {
	compare := func(path string, most int32) {
		t.Helper()
		if d := largestDifference(t, decoded(t, path), decoded(t, convert(t, path, "dcmdjpeg"))); d > most {
			t.Errorf("%s: largest difference %d, want at most %d", path, d, most)
		}
	}
	for _, dir := range corpus.Both(t, "syntaxes") {
		compare(filepath.Join(dir, "window8", "jpeg-baseline.dcm"), 1)
		compare(filepath.Join(dir, "ct_u12", "jpeg-extended-12bit.dcm"), 1)
	}
	field := corpus.Shared(t, "syntaxes", "field")
	compare(filepath.Join(field, "JPGExtended.dcm"), 1)
	compare(filepath.Join(field, "JPEG-LL.dcm"), 0)
}

// TestDecode_RealStudies decodes slices of the real studies as DCMTK does.
func TestDecode_RealStudies(t *testing.T) {
	dir := corpus.Shared(t, "ct")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.dcm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no studies in %s: %v", dir, err)
	}
	for i := 0; i < len(files); i += 40 {
		if d := largestDifference(t, decoded(t, files[i]), decoded(t, convert(t, files[i], "dcmdjpeg"))); d != 0 {
			t.Errorf("%s: largest difference %d", files[i], d)
		}
	}
}
