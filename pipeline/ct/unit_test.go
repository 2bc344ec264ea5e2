package ct

import (
	"strings"
	"testing"

	"jcsnode/dataset"
)

func TestUnitOf(t *testing.T) {
	for text, want := range map[string]string{
		"": "HU", "HU": "HU", "hu": "HU", " Hu ": "HU", "H.U.": "HU", "Hounsfield": "HU",
		"HOUNSFIELD UNITS": "HU", "Hounsfield Unit": "HU", "hounsfield_units": "HU",
		"Unités Hounsfield": "HU", "Hounsfield-Einheiten": "HU", "UH": "HU",
		"US": "open", "unspecified": "open", "UNSPECIFIED": "open", "NORMALIZED": "open", "CT": "open", "none": "open",
		"Z_EFF": "other", "z eff": "other", "HU_MOD": "other", "Modified Hounsfield": "open",
		"MGML": "other", "mg/ml": "other", "ED": "other", "EDW": "other", "PCT": "other", "OD": "other",
	} {
		unit, known := unitOf(text)
		got := "other"
		switch {
		case known && unit == "":
			got = "HU"
		case !known:
			got = "open"
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestReadHeader_RescaleType(t *testing.T) {
	for text, unit := range map[string]string{"HU": "", "Hounsfield": "", "unspecified": "unspecified", "US": "US"} {
		e := slice()
		e[dataset.RescaleType] = value("LO", text)
		h := e.headers(t)[0]
		if h.Refusal != nil || h.Unit != unit {
			t.Errorf("%q: refusal %v, unit %q, want %q", text, h.Refusal, h.Unit, unit)
		}
	}
	e := slice()
	e[dataset.RescaleType] = value("LO", "HU_MOD")
	if r := e.headers(t)[0].Refusal; r == nil || !strings.Contains(r.Text, `RescaleType (0028,1054) is "HU_MOD", not HU`) {
		t.Errorf("HU_MOD: %v", r)
	}
}
