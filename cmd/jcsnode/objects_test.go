package main

import (
	"testing"

	"jcsnode/config"
	"jcsnode/models"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
)

// The configuration knows no cascade, so its defaults are written down a second time: they must be the cascade's.
func TestCascadeSettings_DefaultsAgree(t *testing.T) {
	want := cascade.DefaultSettings()
	manifest := models.Manifest{Classifier: models.Network{OperatingPoint: want.ClassifierOperatingPoint},
		Segmenter: models.Network{OperatingPoint: want.SegmenterOperatingPoint}}
	if got := cascadeSettings(config.Default(), manifest, want.Workers); got != want {
		t.Errorf("an empty configuration gives %+v, the cascade's defaults are %+v", got, want)
	}
}

// What another engine calculated is another result, however little it differs: it must not come under the UIDs of the first. ONNX
// Runtime's own kernels, named or not, are those of the first UIDs.
func TestEngine_IsPartOfTheResultsIdentity(t *testing.T) {
	x, m := greyStudy(t, config.Default())
	settings := map[string][]string{}
	for _, engine := range []string{"", models.DeviceCPU, models.DeviceOpenVINO, models.DeviceCUDA} {
		m.engine = engine
		text := m.canonicalSettings()
		settings[text] = append(settings[text], engine)
		report := pipeline.NewReport(x, reportModels(m.manifest, engine), m.settings)
		for _, other := range []string{models.DeviceCPU, models.DeviceOpenVINO, models.DeviceCUDA} {
			same := other == engine || engine == "" && other == models.DeviceCPU
			if got := report.MadeWith(reportModels(m.manifest, other), m.settings); got != same {
				t.Errorf("made by %q and by %q are the same: %v", engine, other, got)
			}
		}
	}
	if len(settings) != 3 {
		t.Errorf("settings that UIDs are made of: %v", settings)
	}
}
