package results

import (
	"bytes"
	"fmt"
	"image"
	"maps"
	"slices"
	"strings"
	"testing"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/models"
	"jcsnode/pipeline"
	"jcsnode/pipeline/ct"
)

// What another engine calculated is another result, however little it differs: it must not come under the UIDs of the first. ONNX
// Runtime's own kernels, named or not, are those of the first UIDs.
func TestMaker_EngineIsPartOfTheResultsIdentity(t *testing.T) {
	x, m := greyStudy(t)
	settings := map[string][]string{}
	for _, engine := range []string{"", models.DeviceCPU, models.DeviceOpenVINO, models.DeviceCUDA} {
		m.Engine = engine
		text := m.settings()
		settings[text] = append(settings[text], engine)
		report := pipeline.FindingsOf(x, Models(m.Manifest, engine), m.Cascade)
		for _, other := range []string{models.DeviceCPU, models.DeviceOpenVINO, models.DeviceCUDA} {
			same := other == engine || engine == "" && other == models.DeviceCPU
			if got := report.MadeWith(Models(m.Manifest, other), pipeline.SettingsOf(m.Cascade)); got != same {
				t.Errorf("made by %q and by %q are the same: %v", engine, other, got)
			}
		}
	}
	if len(settings) != 3 {
		t.Errorf("settings that UIDs are made of: %v", settings)
	}
}

// Smoothing changes what is positive, so its results have UIDs of their own; without it all are what they were before there was any.
func TestMaker_SmoothingIsPartOfTheResultsIdentity(t *testing.T) {
	x, m := greyStudy(t)
	var uids []string
	for _, mm := range []float64{0, 5, 10} {
		m.Cascade.SmoothMM = mm
		r, done, err := m.study(x, greyIdentity(x))
		if err != nil {
			t.Fatal(err)
		}
		done()
		if said := strings.Contains(r.Shared.Settings, "smooth_mm"); said != (mm > 0) {
			t.Errorf("%v mm: settings %q", mm, r.Shared.Settings)
		}
		uids = append(uids, r.Shared.InstanceUID(object.Summary))
		findings := pipeline.FindingsOf(x, nil, m.Cascade)
		for _, other := range []float64{0, 5, 10} {
			set := m.Cascade
			set.SmoothMM = other
			if findings.MadeWith(nil, pipeline.SettingsOf(set)) != (other == mm) {
				t.Errorf("findings over %v and %v mm are the same: %v", mm, other, other != mm)
			}
		}
		for i, s := range findings.Slices {
			if (s.Smoothed != nil) != (mm > 0) {
				t.Errorf("%v mm: slice %d has a smoothed probability: %v", mm, i, s.Smoothed != nil)
			}
		}
	}
	if slices.Sort(uids); len(slices.Compact(uids)) != 3 {
		t.Errorf("UIDs %v", uids)
	}
}

// What limits a result reaches findings, the summary page and the comment of the structured report; about a whole chest and a decision far
// from its threshold none of them says a word.
func TestMaker_SaysWhatLimitsIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(x *pipeline.Examination)
		want   string
	}{
		{"nothing", func(*pipeline.Examination) {}, ""},
		{"two patients", func(x *pipeline.Examination) { x.Patients, x.Volume.Slices[10].AfterGap = 2, true },
			"Slices of 2 patients share this study"},
		{"close below", func(x *pipeline.Examination) { x.Findings.Decision.Positive, x.Findings.Decision.MarginMM = false, -10 },
			"Close to the threshold"},
		{"unlike the training data", func(x *pipeline.Examination) {
			x.Findings.Decision.Distance, x.Findings.Decision.DistanceLimit = 3, 2
		}, "Unlike the training data"},
		{"close above", func(x *pipeline.Examination) { x.Findings.Decision.MarginMM = 10 }, "Close to the threshold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, m := greyStudy(t)
			c.change(x)
			findings := pipeline.FindingsOf(x, nil, m.Cascade)
			if said := slices.Concat(findings.Cautions, findings.Limits); !sayAlone(said, c.want) {
				t.Errorf("findings say %q, want %q", said, c.want)
			}
			r, done, err := m.study(x, greyIdentity(x))
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			if r.Slices[10].AfterGap != x.Volume.Slices[10].AfterGap {
				t.Errorf("slice 10 comes after a gap: %v", r.Slices[10].AfterGap)
			}
			r.Options.Kinds = []object.Kind{object.Summary, object.Report}
			var pages []*image.RGBA
			err = dicomout.Build(t.Context(), r, func(o *object.Object, preview image.Image) error {
				if o.Kind == object.Report.Name && (!sayAlone(r.Limits, c.want) || !bytes.Contains(o.File, []byte(c.want))) {
					t.Errorf("limits %q, the report says it: %v", r.Limits, bytes.Contains(o.File, []byte(c.want)))
				}
				pages = append(pages, preview.(*image.RGBA))
				return nil
			})
			if err != nil || len(pages) != 2 {
				t.Fatalf("%d objects, %v", len(pages), err)
			}
			if page := pages[0]; (page.RGBAAt(41, 231) != page.RGBAAt(20, 231)) != (c.want != "") {
				t.Errorf("the page has a line about it: %v", c.want == "")
			}
		})
	}
}

// sayAlone tells whether one sentence begins as wanted, and is the only one; none where nothing is wanted.
func sayAlone(said []string, want string) bool {
	return want == "" && len(said) == 0 || want != "" && len(said) == 1 && strings.HasPrefix(said[0], want)
}

// site is a PACS, a research archive that wants other forms and nothing of studies that were not read, and a reading room.
func site() Recipients {
	research, reading := usual, usual
	research.Summary, research.Outline, research.Report = false, false, true
	research.LabelMap, research.MultiFrame, research.NotProcessed = true, true, false
	reading.Activation, reading.Outline, reading.Report = false, false, true
	return Recipients{{"pacs", usual}, {"research", research}, {"reading", reading}}
}

// made counts the objects of each kind and names where they go: "summary 1 to pacs, reading".
func made(t *testing.T, m *Maker, x *pipeline.Examination) []string {
	t.Helper()
	counts, where := map[string]int{}, map[string]string{}
	uids := map[string]bool{}
	err := m.Build(t.Context(), x, greyIdentity(x), func(o pipeline.Made, _ image.Image) error {
		if uids[o.SOPInstanceUID] {
			t.Errorf("%s %s was made twice", o.Kind, o.SOPInstanceUID)
		}
		uids[o.SOPInstanceUID] = true
		counts[o.Kind]++
		where[o.Kind] = strings.Join(o.Destinations, ", ")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%s %d to %s", kind, counts[kind], where[kind]))
	}
	return lines
}

func TestMaker_OneObjectForAllThatWantIt(t *testing.T) {
	x, m := greyStudy(t)
	m.Recipients = site()
	want := []string{"activation 24 to pacs", "activation-multiframe 1 to research", "labelmap 1 to research", "outline 24 to pacs",
		"report 1 to reading", "report-alone 1 to research", "seg 1 to pacs, reading", "summary 1 to pacs, reading"}
	if got := made(t, m, x); !slices.Equal(got, want) {
		t.Errorf("made\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Of a study that could not be read there is the reason, for those who want it.
	x.Refusal = &ct.Refusal{Code: "no-axial-series", Text: "no axial series"}
	want = []string{"report 1 to reading", "summary 1 to pacs, reading"}
	if got := made(t, m, x); !slices.Equal(got, want) {
		t.Errorf("not read: made %q, want %q", got, want)
	}
	m.Recipients = site()[1:2]
	if got := made(t, m, x); len(got) != 0 {
		t.Errorf("not read, and nobody wants to know: made %q", got)
	}
	m.Recipients = Recipients{{Profile: usual}}
	if got := made(t, m, x); !slices.Equal(got, []string{"summary 1 to "}) {
		t.Errorf("at the node itself: made %q", got)
	}
}
