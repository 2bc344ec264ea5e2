package seg_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/seg"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// input returns the input for masks as the tests use it.
func input(masks [][]byte, spacing float64) seg.Input {
	return seg.Input{
		Masks: masks, SpacingBetweenSlices: spacing,
		Model: objecttest.Model, Threshold: 0.5, Window: [2]float64{-1350, 150},
	}
}

// smallStudy is a study of n slices of 3 x 5 pixels, 2.5 mm apart.
func smallStudy(t testing.TB, n int) *object.Study { return objecttest.Small(t, n) }

func parse(t testing.TB, file []byte) *dataset.File {
	t.Helper()
	return objecttest.Parse(t, file)
}

// mask returns pixels of background with the given ones set.
func mask(pixels int, set ...int) []byte {
	m := make([]byte, pixels)
	for _, i := range set {
		m[i] = 1
	}
	return m
}

func TestBuild_Golden(t *testing.T) {
	s := smallStudy(t, 4)
	o, err := seg.Build(s, input([][]byte{nil, mask(15, 0, 14), mask(15, 7), mask(15)}, 2.5))
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, o.File)
	got := strings.Join(append(dump(f.Meta(), ""), dump(f.Set(), "")...), "\n") + "\n"
	if want := []byte{'O', 'B', 0, 0, 4, 0, 0, 0, 0x01, 0x40, 0x40, 0}; !bytes.HasSuffix(o.File, want) {
		t.Errorf("pixel data: file ends %x, want %x", o.File[len(o.File)-len(want):], want)
	}
	golden := filepath.Join("testdata", "seg.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Fatalf("structure differs from %s (-want +got; -update rewrites):\n%s", golden, diff)
	}
	if o.Kind != "seg" || o.Title != "Lesion segmentation, 2 of 4 slices" || o.SOPInstanceUID != s.InstanceUID(object.Segmentation) ||
		o.SeriesInstanceUID != s.SeriesUID(object.Segmentation) || o.SOPClassUID != object.SegmentationStorage {
		o.File = nil
		t.Fatalf("object %+v", o)
	}
}

// dump lists a data set: tag, VR, value as quoted bytes.
func dump(set *dataset.Set, indent string) []string {
	var lines []string
	for _, e := range set.Elements() {
		if e.VR == "SQ" {
			items := set.Items(e.Tag)
			lines = append(lines, fmt.Sprintf("%s%v SQ %d items", indent, e.Tag, len(items)))
			for i, item := range items {
				lines = append(lines, fmt.Sprintf("%s  item %d", indent, i+1))
				lines = append(lines, dump(item, indent+"    ")...)
			}
			continue
		}
		if e.Tag == dataset.PixelDataTag {
			lines = append(lines, fmt.Sprintf("%s%v %s pixels", indent, e.Tag, e.VR))
			continue
		}
		b, _ := set.Bytes(e.Tag)
		lines = append(lines, fmt.Sprintf("%s%v %s %q", indent, e.Tag, e.VR, b))
	}
	return lines
}

func TestBuild_IsTheSameToTheByte(t *testing.T) {
	build := func() []byte {
		o, err := seg.Build(smallStudy(t, 9), input([][]byte{nil, mask(15, 0), mask(15, 1), nil, mask(15, 2), nil, nil, nil, nil}, 2.5))
		if err != nil {
			t.Fatal(err)
		}
		return o.File
	}
	if !bytes.Equal(build(), build()) {
		t.Fatal("two builds of one study differ")
	}
}

func TestBuild_DimensionOrganizationType(t *testing.T) {
	lesion := mask(15, 3)
	for _, c := range []struct {
		name   string
		masks  [][]byte
		change func([]object.SourceImage)
		want   string
	}{
		{"neighbours", [][]byte{nil, lesion, lesion, lesion}, nil, "3D"},
		{"every second", [][]byte{lesion, nil, lesion, nil}, nil, ""},
		{"gap", [][]byte{lesion, lesion, nil, lesion}, nil, ""},
		{"one frame", [][]byte{lesion, nil, nil, nil}, nil, ""},
		{"tilted gantry", [][]byte{lesion, lesion, lesion, lesion}, func(sl []object.SourceImage) {
			for i := range sl {
				sl[i].PositionDS = fmt.Sprintf(`-10\%g\%g`, -20+0.7*float64(i), 2.5*float64(i))
			}
		}, ""},
		{"another orientation", [][]byte{lesion, lesion, lesion, nil}, func(sl []object.SourceImage) {
			sl[1].OrientationDS = `1\0\0\0\0.999\0.04`
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := smallStudy(t, len(c.masks))
			if c.change != nil {
				c.change(s.Slices)
			}
			o, err := seg.Build(s, input(c.masks, 2.5))
			if err != nil {
				t.Fatal(err)
			}
			if got := parse(t, o.File).Set().String(dataset.NewTag(0x0020, 0x9311)); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBuild_TextsThatDifferStandPerFrame(t *testing.T) {
	s := smallStudy(t, 3)
	s.Slices[2].SliceThicknessDS, s.Slices[2].OrientationDS = "2.00", `1.0\0\0\0\1\0`
	o, err := seg.Build(s, input([][]byte{mask(15, 1), mask(15, 2), mask(15, 3)}, 2.5))
	if err != nil {
		t.Fatal(err)
	}
	frames := parse(t, o.File).Set().Items(dataset.NewTag(0x5200, 0x9230))
	if len(frames) != 3 {
		t.Fatalf("%d frames, want 3", len(frames))
	}
	for i, f := range frames {
		measures, orientation := f.Items(dataset.PixelMeasuresSequence), f.Items(dataset.PlaneOrientationSequence)
		if len(measures) != 1 || len(orientation) != 1 {
			t.Fatalf("frame %d has %d measures, %d orientations, want one each", i+1, len(measures), len(orientation))
		}
		if got, want := measures[0].String(dataset.SliceThickness), s.Slices[i].SliceThicknessDS; got != want {
			t.Errorf("frame %d: thickness %q, want %q", i+1, got, want)
		}
		if got, want := strings.Join(orientation[0].Strings(dataset.ImageOrientationPatient), `\`), s.Slices[i].OrientationDS; got != want {
			t.Errorf("frame %d: orientation %q, want %q", i+1, got, want)
		}
	}
}

// Where the distance of planes changes, no distance is stated, no regular volume is promised, and slices without thickness have that
// which they stand for.
func TestBuild_DistanceOfPlanesThatChanges(t *testing.T) {
	for _, c := range []struct {
		name      string
		thickness string
		want      []string
	}{
		{"stated thickness", "2.0", []string{"2.0"}},
		{"no thickness", "", []string{"2.5", "3.75", "5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := smallStudy(t, 3)
			for i, extent := range []float64{2.5, 3.75, 5} {
				s.Slices[i].SliceThicknessDS, s.Slices[i].Extent = c.thickness, extent
			}
			o, err := seg.Build(s, input([][]byte{mask(15, 1), mask(15, 2), mask(15, 3)}, 0))
			if err != nil {
				t.Fatal(err)
			}
			set := parse(t, o.File).Set()
			if set.Has(dataset.NewTag(0x0020, 0x9311)) {
				t.Error("Dimension Organization Type is there")
			}
			var got []string
			for _, group := range append(set.Items(dataset.NewTag(0x5200, 0x9229)), set.Items(dataset.NewTag(0x5200, 0x9230))...) {
				for _, measures := range group.Items(dataset.PixelMeasuresSequence) {
					got = append(got, measures.String(dataset.SliceThickness))
					if measures.Has(dataset.SpacingBetweenSlices) {
						t.Errorf("spacing between slices is %q", measures.String(dataset.SpacingBetweenSlices))
					}
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("thickness (-want +got):\n%s", d)
			}
		})
	}
}

func TestBuild_Revision(t *testing.T) {
	for revision, want := range map[int]string{
		1:  "Lung lesions found by JCS. Research use only",
		2:  "Lung lesions found by JCS. Research use only (rev 2 replaces 1)",
		11: "Lung lesions found by JCS. Research use only (rev 11)",
	} {
		s := smallStudy(t, 1)
		s.Revision = revision
		o, err := seg.Build(s, input([][]byte{mask(15, 1)}, 2.5))
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, o.File).Set().String(dataset.NewTag(0x0070, 0x0081)); got != want || len(got) > 64 {
			t.Errorf("revision %d: %q, want %q", revision, got, want)
		}
	}
}

func TestBuild_Refuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		masks  [][]byte
		sp     float64
		damage func([]object.SourceImage)
		want   string
	}{
		{"all nil", [][]byte{nil, nil}, 2, nil, seg.ErrEmpty.Error()},
		{"all background", [][]byte{mask(15), nil}, 2, nil, seg.ErrEmpty.Error()},
		{"no slices", nil, 2, nil, "0 masks for 2 slices"},
		{"mask of another size", [][]byte{mask(16, 1), nil}, 2, nil, "16 pixels"},
		{"no spacing", [][]byte{mask(15, 1), nil}, -1, nil, "spacing"},
		{"unsorted", [][]byte{mask(15, 1), nil}, 2, func(sl []object.SourceImage) { sl[0], sl[1] = sl[1], sl[0] }, "sorted"},
		{"slices of two sizes", [][]byte{nil, mask(12, 1)}, 2, func(sl []object.SourceImage) { sl[1].Columns = 4 }, "3 x 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := smallStudy(t, 2)
			if c.damage != nil {
				c.damage(s.Slices)
			}
			o, err := seg.Build(s, input(c.masks, c.sp))
			if o != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got object %v, error %v, want an error with %q", o != nil, err, c.want)
			}
			if empty := c.want == seg.ErrEmpty.Error(); errors.Is(err, seg.ErrEmpty) != empty {
				t.Fatalf("errors.Is ErrEmpty is %v for %v", !empty, err)
			}
		})
	}
}

func ExampleBuild() {
	// A study with one lesion pixel in the second of two slices.
	var t testing.T
	o, err := seg.Build(smallStudy(&t, 2), seg.Input{
		Masks:                [][]byte{nil, {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
		SpacingBetweenSlices: 2.5,
		Model:                object.Model{Name: "segmenter", Version: "1.0", Status: object.StatusTrained},
		Threshold:            0.5,
		Window:               [2]float64{-1350, 150},
	})
	fmt.Println(err, o.Title)
	// Output: <nil> Lesion segmentation, 1 of 2 slices
}
