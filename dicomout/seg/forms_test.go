package seg_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/seg"
)

func labelMap(t testing.TB, s *object.Study, in seg.Input, background bool) *object.Object {
	t.Helper()
	o, err := seg.BuildLabelMap(s, in, background)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestBuildLabelMap(t *testing.T) {
	in := input([][]byte{nil, mask(15, 0, 14), mask(15, 7), mask(15)}, 2.5)
	for _, background := range []bool{true, false} {
		s := smallStudy(t, 4)
		o := labelMap(t, s, in, background)
		f := parse(t, o.File)
		set := f.Set()
		want := append(append(mask(15, 0, 14), mask(15, 7)...), 0)[:30]
		if !bytes.HasSuffix(o.File, want) {
			t.Errorf("pixels %v, want %v", o.File[len(o.File)-30:], want)
		}
		kind := map[bool]object.Kind{true: object.LabelMap, false: object.LabelMapPlain}[background]
		if got := set.String(dataset.SOPClassUID); got != object.LabelMapSegmentationStorage || o.SOPInstanceUID != s.InstanceUID(kind) {
			t.Errorf("class %s, instance %s", got, o.SOPInstanceUID)
		}
		segments := set.Items(dataset.NewTag(0x0062, 0x0002))
		first, err := segments[0].Int(dataset.NewTag(0x0062, 0x0004))
		if wantFirst := map[bool]int{true: 0, false: 1}[background]; err != nil || first != wantFirst || len(segments) != 2-wantFirst {
			t.Errorf("background %v: %d segments from number %d, %v", background, len(segments), first, err)
		}
		for i, frame := range set.Items(dataset.NewTag(0x5200, 0x9230)) {
			index, err := frame.Items(dataset.NewTag(0x0020, 0x9111))[0].Int(dataset.NewTag(0x0020, 0x9157))
			if err != nil || index != i+1 || frame.Has(dataset.NewTag(0x0062, 0x000A)) {
				t.Errorf("frame %d: index %d, %v, or it names a segment", i+1, index, err)
			}
		}
		if padding, err := set.Int(dataset.NewTag(0x0028, 0x0120)); err != nil || padding != 0 || !set.Has(dataset.NewTag(0x0028, 0x0120)) {
			t.Errorf("pixel padding value %d, %v", padding, err)
		}
	}
}

// lungs are two bars, the patient's right one at the left of the picture, in every slice but the first, the right one alone in
// the second.
func lungs(s *object.Study) [][]byte {
	masks := make([][]byte, len(s.Slices))
	for i := 1; i < len(masks); i++ {
		sl := s.Slices[i]
		masks[i] = make([]byte, sl.Rows*sl.Columns)
		for at := range masks[i] {
			switch c := at % sl.Columns * 5 / sl.Columns; {
			case c == 1:
				masks[i][at] = seg.RightLung
			case c == 3 && i > 1:
				masks[i][at] = seg.LeftLung
			}
		}
	}
	return masks
}

func TestBuildLungs(t *testing.T) {
	s := smallStudy(t, 4)
	o, err := seg.BuildLungs(s, seg.LungInput{Masks: lungs(s), SpacingBetweenSlices: 2.5})
	if err != nil {
		t.Fatal(err)
	}
	set := parse(t, o.File).Set()
	var got []string
	for _, frame := range set.Items(dataset.NewTag(0x5200, 0x9230)) {
		index, _ := frame.Items(dataset.NewTag(0x0020, 0x9111))[0].Bytes(dataset.NewTag(0x0020, 0x9157))
		position := frame.Items(dataset.PlanePositionSequence)[0].Strings(dataset.ImagePositionPatient)
		got = append(got, string('0'+index[0])+" "+string('0'+index[4])+" "+position[2])
	}
	want := "1 2 -95.000, 1 3 -92.500, 2 1 -97.500, 2 2 -95.000, 2 3 -92.500" // segment, plane, z
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("frames %s, want %s", text, want)
	}
	var labels []string
	for _, one := range set.Items(dataset.NewTag(0x0062, 0x0002)) {
		labels = append(labels, one.String(dataset.NewTag(0x0062, 0x0005)))
	}
	if text := strings.Join(labels, ", "); text != "Left lung, Right lung" || o.Title != "Lung segmentation, 3 of 4 slices" {
		t.Errorf("segments %s, title %q", text, o.Title)
	}
	if _, err := seg.BuildLungs(s, seg.LungInput{Masks: make([][]byte, 4), SpacingBetweenSlices: 2.5}); err == nil {
		t.Error("no error without a lung")
	}
}

func TestForms_DciodvfyFindsNothing(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	s := objecttest.Chest(t)
	both, err := seg.BuildLungs(s, seg.LungInput{Masks: lungs(s), SpacingBetweenSlices: 2})
	if err != nil {
		t.Fatal(err)
	}
	lesions := labelMap(t, s, input(discs(s), 2), true)
	for name, c := range map[string]struct {
		object  *object.Object
		unknown bool // to this validator, which then wants segments from 1 as well
	}{
		"lungs": {both, false}, "label map": {lesions, true},
	} {
		out, err := exec.Command(validator, objecttest.Write(t, c.object)).CombinedOutput()
		if err != nil && !c.unknown {
			t.Fatalf("%s: dciodvfy: %v\n%s", name, err, out)
		}
		for line := range strings.Lines(string(out)) {
			expected := c.unknown && (strings.Contains(line, "Information Object Not found") ||
				strings.Contains(line, "Segment Number") || strings.Contains(line, "SegmentNumber"))
			if (strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning")) && !expected {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

// TestForms_PydicomReadsTheMasks compares pixels and places of all forms as an independent reader finds them.
func TestForms_PydicomReadsTheMasks(t *testing.T) {
	python := objecttest.Python(t, "pydicom", "numpy", "highdicom")
	s := objecttest.Chest(t)
	for i := range s.Slices { // frames that begin inside a byte
		s.Slices[i].Rows, s.Slices[i].Columns = 299, 331
	}
	masks := discs(s)
	lesions := labelMap(t, s, input(masks, 2), true)
	sides := lungs(s)
	both, err := seg.BuildLungs(s, seg.LungInput{Masks: sides, SpacingBetweenSlices: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		object *object.Object
		want   []reading
	}{
		"label map": {lesions, readings(s, masks, 1)},
		"lungs":     {both, append(readings(s, sides, seg.LeftLung), readings(s, sides, seg.RightLung)...)},
	} {
		path := objecttest.Write(t, c.object)
		out, err := exec.Command(python, filepath.Join("testdata", "read.py"), path).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: read.py: %v\n%s", name, err, out)
		}
		var got []reading
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		const read = "import highdicom, sys; highdicom.seg.segread(sys.argv[1]).get_volume()"
		if out, err := exec.Command(python, "-c", read, path).CombinedOutput(); err != nil {
			t.Errorf("%s: highdicom: %v\n%s", name, err, out)
		}
	}
}

// readings are the frames that show the pixels of one value.
func readings(s *object.Study, masks [][]byte, value byte) []reading {
	var all []reading
	for i, m := range masks {
		of := make([]byte, len(m))
		for at, v := range m {
			if v == value {
				of[at] = 1
			}
		}
		if bytes.IndexByte(of, 1) >= 0 {
			all = append(all, reading{Instance: s.Slices[i].SOPInstanceUID, Position: s.Slices[i].PositionDS, Pixels: checksum(of)})
		}
	}
	return all
}
