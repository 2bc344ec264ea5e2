package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
	"jcsnode/foldertest"
	"jcsnode/phantom"
)

var update = flag.Bool("update", false, "rewrite testdata/golden")

// goldenConfig asks for every object in every form. One slice is enough to be positive.
const goldenConfig = `
[cascade]
threshold = 0
threshold_mm = 0.0
[settle]
quiet = "1s"
` + goldenDestinations

const goldenDestinations = `
[[destination]]
name = "single"
ae_title = "SINGLE"
address = "127.0.0.1:1"
objects = ["summary", "segmentation", "lungs", "report", "activation", "parametric_map", "outline"]
rejection = true
[[destination]]
name = "joined"
ae_title = "JOINED"
address = "127.0.0.1:1"
objects = ["segmentation", "activation"]
labelmap = true
multiframe = true
`

// The bytes of everything that the program makes of small phantoms are those of testdata/golden: what changes them is a change that users
// see. The networks are of operators that give the same on every processor; elsewhere than on amd64 the compiler may join operations.
func TestGolden_ObjectsToTheByte(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("floating point is rounded otherwise here")
	}
	var lines []string
	for _, c := range []struct {
		name    string
		phantom phantom.Options
		charset string
		patient string // as it is encoded
		config  string
	}{
		{"positive", phantom.Options{Slices: 24, Spacing: 12, Lesions: true},
			"ISO_IR 144", "\xbb\xee\xda\x65\xdc\xd1\xe3\xe0\xd3", goldenConfig},
		{"feet first", phantom.Options{Slices: 30, Spacing: 10, Columns: 112, Lesions: true, FeetFirst: true, Uneven: 0.2, Seed: 2},
			"ISO_IR 192", "山田^太郎", goldenConfig},
		{"negative", phantom.Options{Slices: 24, Spacing: 12}, `\ISO 2022 IR 87`, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
			"[cascade]\nthreshold = 24\nthreshold_mm = 0.0\n" + goldenDestinations},
		{"not processed", phantom.Options{Slices: 1, Spacing: 12}, "ISO_IR 100", "M\xfcller^\xc5sa", goldenConfig},
	} {
		dir := t.TempDir()
		l := newLabWith(t, exactNetworks(t), goldenDevice, c.config)
		goldenPhantom(t, filepath.Join(dir, "study"), c.phantom, c.charset, c.patient)
		cmd := program(t.Context(), "run", "study", "--out", "out", "--config", l.config, "--time", "2026-01-30T23:59:00+01:00")
		cmd.Dir = dir // paths are part of the findings
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, text)
		}
		objects := foldertest.Files(t, filepath.Join(dir, "out", "objects"))
		objects["findings.json"] = foldertest.Files(t, filepath.Join(dir, "out"))["findings.json"]
		for name, content := range objects {
			lines = append(lines, fmt.Sprintf("%s/%s %x", c.name, name, sha256.Sum256(content)))
		}
	}
	golden(t, "run.txt", lines)
}

// A revision that replaces another, by the node itself. The time of the findings stands in the objects and is the only thing in them that
// differs from run to run.
func TestGolden_ReplacingRevisionToTheByte(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("floating point is rounded otherwise here")
	}
	l := newLabWith(t, exactNetworks(t), goldenDevice, goldenConfig)
	study := filepath.Join(l.dir, "study")
	goldenPhantom(t, study, phantom.Options{Slices: 24, Spacing: 12, Lesions: true}, "ISO_IR 100", "M\xfcller^\xc5sa")
	uid := studyUID(t, study)
	early, late := split(t, study, 18)
	t.Setenv("TZ", "UTC")
	l.serve(t)
	var lines []string
	for i, folder := range []string{early, late} {
		jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", folder)
		var s *studyStatusJSON
		eventually(t, 5*time.Minute, fmt.Sprintf("revision %d has its objects", i+1), func() bool {
			s = l.study(t, uid)
			return s != nil && len(s.Revisions) == i+1 && len(s.Revisions[i].Objects) > 0
		})
		for n, o := range s.Revisions[i].Objects {
			content, err := os.ReadFile(filepath.Join(l.dir, "data", o.Path))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines,
				fmt.Sprintf("revision %d/%03d %s %s %x", i+1, n+1, o.Kind, o.SOPInstanceUID, sha256.Sum256(timeless(t, content))))
		}
	}
	golden(t, "replaced.txt", lines)
}

// goldenDevice is the engine of the golden files: on others UIDs differ.
const goldenDevice = "device = \"cpu\""

// golden compares lines with a file of testdata/golden, in whatever order they are.
func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	slices.Sort(lines)
	path := filepath.Join("../../testdata/golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), lines); diff != "" {
		t.Errorf("%s (-want +got; go test ./cmd/jcsnode -run Golden -update, if it is meant):\n%s", path, diff)
	}
}

// goldenPhantom writes a phantom of up to 128 x 128 pixels whose patient has that name in that character set.
func goldenPhantom(t *testing.T, dir string, opt phantom.Options, charset, patient string) {
	t.Helper()
	opt.Rows = 128
	if opt.Columns == 0 {
		opt.Columns = 128
	}
	if err := phantom.Write(context.Background(), dir, opt); err != nil {
		t.Fatal(err)
	}
	for name, file := range foldertest.Files(t, dir) {
		first := bytes.Index(file, []byte("\x08\x00\x08\x00CS")) // the character set comes before the image type
		named := bytes.Index(file, []byte("\x10\x00\x10\x00PN"))
		if first < 0 || named < first {
			t.Fatalf("%s has no image type or no name", name)
		}
		rest := named + 8 + int(binary.LittleEndian.Uint16(file[named+6:]))
		changed := slices.Concat(file[:first], shortElement("\x08\x00\x05\x00CS", charset), file[first:named],
			shortElement("\x10\x00\x10\x00PN", patient), file[rest:])
		if err := os.WriteFile(filepath.Join(dir, name), changed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shortElement is an element of Explicit VR Little Endian.
func shortElement(tagAndVR, value string) []byte {
	if len(value)%2 == 1 {
		value += " "
	}
	return append(binary.LittleEndian.AppendUint16([]byte(tagAndVR), uint16(len(value))), value...)
}

// timeless is a file of ours with the day and the time at which it was made replaced by others.
func timeless(t *testing.T, file []byte) []byte {
	t.Helper()
	f, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for tag, other := range map[dataset.Tag]string{dataset.NewTag(0x0008, 0x0012): "20000101",
		dataset.NewTag(0x0008, 0x0013): "000000.000"} {
		value := f.Set().String(tag)
		if len(value) != len(other) {
			t.Fatalf("%v is %q", tag, value)
		}
		file = bytes.ReplaceAll(file, []byte(value), []byte(other))
	}
	return file
}
