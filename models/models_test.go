package models

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needLibrary skips a test where ONNX Runtime is not to be had.
func needLibrary(t testing.TB) {
	t.Helper()
	if _, err := Find("", DeviceCPU); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("skipped, needs ONNX Runtime: ", err)
	}
}

// networks makes a folder with two networks of testdata and their manifest.
func networks(t testing.TB, classifier, segmenter string) string {
	t.Helper()
	dir := t.TempDir()
	var text strings.Builder
	for _, n := range []struct{ table, file string }{{"classifier", classifier}, {"segmenter", segmenter}} {
		data, err := os.ReadFile(filepath.Join("testdata", n.file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, n.file), data, 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "[%s]\nfile = %q\nsha256 = \"%x\"\n%s\n", n.table, n.file, sha256.Sum256(data), restOfTable)
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestName), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

const restOfTable = `name = "operators"
version = "1"
status = "untrained"
precision = "fp32"
window = [-1000.0, 1000.0]
size = 4
operating_point = 0.5
licence = "none needed"
`

// logTo gives a logger and what it wrote.
func logTo() (*slog.Logger, *strings.Builder) {
	var text strings.Builder
	return slog.New(slog.NewTextHandler(&text, nil)), &text
}

// manifestOf names two files of testdata.
func manifestOf(classifier, segmenter string) Manifest {
	return Manifest{Classifier: Network{File: classifier}, Segmenter: Network{File: segmenter}}
}

func nan() float64 { return math.NaN() }
