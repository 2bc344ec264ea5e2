package main

import (
	"bytes"
	"image"
	"slices"
	"strings"
	"testing"

	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/models"
	"jcsnode/pipeline"
)

// What another engine calculated is another result, however little it differs: it must not come under the UIDs of the first. ONNX
// Runtime's own kernels, named or not, are those of the first UIDs.
func TestEngine_IsPartOfTheResultsIdentity(t *testing.T) {
	x, m := greyStudy(t, config.Default())
	settings := map[string][]string{}
	for _, engine := range []string{"", models.DeviceCPU, models.DeviceOpenVINO, models.DeviceCUDA} {
		m.engine = engine
		text := m.canonicalSettings()
		settings[text] = append(settings[text], engine)
		report := pipeline.FindingsOf(x, reportModels(m.manifest, engine), m.settings)
		for _, other := range []string{models.DeviceCPU, models.DeviceOpenVINO, models.DeviceCUDA} {
			same := other == engine || engine == "" && other == models.DeviceCPU
			if got := report.MadeWith(reportModels(m.manifest, other), pipeline.SettingsOf(m.settings)); got != same {
				t.Errorf("made by %q and by %q are the same: %v", engine, other, got)
			}
		}
	}
	if len(settings) != 3 {
		t.Errorf("settings that UIDs are made of: %v", settings)
	}
}

// Smoothing changes what is positive, so its results have UIDs of their own; without it all are what they were before there was any.
func TestSmoothing_IsPartOfTheResultsIdentity(t *testing.T) {
	x, m := greyStudy(t, config.Default())
	var uids []string
	for _, mm := range []float64{0, 5, 10} {
		m.settings.SmoothMM = mm
		r, done, err := m.report(x, greyIdentity(x))
		if err != nil {
			t.Fatal(err)
		}
		done()
		if said := strings.Contains(r.Shared.Settings, "smooth_mm"); said != (mm > 0) {
			t.Errorf("%v mm: settings %q", mm, r.Shared.Settings)
		}
		uids = append(uids, r.Shared.InstanceUID(object.Summary))
		findings := pipeline.FindingsOf(x, nil, m.settings)
		for _, other := range []float64{0, 5, 10} {
			set := m.settings
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
func TestReport_SaysWhatLimitsIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(x *pipeline.Examination)
		want   string
	}{
		{"nothing", func(*pipeline.Examination) {}, ""},
		{"two patients", func(x *pipeline.Examination) { x.Patients, x.Volume.Slices[10].AfterGap = 2, true },
			"Slices of 2 patients share this study"},
		{"close below", func(x *pipeline.Examination) { x.Findings.Decision.Positive, x.Findings.Decision.MarginMM = false, -10 }, "Close to the threshold"},
		{"close above", func(x *pipeline.Examination) { x.Findings.Decision.MarginMM = 10 }, "Close to the threshold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, m := greyStudy(t, config.Default())
			c.change(x)
			findings := pipeline.FindingsOf(x, nil, m.settings)
			if said := slices.Concat(findings.Cautions, findings.Limits); !sayAlone(said, c.want) {
				t.Errorf("findings say %q, want %q", said, c.want)
			}
			r, done, err := m.report(x, greyIdentity(x))
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
