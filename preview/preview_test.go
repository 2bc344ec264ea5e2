package preview

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// capture is a picture of 2 x 2 pixels as a DICOM file.
func capture(t *testing.T, photometric string, pixels []byte) []byte {
	t.Helper()
	file, err := object.Encode(object.Summary, "2.25.1", dataset.ExplicitVRLittleEndian, []*object.Element{
		object.Text(tag.SOPClassUID, "UI", object.Summary.SOPClassUID),
		object.Text(tag.SOPInstanceUID, "UI", "2.25.1"),
		object.Number(tag.SeriesNumber, 9100),
		object.Number(tag.InstanceNumber, 7),
		object.Text(tag.PhotometricInterpretation, "CS", photometric),
		object.Int(tag.Rows, "US", 2),
		object.Int(tag.Columns, "US", 2),
		object.PixelData("OB", pixels),
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Pictures keep their pixels and are named by series and instance; what is no colour picture is passed over, and what is damaged is not.
func TestAll(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	pixels := []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7}
	for name, content := range map[string][]byte{
		"a.dcm":     capture(t, "RGB", pixels),
		"b.dcm":     capture(t, "MONOCHROME2", []byte{1, 2, 3, 4}),
		"other.txt": []byte("no picture"),
	} {
		if err := os.WriteFile(filepath.Join(from, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if count, err := All(from, to); err != nil || count != 1 {
		t.Fatalf("%d pictures, %v", count, err)
	}
	f, err := os.Open(filepath.Join(to, "9100-0007.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[image.Point]color.RGBA{
		{0, 0}: {255, 0, 0, 255}, {1, 0}: {0, 255, 0, 255}, {0, 1}: {0, 0, 255, 255}, {1, 1}: {9, 8, 7, 255},
	} {
		if got := color.RGBAModel.Convert(picture.At(at.X, at.Y)); got != want {
			t.Errorf("pixel %v is %v, want %v", at, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(from, "short.dcm"), capture(t, "RGB", pixels[:6]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := All(from, to); err == nil {
		t.Error("a picture with half its pixels was drawn")
	}
}
