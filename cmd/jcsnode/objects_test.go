package main

import (
	"testing"

	"jcsnode/config"
	"jcsnode/models"
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
