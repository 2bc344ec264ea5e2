package ct

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"jcsnode/phantom"
)

// phantomChest is a phantom of 30 slices, 8 mm apart.
func phantomChest(t *testing.T) []Header {
	t.Helper()
	dir := t.TempDir()
	if err := phantom.Write(context.Background(), dir, phantom.Options{Slices: 30, Spacing: 8, Rows: 128, Columns: 128}); err != nil {
		t.Fatal(err)
	}
	return change(readFolder(t, dir), func(h *Header) {
		h.StudyInstanceUID, h.SeriesInstanceUID, h.FrameOfReferenceUID, h.PatientID = "1.2", "1.2.1", "1.2.9", "P"
		h.Values, h.InstanceNumber, h.AcquisitionNumber = nil, nil, nil
	})
}

func loadBest(headers []Header) (*Volume, Selection, error) {
	sel := Select(headers)
	v, _, _, err := LoadBest(context.Background(), OpenPath, sel, nil, nil)
	return v, sel, err
}

// A unit that is not told is taken for Hounsfield units where the pixels show it.
func TestLoad_UnitThatIsNotTold(t *testing.T) {
	base := phantomChest(t)
	for _, tt := range []struct {
		name             string
		slope, intercept float64
		ok               bool
	}{
		{"Hounsfield units", 1, -1024, true},
		{"stored values", 1, 0, false},
		{"a per mille scale", 1, -24, false},
		{"halved", 0.5, -512, false},
		{"concentrations", 0.01, 0, false},
	} {
		headers := change(slices.Clone(base), func(h *Header) { h.Unit, h.Slope, h.Intercept = "unspecified", tt.slope, tt.intercept })
		_, _, err := loadBest(headers)
		var r *Refusal
		switch {
		case tt.ok && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case !tt.ok && (!errors.As(err, &r) || r.Code != CodeBadRescale ||
			!strings.Contains(r.Text, `RescaleType (0028,1054) is "unspecified"`)):
			t.Errorf("%s: error %v, want %s that names the value", tt.name, err, CodeBadRescale)
		}
	}
}
