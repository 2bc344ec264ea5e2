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

// Chest is a made-up study of 148 slices of 512 x 512 pixels, 2 mm apart, whose header has what a scanner writes: a patient without name
// and birth date, the scanner itself, references to other images and a private block. There are no pixels.
func Chest(t testing.TB) *object.Study {
	t.Helper()
	const instance = "1.2.826.0.1.3680043.9.7.1.1"
	kind := object.Kind{Name: "source", SOPClassUID: "1.2.840.10008.5.1.4.1.1.2"}
	file, err := object.Encode(kind, instance, dataset.ExplicitVRLittleEndian, []*object.Element{
		object.Text(tag.SpecificCharacterSet, "CS", "ISO_IR 100"),
		object.Text(tag.ImageType, "CS", "ORIGINAL", "PRIMARY", "AXIAL"),
		object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID),
		object.Text(tag.SOPInstanceUID, "UI", instance),
		object.Text(tag.StudyDate, "DA", "20200305"),
		object.Text(tag.StudyTime, "TM", "145500.699000"),
		object.Text(tag.AccessionNumber, "SH", ""),
		object.Text(tag.Modality, "CS", "CT"),
		object.Text(tag.Manufacturer, "LO", "Maker"),
		object.Text(tag.ReferringPhysicianName, "PN", ""),
		object.Text(tag.StationName, "SH", "CT1"),
		object.Text(tag.StudyDescription, "LO", "Thorax^Routine (Adult)"),
		object.Text(tag.SeriesDescription, "LO", "Lung 2.0"),
		object.Text(tag.ManufacturerModelName, "LO", "Scanner"),
		object.Sequence(tag.ReferencedImageSequence, []*object.Element{
			object.Text(tag.ReferencedSOPClassUID, "UI", kind.SOPClassUID),
			object.Text(tag.ReferencedSOPInstanceUID, "UI", "1.2.826.0.1.3680043.9.7.9"),
		}),
		object.Text(tag.PatientID, "LO", "98C14734"),
		object.Text(tag.PatientSex, "CS", "M"),
		object.Text(tag.PatientAge, "AS", "039Y"),
		object.Text(tag.BodyPartExamined, "CS", "CHEST"),
		object.Text(tag.KVP, "DS", "110"),
		object.Text(tag.DeviceSerialNumber, "LO", "93005"),
		object.Text(tag.SoftwareVersions, "LO", "VC40"),
		object.Text(tag.PatientPosition, "CS", "HFS"),
		object.Text(tag.Laterality, "CS", "L"),
		object.Text(tag.StudyInstanceUID, "UI", "1.2.826.0.1.3680043.9.7"),
		object.Text(tag.SeriesInstanceUID, "UI", "1.2.826.0.1.3680043.9.7.1"),
		object.Text(tag.StudyID, "SH", "1"),
		object.Text(tag.SeriesNumber, "IS", "4"),
		object.Text(tag.FrameOfReferenceUID, "UI", "1.2.826.0.1.3680043.9.7.2"),
		object.Text(tag.WindowCenter, "DS", "50", "-600"),
		object.Text(tag.WindowWidth, "DS", "350", "1200"),
		object.Text(tag.RescaleIntercept, "DS", "-1024"),
		object.Text(tag.LossyImageCompression, "CS", "00"),
		object.Text(tag.Tag{Group: 0x0029, Element: 0x0010}, "LO", "MAKER HEADER"),
	})
	if err != nil {
		t.Fatal(err)
	}
	slices := make([]object.SourceImage, 148)
	for i := range slices {
		z := 2*float64(i) - 346.1
		slices[i] = object.SourceImage{
			SOPClassUID: kind.SOPClassUID, SOPInstanceUID: fmt.Sprintf("1.2.826.0.1.3680043.9.7.1.%d", len(slices)-i),
			InstanceNumber: len(slices) - i,
			Rows:           512, Columns: 512,
			PositionDS: fmt.Sprintf(`-172.1259765625\-328.1259765625\%.1f`, z), OrientationDS: `1\0\0\0\1\0`,
			PixelSpacingDS: `0.748046875\0.748046875`, SliceThicknessDS: "2", Position: z,
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
