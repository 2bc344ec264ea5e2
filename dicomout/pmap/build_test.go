package pmap_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	dicomreader "github.com/grailbio/go-dicom"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/pmap"
)

// input maps the slices; the values of slice i rise from i by one for each pixel.
func input(s *object.Study, indices ...int) pmap.Input {
	return pmap.Input{Indices: indices, Max: 4, SpacingBetweenSlices: 2.5, Values: func(index int) []float32 {
		v := make([]float32, s.Slices[index].Rows*s.Slices[index].Columns)
		for i := range v {
			v[i] = float32(index + i%5)
		}
		return v
	}}
}

func build(t *testing.T, s *object.Study, in pmap.Input) *object.Object {
	t.Helper()
	o, err := pmap.Build(s, in)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestBuild_SameBytesEveryTime(t *testing.T) {
	s := objecttest.Small(t, 4)
	if !bytes.Equal(build(t, s, input(s, 1, 3)).File, build(t, s, input(s, 1, 3)).File) {
		t.Error("two builds differ")
	}
}

// TestBuild_PydicomReadsTheValues compares values, positions and sources as an independent reader finds them.
func TestBuild_PydicomReadsTheValues(t *testing.T) {
	python := objecttest.Python(t, "pydicom", "numpy")
	s := objecttest.Small(t, 4)
	o := build(t, s, input(s, 1, 3))
	const script = `
import sys, pydicom
ds = pydicom.dcmread(sys.argv[1])
for pixels, g in zip(ds.pixel_array, ds.PerFrameFunctionalGroupsSequence, strict=True):
    print(pixels.shape, float(pixels[0, 0]), float(pixels[2, 4]), g.PlanePositionSequence[0].ImagePositionPatient[2],
          g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID)
`
	out, err := exec.Command(python, "-c", script, objecttest.Write(t, o)).CombinedOutput()
	want := fmt.Sprintf("(3, 5) 0.25 1.25 -97.500 %s\n(3, 5) 0.75 1.75 -92.500 %s\n",
		s.Slices[1].SOPInstanceUID, s.Slices[3].SOPInstanceUID)
	if err != nil || string(out) != want {
		t.Errorf("pydicom: %v\n%s\nwant\n%s", err, out, want)
	}
}

func TestBuild_DciodvfyFindsNoErrors(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	s := objecttest.Chest(t)
	for _, spacing := range []float64{2, 0} {
		in := input(s, 40, 41, 43)
		in.SpacingBetweenSlices = spacing
		out, err := exec.Command(validator, objecttest.Write(t, build(t, s, in))).CombinedOutput()
		if err != nil {
			t.Fatalf("dciodvfy: %v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") && !strings.Contains(line, "QUANTITY") {
				t.Errorf("spacing %v: %s", spacing, line)
			}
		}
	}
}

// TestBuild_GoesToAPeerOfImplicitVR re-encodes the map, whose pixels are no Pixel Data.
func TestBuild_GoesToAPeerOfImplicitVR(t *testing.T) {
	s := objecttest.Chest(t)
	o := build(t, s, input(s, 40, 41))
	file, err := object.Transcode(o.File, dataset.ImplicitVRLittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	size := 2 * 4 * s.Slices[40].Rows * s.Slices[40].Columns
	if !bytes.Equal(file[len(file)-size:], o.File[len(o.File)-size:]) {
		t.Error("values differ after re-encoding")
	}
	if _, err := dicomreader.ReadDataSet(bytes.NewReader(file), dicomreader.ReadOptions{}); err != nil {
		t.Errorf("go-dicom: %v", err)
	}
}

func TestBuild_Refuses(t *testing.T) {
	s := objecttest.Small(t, 4)
	for name, c := range map[string]struct {
		change func(in *pmap.Input)
		want   string
	}{
		"no frame":       {func(in *pmap.Input) { in.Indices = nil }, pmap.ErrEmpty.Error()},
		"no scale":       {func(in *pmap.Input) { in.Max = 0 }, "maximum 0"},
		"no spacing":     {func(in *pmap.Input) { in.SpacingBetweenSlices = -1 }, "spacing -1"},
		"no such slice":  {func(in *pmap.Input) { in.Indices = []int{4} }, "slice 4 of 4"},
		"falling":        {func(in *pmap.Input) { in.Indices = []int{2, 1} }, "frame 2"},
		"too few values": {func(in *pmap.Input) { in.Values = func(int) []float32 { return nil } }, "0 values for 15 pixels"},
	} {
		in := input(s, 1)
		c.change(&in)
		o, err := pmap.Build(s, in)
		if o != nil || err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, pmap.ErrEmpty) != (name == "no frame") {
			t.Errorf("%s: object %v, error %v, want %q", name, o != nil, err, c.want)
		}
	}
}
