package objecttest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Small is a made-up study of n slices of 3 x 5 pixels, 2.5 mm apart, for tests that need no data.
func Small(t testing.TB, n int) *object.Study {
	t.Helper()
	kind := object.Kind{Name: "source", SOPClassUID: "1.2.840.10008.5.1.4.1.1.2"}
	file, err := object.Encode(kind, "1.2.3.4.1", dataset.ExplicitVRLittleEndian, []*object.Element{
		object.Text(tag.SpecificCharacterSet, "CS", "ISO_IR 100"),
		object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID),
		object.Text(tag.SOPInstanceUID, "UI", "1.2.3.4.1"),
		object.Text(tag.Manufacturer, "LO", "Maker"),
		object.Raw(tag.PatientName, "PN", []byte("M\xfcller^\xc5sa")),
		object.Text(tag.PatientID, "LO", "P-1"),
		object.Text(tag.StudyInstanceUID, "UI", "1.2.3"),
		object.Text(tag.SeriesInstanceUID, "UI", "1.2.3.4"),
		object.Text(tag.FrameOfReferenceUID, "UI", "1.2.3.5"),
	})
	if err != nil {
		t.Fatal(err)
	}
	slices := make([]object.SourceImage, n)
	for i := range slices {
		slices[i] = object.SourceImage{
			SOPClassUID: kind.SOPClassUID, SOPInstanceUID: fmt.Sprintf("1.2.3.4.%d", i+1), InstanceNumber: n - i, Rows: 3, Columns: 5,
			PositionDS: fmt.Sprintf(`-10.50\-20.5\%.3f`, 2.5*float64(i)-100), OrientationDS: `1\0\0\0\1\0`, PixelSpacingDS: `0.70\0.7`,
			SliceThicknessDS: "2.0", Position: 2.5*float64(i) - 100,
		}
	}
	return StudyOf(Parse(t, file), slices)
}

// Parse reads a file of ours with our own reader.
func Parse(t testing.TB, file []byte) *dataset.File {
	t.Helper()
	f, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
	if err != nil {
		t.Fatalf("file cannot be read: %v", err)
	}
	return f
}

// Write writes an object to a folder of the test and returns its path.
func Write(t testing.TB, o *object.Object) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), o.Kind+".dcm")
	if err := os.WriteFile(path, o.File, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Python returns a Python that has the modules: of the folder of test peers, or of the path.
func Python(t testing.TB, modules ...string) string {
	t.Helper()
	var candidates []string
	if cache, err := os.UserCacheDir(); err == nil {
		candidates = append(candidates, filepath.Join(cache, "jcsnode", "peers", "bin", "python"))
	}
	candidates = append(candidates, "python3")
	for _, python := range candidates {
		if exec.Command(python, "-c", "import "+strings.Join(modules, ",")).Run() == nil {
			return python
		}
	}
	Missing(t, "Python with %s, in ~/.cache/jcsnode/peers or on the path", strings.Join(modules, ", "))
	return ""
}
