package ct

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Parts of a trunk scan: the real ones are those of a PET/CT on a table whose inside looks like lung, 50 slices every 8.5 mm each.
func TestLoad_PartsOfATrunk(t *testing.T) {
	rules := Rules{MinSlices: 2, MinLength: 5, MaxStep: 45}
	for _, c := range []struct {
		name, folder string
		low, high    float64 // z of the slices that came
		refused      string  // "" is read
		onLungs      int     // slices from lung to lung, about
	}{
		{"pelvis to lung base", "pelvis_to_lung_base", -900, 0, "over 26 of 425 mm only", 0},
		{"pelvis", "pelvis_to_lung_base", -900, -640, "no lungs found", 0},
		{"abdomen", "pelvis_to_lung_base", -640, -475, "no", 0},
		{"lung base alone", "pelvis_to_lung_base", -465, 0, "", 5},
		{"head to mid chest", "head_to_mid_chest", -900, 100, "", 12},
		{"head", "head_to_mid_chest", -200, 100, "", 0},
		{"neck", "head_to_mid_chest", -270, -200, "no lungs found", 0},
		{"chest", "head_to_mid_chest", -900, -270, "", 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []Header
			for _, h := range readFolder(t, dataDir(t, "field", c.folder)) {
				if z := h.Position[2]; z >= c.low && z <= c.high {
					headers = append(headers, h)
				}
			}
			sel := rules.Select(headers)
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			v, err := Load(context.Background(), OpenPath, sel.Chosen, nil)
			var r *Refusal
			if errors.As(err, &r) {
				if r.Code != CodeNoLungs || c.onLungs > 0 || !strings.Contains(r.Text, c.refused) ||
					strings.Contains(r.Text, "hardly any air") {
					t.Errorf("refused: %v, want %q", r, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			on := 0
			for i := range v.Slices {
				if !v.Slices[i].BeyondLungs {
					on++
				}
			}
			if on < c.onLungs-2 || on > c.onLungs+2 {
				t.Errorf("%d of %d slices are within the lungs, want about %d", on, len(v.Slices), c.onLungs)
			}
		})
	}
}
