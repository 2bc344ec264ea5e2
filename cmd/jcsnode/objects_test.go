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

// What a result leaves out reaches the summary page and the comment of the structured report; of a whole chest neither says a word.
func TestReport_SaysWhatItLeavesOut(t *testing.T) {
	x, m := greyStudy(t, config.Default())
	const limit = "Slices of 2 patients share this study"
	for _, limited := range []bool{false, true} {
		if limited {
			x.Patients, x.Volume.Slices[10].AfterGap = 2, true
		}
		r, done, err := m.report(x, greyIdentity(x))
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if (len(r.Limits) == 1) != limited || r.Slices[10].AfterGap != limited {
			t.Errorf("limited %v: limits %q, slice 10 after a gap: %v", limited, r.Limits, r.Slices[10].AfterGap)
		}
		r.Options.Kinds = []object.Kind{object.Summary, object.Report}
		var pages []*image.RGBA
		err = dicomout.Build(t.Context(), r, func(o *object.Object, preview image.Image) error {
			if o.Kind == object.Report.Name && bytes.Contains(o.File, []byte(limit)) != limited {
				t.Errorf("limited %v: the report says otherwise", limited)
			}
			pages = append(pages, preview.(*image.RGBA))
			return nil
		})
		if err != nil || len(pages) != 2 {
			t.Fatalf("%d objects, %v", len(pages), err)
		}
		if page := pages[0]; (page.RGBAAt(41, 231) != page.RGBAAt(20, 231)) != limited {
			t.Errorf("limited %v: the page has a line about it: %v", limited, !limited)
		}
	}
}
