package dicomout_test

import (
	"bytes"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sc"
	"jcsnode/dicomout/sr"
)

// withReport asks for the structured report and makes the measures those of the masks.
func withReport(t testing.TB, n int) dicomout.Study {
	r := positiveReport(t, n)
	r.Options = withReportAnd(func(*dicomout.Profile) {})
	voxels, largest := 0, 0
	for i, f := range r.Slices {
		for _, v := range f.Mask {
			voxels += int(v)
		}
		if f.LesionAreaMM2 > r.Slices[largest].LesionAreaMM2 {
			largest = i
		}
	}
	row, column, err := sc.Spacing(r.Shared.Slices[0])
	if err != nil {
		t.Fatal(err)
	}
	r.Measures.LesionML = float64(voxels) * row * column * r.Segmentation.SpacingBetweenSlices / 1000
	r.LesionHU = -620
	r.Lesions = []sr.Lesion{{
		VolumeML:         r.Measures.LesionML,
		MeanHU:           -620,
		LargestAreaMM2:   r.Slices[largest].LesionAreaMM2,
		LargestSlice:     largest,
		SliceProbability: r.Slices[largest].Probability,
		Side:             sr.Right,
	}}
	return r
}

// withReportAnd are the options of a destination that gets the report, and what the change says.
func withReportAnd(change func(p *dicomout.Profile)) dicomout.Options {
	return options(func(p *dicomout.Profile) { p.Report = true; change(p) })
}

func TestBuild_ReportOnRequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *dicomout.Study)
		want   string
	}{
		{"positive", func(*dicomout.Study) {}, "summary 1, seg 1, report 1, activation 3, outline 3"},
		{"no lesion found", func(r *dicomout.Study) {
			for i := range r.Slices {
				clear(r.Slices[i].Mask)
			}
		}, "summary 1, report 1, activation 3"},
		{"negative", func(r *dicomout.Study) { r.Outcome = sc.Negative }, "summary 1, report 1"},
		{"not processed", func(r *dicomout.Study) {
			r.Outcome, r.Reason, r.Slices, r.Shared.Slices = sc.NotProcessed, "No axial series.", nil, nil
		}, "summary 1, report 1"},
		{"label map and lungs", func(r *dicomout.Study) {
			r.Options = withReportAnd(func(p *dicomout.Profile) { p.LabelMap, p.Lungs = true, true })
			for i := range r.Slices {
				r.Slices[i].Lung = bytes.Repeat([]byte{1}, len(r.Slices[i].HU))
			}
		}, "summary 1, seg 1, labelmap 1, lungs 1, report-alone 1, activation 3, outline 3"},
		{"lungs without a lung", func(r *dicomout.Study) { r.Options = withReportAnd(func(p *dicomout.Profile) { p.Lungs = true }) },
			"summary 1, seg 1, report 1, activation 3, outline 3"},
		{"second revision, rejection", func(r *dicomout.Study) {
			r.Shared.Revision, r.Options = 2, withReportAnd(func(p *dicomout.Profile) { p.Rejection = true })
			r.Shared.Replaces = []object.ReferencedObject{{Kind: "summary", SOPInstanceUID: "2.25.1", SeriesInstanceUID: "2.25.2"}}
		}, "summary 1, seg 1, report 1, rejection 1, activation 3, outline 3"},
		{"second revision not processed", func(r *dicomout.Study) {
			r.Shared.Revision, r.Options = 2, withReportAnd(func(p *dicomout.Profile) { p.Rejection = true })
			r.Shared.Replaces = []object.ReferencedObject{{Kind: "summary", SOPInstanceUID: "2.25.1", SeriesInstanceUID: "2.25.2"}}
			r.Outcome, r.Reason, r.Slices, r.Shared.Slices = sc.NotProcessed, "No axial series.", nil, nil
		}, "summary 1, report 1"},
		{"first revision, rejection",
			func(r *dicomout.Study) { r.Options = withReportAnd(func(p *dicomout.Profile) { p.Rejection = true }) },
			"summary 1, seg 1, report 1, activation 3, outline 3"},
		{"parametric map", func(r *dicomout.Study) {
			r.Options = withReportAnd(func(p *dicomout.Profile) { p.ParametricMap = true })
		},
			"summary 1, seg 1, report 1, activation 3, pmap 1, outline 3"},
		{"parametric map of nothing", func(r *dicomout.Study) {
			r.Options, r.Scale.Max = withReportAnd(func(p *dicomout.Profile) { p.ParametricMap = true }), 0
		}, "summary 1, seg 1, report 1, activation 3, outline 3"},
		{"report alone", func(r *dicomout.Study) { r.Options.Kinds = dicomout.Kinds(dicomout.Profile{Report: true}) }, "report-alone 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := withReport(t, 9)
			c.change(&r)
			all := build(t, r)
			if got := kinds(all); got != c.want {
				t.Fatalf("made %q, want %q", got, c.want)
			}
			for _, b := range all {
				if b.preview == nil {
					t.Errorf("%s has no preview", b.object.Title)
				}
			}
		})
	}
}

// TestBuild_ReportedVolumeIsThatOfTheSegmentation counts the voxels of the segmentation and multiplies by its own spacings.
func TestBuild_ReportedVolumeIsThatOfTheSegmentation(t *testing.T) {
	var counted, reported float64
	for _, b := range build(t, withReport(t, 9)) {
		set := read(t, b.object)
		switch b.object.Kind {
		case "seg":
			counted = segmentedML(t, b.object.File, set)
		case "report":
			reported = measure(t, set, "118565006")
		}
	}
	if counted <= 0 || math.Abs(counted-reported) > 0.0005 { // the report rounds to the microlitre
		t.Errorf("report says %v ml, the segmentation holds %v ml", reported, counted)
	}
}

// TestBuild_ReportNamesTheSegment looks for the segment in the report: by instance and tracking UID for BINARY, by the tracking UID
// alone for a label map, which may arrive in another form, and whose class stops older readers of reports.
func TestBuild_ReportNamesTheSegment(t *testing.T) {
	dump, err := exec.LookPath("dsrdump")
	if err != nil {
		objecttest.Missing(t, "dsrdump (DCMTK)")
	}
	for _, labelMap := range []bool{false, true} {
		r := withReport(t, 9)
		r.Options = withReportAnd(func(p *dicomout.Profile) { p.LabelMap = labelMap })
		all := build(t, r)
		segmentation, report := all[1].object, all[2].object
		if labelMap {
			report = all[3].object
		}
		if named := bytes.Contains(report.File, []byte(segmentation.SOPInstanceUID)); named == labelMap {
			t.Errorf("label map %v: report names the instance: %v", labelMap, named)
		}
		_, tracking := r.Shared.LesionTracking()
		if !bytes.Contains(report.File, []byte(tracking)) || !bytes.Contains(segmentation.File, []byte(tracking)) {
			t.Errorf("label map %v: report and segmentation do not share the tracking UID", labelMap)
		}
		if out, err := exec.Command(dump, objecttest.Write(t, report)).CombinedOutput(); err != nil {
			t.Errorf("label map %v: dsrdump: %v\n%s", labelMap, err, out)
		}
	}
}

// TestBuild_EveryObjectSaysWhatItReplaces looks for the replaced revision in each kind of object of a third revision.
func TestBuild_EveryObjectSaysWhatItReplaces(t *testing.T) {
	r := withReport(t, 9)
	r.Shared.Revision = 3
	r.Options.Kinds = everyKind
	r.Shared.Replaces = []object.ReferencedObject{{
		Kind:              "report",
		SOPClassUID:       object.Comprehensive3DSRStorage,
		SOPInstanceUID:    "2.25.1",
		SeriesInstanceUID: "2.25.2",
	}}
	for i := range r.Slices {
		r.Slices[i].Lung = bytes.Repeat([]byte{1}, len(r.Slices[i].HU))
	}
	seen := map[string]bool{}
	for _, b := range build(t, r) {
		seen[b.object.Kind] = true
		set := read(t, b.object)
		if got := set.String(dataset.SeriesDescription); !strings.HasSuffix(got, " rev 3") {
			t.Errorf("%s: series description %q", b.object.Title, got)
		}
		said := false
		for _, text := range []string{"replaces revision 2", "rev 3 replaces 2", "of this study that revision 3 replaces"} {
			said = said || bytes.Contains(b.object.File, []byte(text))
		}
		if !said {
			t.Errorf("%s does not say what it replaces", b.object.Title)
		}
	}
	for _, k := range everyKind {
		if !seen[k.Name] {
			t.Errorf("kind %s is asked for and not made", k.Name)
		}
	}
}

// segmentedML counts the bits at the end of a segmentation file and returns their volume by the spacings of the file.
func segmentedML(t *testing.T, file []byte, set *dataset.Set) float64 {
	t.Helper()
	number := func(tag dataset.Tag) int {
		n, err := set.Int(tag)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	pixels := number(dataset.Rows) * number(dataset.Columns) * number(dataset.NumberOfFrames)
	voxels := 0
	for _, b := range file[len(file)-pixels/8:] {
		for ; b != 0; b &= b - 1 {
			voxels++
		}
	}
	measures := set.Items(dataset.NewTag(0x5200, 0x9229))[0].Items(dataset.PixelMeasuresSequence)[0]
	spacing, err := measures.Floats(dataset.PixelSpacing)
	if err != nil {
		t.Fatal(err)
	}
	between, err := measures.Floats(dataset.NewTag(0x0018, 0x0088))
	if err != nil {
		t.Fatal(err)
	}
	return float64(voxels) * spacing[0] * spacing[1] * between[0] / 1000
}

// measure returns the first value with the concept below the set, depth first.
func measure(t *testing.T, set *dataset.Set, code string) float64 {
	t.Helper()
	for _, item := range set.Items(dataset.NewTag(0x0040, 0xA730)) {
		name := item.Items(dataset.NewTag(0x0040, 0xA043))
		values := item.Items(dataset.NewTag(0x0040, 0xA300))
		if len(name) == 1 && len(values) == 1 && name[0].String(dataset.NewTag(0x0008, 0x0100)) == code {
			v, err := strconv.ParseFloat(values[0].String(dataset.NewTag(0x0040, 0xA30A)), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := measure(t, item, code); v != 0 {
			return v
		}
	}
	return 0
}
