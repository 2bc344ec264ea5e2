package results

import (
	"bytes"
	"cmp"
	"image"
	"io"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sc"
	"jcsnode/phantom"
)

// greyObjects is what objects of the kinds are built from that the profile wants.
func greyObjects(t *testing.T, p dicomout.Profile) dicomout.Study {
	t.Helper()
	x, m := greyStudy(t)
	r, done, err := m.study(x, greyIdentity(x))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	r.Options.Kinds = dicomout.Kinds(p)
	return r
}

// The structured report, the findings and the segmentation of one study must name the same volume: that of the voxels.
func TestVolume_IsTheSameEverywhere(t *testing.T) {
	r := greyObjects(t, dicomout.Profile{Segmentation: true, Lungs: true, Report: true})
	objects := map[string]*dataset.File{}
	err := dicomout.Build(t.Context(), r, func(o *object.Object, picture image.Image) error {
		f, err := dataset.Read(bytes.NewReader(o.File), int64(len(o.File)), dataset.Limits{})
		objects[o.Kind] = f
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, k := range r.Options.Kinds {
		if objects[k.Name] == nil {
			t.Fatalf("no %s was made", k.Name)
		}
		kinds = append(kinds, k.Name)
	}
	t.Log(kinds, len(r.Lesions), "lesions of", r.Measures.LesionML, "mL")
	volumes := measures(objects["report"].Set(), "118565006")
	if len(volumes) < 2 || len(r.Lesions) < 2 {
		t.Fatalf("volumes %v of %d lesions", volumes, len(r.Lesions))
	}
	if counted := segmentedML(t, objects["seg"]); math.Abs(counted-volumes[0]) > 0.001 {
		t.Errorf("the segmentation holds %v mL, the report says %v", counted, volumes[0])
	}
	if !slices.IsSortedFunc(volumes[1:], func(a, b float64) int { return cmp.Compare(b, a) }) {
		t.Errorf("lesions are not listed by volume: %v", volumes[1:])
	}
	sum := 0.0
	for _, l := range r.Lesions {
		sum += l.VolumeML
	}
	if math.Abs(sum-volumes[0]) > 0.01 {
		t.Errorf("lesions make up %v mL, the report says %v", sum, volumes[0])
	}
	lungs := segmentedML(t, objects["lungs"])
	if want := r.Measures.Right.VolumeML + r.Measures.Left.VolumeML; math.Abs(lungs-want) > 0.01*want {
		t.Errorf("the lungs' segmentation holds %v mL, the findings say %v", lungs, want)
	}
}

// segmentedML counts the voxels of a BINARY segmentation and returns their volume by its own spacings.
func segmentedML(t *testing.T, f *dataset.File) float64 {
	t.Helper()
	pixels, ok := f.PixelData()
	if !ok {
		t.Fatal("no pixels")
	}
	packed, err := io.ReadAll(pixels.Reader())
	if err != nil {
		t.Fatal(err)
	}
	voxels := 0
	for _, b := range packed {
		for ; b != 0; b &= b - 1 {
			voxels++
		}
	}
	group := f.Set().Items(dataset.NewTag(0x5200, 0x9229))[0].Items(dataset.PixelMeasuresSequence)[0]
	spacing, err := group.Floats(dataset.PixelSpacing)
	if err != nil {
		t.Fatal(err)
	}
	between, err := group.Floats(dataset.NewTag(0x0018, 0x0088))
	if err != nil {
		t.Fatal(err)
	}
	return float64(voxels) * spacing[0] * spacing[1] * between[0] / 1000
}

// measures returns every numeric value with the concept below the set, in order.
func measures(set *dataset.Set, code string) []float64 {
	var all []float64
	for _, item := range set.Items(dataset.NewTag(0x0040, 0xA730)) {
		name, values := item.Items(dataset.NewTag(0x0040, 0xA043)), item.Items(dataset.NewTag(0x0040, 0xA300))
		if len(name) == 1 && len(values) == 1 && name[0].String(dataset.NewTag(0x0008, 0x0100)) == code {
			if v, err := strconv.ParseFloat(values[0].String(dataset.NewTag(0x0040, 0xA30A)), 64); err == nil {
				all = append(all, v)
			}
		}
		all = append(all, measures(item, code)...)
	}
	return all
}

// Every kind of object of a study that went through the pipeline, in every form that a destination may ask for and of every outcome, must
// please the validator. Label maps are left out: it does not know their class.
func TestEveryKind_DciodvfyFindsNoErrors(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		objecttest.Missing(t, "dciodvfy, of dicom3tools (make peers)")
	}
	all := dicomout.Profile{
		Summary:       true,
		Segmentation:  true,
		Lungs:         true,
		Report:        true,
		Activation:    true,
		ParametricMap: true,
		Outline:       true,
		Rejection:     true,
	}
	multi := all
	multi.MultiFrame = true
	seen := map[string]bool{}
	for study, o := range map[string]phantom.Options{
		"usual":           {Slices: 8, Spacing: 12, Lesions: true, Seed: 1},
		"reversed uneven": {Slices: 8, Spacing: 12, Lesions: true, Seed: 1, Rows: 299, Columns: 331, FeetFirst: true, Uneven: 0.15},
	} {
		x, m := greyStudyOf(t, o)
		base, done, err := m.study(x, greyIdentity(x))
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		for name, c := range map[string]struct {
			profile dicomout.Profile
			change  func(r *dicomout.Study)
		}{
			"single frames":                  {all, func(*dicomout.Study) {}},
			"single frames without geometry": {all, func(r *dicomout.Study) { r.Options.Geometry = false }},
			"multi-frame":                    {multi, func(*dicomout.Study) {}},
			"multi-frame without geometry":   {multi, func(r *dicomout.Study) { r.Options.Geometry = false }},
			"report alone":                   {dicomout.Profile{Report: true}, func(*dicomout.Study) {}},
			"second revision": {all, func(r *dicomout.Study) {
				r.Shared.Revision = 2
				r.Shared.Replaces = []object.ReferencedObject{
					{Kind: "summary", SOPClassUID: object.Summary.SOPClassUID, SOPInstanceUID: "2.25.1", SeriesInstanceUID: "2.25.2"},
				}
			}},
			"negative": {all, func(r *dicomout.Study) { r.Outcome = sc.Negative }},
			"not processed": {all, func(r *dicomout.Study) {
				r.Outcome, r.Reason, r.Slices, r.Shared.Slices = sc.NotProcessed, "No axial series.", nil, nil
			}},
		} {
			t.Run(study+", "+name, func(t *testing.T) {
				r, s := base, *base.Shared
				r.Shared, r.Options.Kinds = &s, dicomout.Kinds(c.profile)
				c.change(&r)
				count := map[string]int{}
				err := dicomout.Build(t.Context(), r, func(o *object.Object, _ image.Image) error {
					count[o.Kind]++
					if seen[o.Kind] = true; count[o.Kind] > 2 { // its other slices are like these
						return nil
					}
					out, err := exec.Command(validator, objecttest.Write(t, o)).CombinedOutput()
					if err != nil || strings.Contains("\n"+string(out), "\nError") {
						t.Errorf("%s: %v\n%s", o.Title, err, out)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Log(count)
			})
		}
	}
	for _, k := range dicomout.Kinds(all, multi, dicomout.Profile{Report: true}) {
		if !seen[k.Name] {
			t.Errorf("no %s was made", k.Name)
		}
	}
}
