package sr_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dicomreader "github.com/grailbio/go-dicom"
	"github.com/grailbio/go-dicom/dicomtag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sr"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// input is a positive study with n lesions.
func input(n int) sr.Input {
	in := sr.Input{
		Result: sr.Present,
		Decision: sr.Basis{
			Slices: 40, PositiveSlices: 31, Threshold: 25, PositiveMM: 77.5, ThresholdMM: 25, OperatingPoint: 0.5,
		},
		Classifier:     object.Model{Name: "JCS classifier", Version: "0.1", SHA256: strings.Repeat("1", 64), Status: "untrained"},
		Segmenter:      object.Model{Name: "JCS segmenter", Version: "0.2", SHA256: strings.Repeat("2", 64), Status: object.StatusTrained},
		SegmenterPoint: 0.5,
	}
	if n > 0 {
		in.Segmentation = &object.Segmentation
		in.Lesions = &sr.Lesions{VolumeML: 41.0342, MeanHU: -396.77, LungShare: 0.0067}
	}
	for i := range n {
		in.Lesions.Each = append(in.Lesions.Each, sr.Lesion{VolumeML: 30 / float64(i+1), MeanHU: -400.04, LargestAreaMM2: 512.25,
			LargestSlice: i, SliceProbability: 0.98765, Side: sr.Side(i % 3)})
	}
	return in
}

func negative() sr.Input {
	in := input(0)
	in.Result, in.Decision.PositiveSlices, in.Decision.PositiveMM = sr.Absent, 3, 7.5
	in.Limits = []string{"Only 80 of 100 mm of the stack was read: 8 slices are missing."}
	return in
}

func notProcessed() sr.Input {
	return sr.Input{Reason: "no axial series: 3 series were refused", Remedy: "send the axial reconstruction"}
}

// cases are reports of every kind of study, with the study that they are about.
func cases(t *testing.T) map[string]struct {
	study *object.Study
	in    sr.Input
} {
	empty := objecttest.Small(t, 0)
	revised := objecttest.Small(t, 40)
	revised.Revision = 2
	revised.Replaces = []object.ReferencedObject{
		{Kind: "summary", SOPClassUID: object.SecondaryCaptureImageStorage, SOPInstanceUID: "2.25.1", SeriesInstanceUID: "2.25.2"},
		// older still
		{Kind: "report", SOPClassUID: object.Comprehensive3DSRStorage, SOPInstanceUID: "2.25.7", SeriesInstanceUID: "2.25.8"},
		{Kind: "report", SOPClassUID: object.Comprehensive3DSRStorage, SOPInstanceUID: "2.25.3", SeriesInstanceUID: "2.25.4"},
		{Kind: "report-alone", SOPClassUID: object.Comprehensive3DSRStorage, SOPInstanceUID: "2.25.5", SeriesInstanceUID: "2.25.6"},
	}
	smoothed := input(1)
	smoothed.Decision.SmoothMM, smoothed.Decision.UnsmoothedSlices, smoothed.Decision.UnsmoothedMM = 7.5, 28, 70
	noSegment := input(1)
	noSegment.Segmentation = nil
	return map[string]struct {
		study *object.Study
		in    sr.Input
	}{
		"positive":        {objecttest.Small(t, 40), input(3)},
		"many":            {objecttest.Small(t, 40), input(23)},
		"nothing-drawn":   {objecttest.Small(t, 40), input(0)},
		"smoothed":        {objecttest.Small(t, 40), smoothed},
		"no-segmentation": {objecttest.Small(t, 40), noSegment},
		"negative":        {objecttest.Small(t, 40), negative()},
		"not-processed":   {empty, notProcessed()},
		"second-revision": {revised, input(1)},
	}
}

func build(t *testing.T, s *object.Study, in sr.Input) *object.Object {
	t.Helper()
	o, err := sr.Build(s, object.Report, in)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestBuild_ReadsAsWritten compares what DCMTK shows of each report with what a reader should see.
func TestBuild_ReadsAsWritten(t *testing.T) {
	dump, err := exec.LookPath("dsrdump")
	if err != nil {
		objecttest.Missing(t, "dsrdump (DCMTK)")
	}
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			got, err := exec.Command(dump, "+Pl", objecttest.Write(t, build(t, c.study, c.in))).CombinedOutput()
			if err != nil {
				t.Fatalf("dsrdump: %v\n%s", err, got)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("dsrdump differs from %s (-want +got; -update rewrites):\n%s", golden, diff)
			}
		})
	}
}

func TestBuild_DciodvfyFindsNoErrors(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy (package dicom3tools)")
	}
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command(validator, objecttest.Write(t, build(t, c.study, c.in))).CombinedOutput()
			if err != nil {
				t.Fatalf("dciodvfy: %v\n%s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				// It warns about every private coding scheme, and the source has no study date.
				expected := strings.Contains(line, "99JCSNODE") || strings.Contains(line, "needed to build DICOMDIR")
				if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") && !expected {
					t.Error(line)
				}
			}
		})
	}
}

// TestBuild_HighdicomReadsTheGroups opens each report with the library that knows TID 1500 best.
func TestBuild_HighdicomReadsTheGroups(t *testing.T) {
	python := objecttest.Python(t, "highdicom")
	for name, want := range map[string]string{
		"positive": "1 plain, 4 volumetric, 41.034 ml",
		"many":     "1 plain, 21 volumetric, 41.034 ml", "nothing-drawn": "1 plain, 0 volumetric",
		"no-segmentation": "3 plain, 0 volumetric", "negative": "1 plain, 0 volumetric",
		"smoothed": "1 plain, 2 volumetric, 41.034 ml", "not-processed": "1 plain, 0 volumetric",
	} {
		c := cases(t)[name]
		out, err := exec.Command(python, filepath.Join("testdata", "read.py"),
			objecttest.Write(t, build(t, c.study, c.in))).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: read.py: %v, %q, want %q", name, err, got, want)
		}
	}
}

func TestBuild_GrailReadsIt(t *testing.T) {
	for name, c := range cases(t) {
		o := build(t, c.study, c.in)
		set, err := dicomreader.ReadDataSet(bytes.NewReader(o.File), dicomreader.ReadOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, err := set.FindElementByTag(dicomtag.SOPInstanceUID)
		if err != nil || e.MustGetString() != c.study.InstanceUID(object.Report) {
			t.Errorf("%s: instance %v, %v", name, e, err)
		}
	}
}

func TestBuild_SameBytesEveryTime(t *testing.T) {
	for name, c := range cases(t) {
		if !bytes.Equal(build(t, c.study, c.in).File, build(t, c.study, c.in).File) {
			t.Errorf("%s: two builds differ", name)
		}
	}
}

// TestBuild_EvidenceIsWhatIsReferenced looks for an instance that the content names and the evidence does not, and checks that a
// second revision names the report that it replaces, and nothing else.
func TestBuild_EvidenceIsWhatIsReferenced(t *testing.T) {
	c := cases(t)["second-revision"]
	set := objecttest.Parse(t, build(t, c.study, c.in).File).Set()
	evidence := references(set.Items(dataset.NewTag(0x0040, 0xA375)))
	content := references(set.Items(dataset.NewTag(0x0040, 0xA730)))
	if len(evidence) != 41 || !evidence[c.study.InstanceUID(object.Segmentation)] {
		t.Errorf("evidence of %d instances, want 40 slices and the segmentation", len(evidence))
	}
	if len(content) == 0 {
		t.Error("content refers to nothing")
	}
	for uid := range content {
		if !evidence[uid] {
			t.Errorf("content refers to %s, which is no evidence", uid)
		}
	}
	if before := references(set.Items(dataset.NewTag(0x0040, 0xA360))); len(before) != 1 || !before["2.25.3"] {
		t.Errorf("predecessors %v, want 2.25.3", before)
	}
}

// references collects every Referenced SOP Instance UID below the items.
func references(items []*dataset.Set) map[string]bool {
	found := map[string]bool{}
	for _, item := range items {
		if uid := item.String(dataset.NewTag(0x0008, 0x1155)); uid != "" {
			found[uid] = true
		}
		for _, e := range item.Elements() {
			for uid := range references(item.Items(e.Tag)) {
				found[uid] = true
			}
		}
	}
	return found
}

func TestBuild_CodesFitTheirElements(t *testing.T) {
	file := build(t, objecttest.Small(t, 40), input(3)).File
	for _, m := range regexp.MustCompile(`JCS-[A-Z-]+`).FindAll(file, -1) {
		if len(m) > 16 {
			t.Errorf("code value %q is longer than 16 characters", m)
		}
	}
}

func TestBuild_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(in *sr.Input)
		want   string
	}{
		"no reason":        {func(in *sr.Input) { in.Result = sr.Undetermined }, "without a reason"},
		"not a number":     {func(in *sr.Input) { in.Lesions.MeanHU = math.NaN() }, "NaN"},
		"infinite":         {func(in *sr.Input) { in.Lesions.Each[1].LargestAreaMM2 = math.Inf(1) }, "Inf"},
		"no such slice":    {func(in *sr.Input) { in.Lesions.Each[0].LargestSlice = 40 }, "slice 40 of 40"},
		"smallest first":   {func(in *sr.Input) { in.Lesions.Each[2].VolumeML = 99 }, "lesion 3 is larger"},
		"negative slice":   {func(in *sr.Input) { in.Lesions.Each[0].LargestSlice = -1 }, "slice -1"},
		"smoothed by NaN":  {func(in *sr.Input) { in.Decision.SmoothMM = math.NaN() }, "NaN"},
		"threshold is NaN": {func(in *sr.Input) { in.Decision.ThresholdMM = math.NaN() }, "NaN"},
	} {
		in := input(3)
		c.change(&in)
		o, err := sr.Build(objecttest.Small(t, 40), object.Report, in)
		if o != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: object %v, error %v, want an error with %q", name, o != nil, err, c.want)
		}
	}
}

func ExampleBuild() {
	var t testing.T
	o, err := sr.Build(objecttest.Small(&t, 2), object.Report,
		sr.Input{Result: sr.Absent, Decision: sr.Basis{Slices: 2, Threshold: 25, OperatingPoint: 0.5}})
	fmt.Println(err, o.Title)
	// Output: <nil> Measurement report, negative
}
