package dicomout_test

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"jcsnode/findings"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
)

// read opens an object with our own reader.
func read(t *testing.T, o *object.Object) *dataset.Set {
	t.Helper()
	f, err := dataset.Read(bytes.NewReader(o.File), int64(len(o.File)), dataset.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", o.Title, err)
	}
	return f.Set()
}

func TestBuild_Attributes(t *testing.T) {
	r := positiveReport(t, 9)
	source := r.Shared.Source.Set()
	numbers := map[string]string{"summary": "9100", "seg": "9101", "activation": "9102", "outline": "9107"}
	types := map[string]string{
		"summary": `DERIVED\SECONDARY\OTHER\SUMMARY`, "activation": `DERIVED\SECONDARY\AXIAL\ACTIVATION`,
		"outline": `DERIVED\SECONDARY\AXIAL\OUTLINE`,
	}
	next := map[string]int{"activation": 3, "outline": 3} // the slices of these objects, in order
	for _, b := range build(t, r) {
		o, set := b.object, read(t, b.object)
		text := func(group, element uint16) string {
			return strings.Join(set.Strings(dataset.NewTag(group, element)), `\`)
		}
		if got := text(0x0020, 0x0011); got != numbers[o.Kind] {
			t.Errorf("%s: series number %s", o.Title, got)
		}
		if got, want := set.String(dataset.PatientID), source.String(dataset.PatientID); got != want {
			t.Errorf("%s: patient ID %q, source %q", o.Title, got, want)
		}
		if got := text(0x0020, 0x4000); !strings.HasPrefix(got, findings.Notice) || !strings.Contains(got, "UNTRAINED") {
			t.Errorf("%s: image comments %q", o.Title, got)
		}
		for _, absent := range [][2]uint16{
			{0x0028, 0x1050}, {0x0028, 0x1051}, {0x0028, 0x1052}, {0x0028, 0x1053}, {0x0028, 0x3010}, {0x0028, 0x0120},
		} {
			if set.Has(dataset.NewTag(absent[0], absent[1])) {
				t.Errorf("%s has (%04x,%04x), which turns colour pictures black", o.Title, absent[0], absent[1])
			}
		}
		if o.Kind == "seg" {
			continue
		}
		if got := text(0x0008, 0x0008); got != types[o.Kind] {
			t.Errorf("%s: image type %s", o.Title, got)
		}
		for tag, want := range map[[2]uint16]string{
			{0x0008, 0x0064}: "WSD", {0x0028, 0x0301}: "NO", {0x0028, 0x0302}: "NO", {0x0028, 0x0004}: "RGB",
		} {
			if got := text(tag[0], tag[1]); got != want {
				t.Errorf("%s: (%04x,%04x) is %q, want %q", o.Title, tag[0], tag[1], got, want)
			}
		}
		if planar, err := set.Int(dataset.NewTag(0x0028, 0x0006)); err != nil || planar != 0 {
			t.Errorf("%s: planar configuration %d, %v", o.Title, planar, err)
		}
		if o.Kind == "summary" {
			if set.Has(dataset.ImagePositionPatient) || set.Has(dataset.FrameOfReferenceUID) {
				t.Errorf("%s has a plane", o.Title)
			}
			continue
		}
		sl := r.Shared.Slices[next[o.Kind]]
		next[o.Kind]++
		for tag, want := range map[dataset.Tag]string{
			dataset.ImagePositionPatient: sl.PositionDS, dataset.ImageOrientationPatient: sl.OrientationDS,
			dataset.PixelSpacing: sl.PixelSpacingDS, dataset.SliceThickness: sl.SliceThicknessDS,
			dataset.FrameOfReferenceUID: r.Shared.FrameOfReferenceUID, dataset.NewTag(0x0020, 0x0020): `L\P`,
			dataset.InstanceNumber: fmt.Sprint(sl.InstanceNumber),
		} {
			if got := strings.Join(set.Strings(tag), `\`); got != want {
				t.Errorf("%s: %v is %q, want %q", o.Title, tag, got, want)
			}
		}
		items := set.Items(dataset.NewTag(0x0008, 0x2112))
		if len(items) != 1 || items[0].String(dataset.NewTag(0x0008, 0x1155)) != sl.SOPInstanceUID {
			t.Errorf("%s does not name its slice as source image", o.Title)
		}
		if got := text(0x0008, 0x2111); !strings.HasPrefix(got, "JCS ") || !strings.Contains(got, "0.5") {
			t.Errorf("%s: derivation %q lacks the threshold", o.Title, got)
		}
	}
}

func TestBuild_PreviewIsThePicture(t *testing.T) {
	for _, b := range build(t, positiveReport(t, 6)) {
		if b.object.Kind == "seg" {
			continue
		}
		picture := b.preview.(*image.RGBA)
		size := picture.Rect.Size()
		pixels := b.object.File[len(b.object.File)-3*size.X*size.Y:]
		for _, at := range []image.Point{{0, 0}, {size.X - 1, 0}, {size.X / 3, size.Y / 2}, {20, size.Y - 20}, {size.X - 1, size.Y - 1}} {
			c := picture.RGBAAt(at.X, at.Y)
			i := 3 * (at.Y*size.X + at.X)
			if !slices.Equal(pixels[i:i+3], []byte{c.R, c.G, c.B}) {
				t.Errorf("%s at %v: object has %v, preview %v", b.object.Title, at, pixels[i:i+3], c)
			}
		}
	}
}

func TestBuild_GeometryOfFinerPictures(t *testing.T) {
	for name, c := range map[string]struct {
		study         dicomout.Study
		rows, columns int
		spacing       string
		offset        [2]float64 // of the first pixel, along x and y, in mm
	}{
		"under 512":  {resized(positiveReport(t, 3), 256, 256, `1.5\1.5`), 512, 512, `0.75\0.75`, [2]float64{-0.375, -0.375}},
		"not square": {resized(positiveReport(t, 3), 512, 256, `0.748\1.496`), 512, 512, `0.748\0.748`, [2]float64{-0.374, 0}},
	} {
		for _, b := range build(t, c.study) {
			if b.object.Kind != "activation" {
				continue
			}
			set := read(t, b.object)
			rows, _ := set.Int(dataset.Rows)
			columns, _ := set.Int(dataset.Columns)
			if rows != c.rows || columns != c.columns || b.preview.Bounds().Size() != image.Pt(columns, rows) {
				t.Errorf("%s: picture of %d x %d, preview %v, want %d x %d", name, rows, columns, b.preview.Bounds(), c.rows, c.columns)
			}
			if got := strings.Join(set.Strings(dataset.PixelSpacing), `\`); got != c.spacing {
				t.Errorf("%s: spacing %s, want %s", name, got, c.spacing)
			}
			var was [3]float64
			position := strings.ReplaceAll(c.study.Shared.Slices[1].PositionDS, `\`, " ")
			if _, err := fmt.Sscanf(position, "%g %g %g", &was[0], &was[1], &was[2]); err != nil {
				t.Fatal(err)
			}
			is, err := set.Floats(dataset.ImagePositionPatient)
			if err != nil {
				t.Fatal(err)
			}
			if dx, dy := is[0]-was[0]-c.offset[0], is[1]-was[1]-c.offset[1]; math.Hypot(dx, dy) > 1e-6 || is[2] != was[2] {
				t.Errorf("%s: position %v from %v, want moved by %v", name, is, was, c.offset)
			}
		}
	}
}

func TestBuild_WithoutGeometry(t *testing.T) {
	r := positiveReport(t, 6)
	r.Options.Geometry = false
	for _, b := range build(t, r) {
		if b.object.Kind == "seg" {
			continue
		}
		set := read(t, b.object)
		for _, tag := range []dataset.Tag{dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.FrameOfReferenceUID} {
			if set.Has(tag) {
				t.Errorf("%s has %v", b.object.Title, tag)
			}
		}
	}
}
