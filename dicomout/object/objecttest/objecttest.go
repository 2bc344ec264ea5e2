// Package objecttest makes studies for the tests of the rooms that build objects, from the CT data that tests use.
package objecttest

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Data returns the path of a file or folder of the larger test data. Without them the test is left out.
func Data(t testing.TB, path ...string) string {
	t.Helper()
	return corpus.Shared(t, path...)
}

// Missing skips a test that lacks something of its surroundings, and fails it under CI, where nothing may be lacking.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing in CI: "+format, args...)
	}
	t.Skipf("missing: "+format, args...)
}

// Open opens a DICOM file until the end of the test.
func Open(t testing.TB, path string) *dataset.File {
	t.Helper()
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Model is the network that the studies name.
var Model = object.Model{
	Name: "JCS segmenter", Version: "0.1", Status: "untrained",
	SHA256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
}

// StudyOf returns a study around one source file and its slices, with all else fixed.
func StudyOf(source *dataset.File, slices []object.SourceImage) *object.Study {
	set := source.Set()
	study := cmp.Or(set.String(dataset.StudyInstanceUID), "2.25.1")
	return &object.Study{
		Source:              source,
		StudyInstanceUID:    study,
		SeriesInstanceUID:   set.String(dataset.SeriesInstanceUID),
		FrameOfReferenceUID: set.String(dataset.FrameOfReferenceUID),
		Revision:            1,
		InputDigest:         fmt.Sprintf("%d slices", len(slices)),
		Time:                time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC),
		SeriesBase:          9100,
		SoftwareVersion:     "1.0.0",
		NodeID:              "node-1",
		Models:              []object.Model{Model},
		Settings:            "threshold=0.5",
		Slices:              slices,
	}
}

// Study returns the axial CT study in a folder below data/ct, sorted by z.
func Study(t testing.TB, folder string) *object.Study {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Data(t, "ct", folder), "*.dcm"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files of %s: %v", folder, err)
	}
	type image struct {
		file  *dataset.File
		slice object.SourceImage
	}
	images := make([]image, len(paths))
	for i, path := range paths {
		f := Open(t, path)
		images[i] = image{f, Slice(t, f)}
	}
	slices.SortFunc(images, func(a, b image) int { return cmp.Compare(a.slice.Position, b.slice.Position) })
	sorted := make([]object.SourceImage, len(images))
	for i, im := range images {
		sorted[i] = im.slice
	}
	return StudyOf(images[0].file, sorted)
}

// Slice reads what an object must know of an axial CT image; its position is z.
func Slice(t testing.TB, f *dataset.File) object.SourceImage {
	t.Helper()
	set := f.Set()
	number := func(tag dataset.Tag) int {
		n, err := set.Int(tag)
		if err != nil {
			t.Fatalf("%v of %s: %v", tag, set.String(dataset.SOPInstanceUID), err)
		}
		return n
	}
	text := func(tag dataset.Tag) string { return strings.Join(set.Strings(tag), `\`) }
	position, err := set.Floats(dataset.ImagePositionPatient)
	if err != nil || len(position) != 3 {
		t.Fatalf("position of %s: %v, %v", set.String(dataset.SOPInstanceUID), position, err)
	}
	return object.SourceImage{
		SOPClassUID:      set.String(dataset.SOPClassUID),
		SOPInstanceUID:   set.String(dataset.SOPInstanceUID),
		InstanceNumber:   number(dataset.InstanceNumber),
		Rows:             number(dataset.Rows),
		Columns:          number(dataset.Columns),
		PositionDS:       text(dataset.ImagePositionPatient),
		OrientationDS:    text(dataset.ImageOrientationPatient),
		PixelSpacingDS:   text(dataset.PixelSpacing),
		SliceThicknessDS: text(dataset.SliceThickness),
		Position:         position[2],
	}
}
