package ct

import (
	"strings"
	"testing"
)

// stackWithLungs makes slices 5 mm apart, the middle ones with lungs.
func stackWithLungs(before, lungs, after int) []Slice {
	var out []Slice
	for i, h := range planes("1.1", steps(0, 5, before+lungs+after)...) {
		s := Slice{Header: h}
		if i >= before && i < before+lungs {
			s.LungShare = 0.2
		}
		out = append(out, s)
	}
	return out
}

// Lungs that disease fills are read where many slices show what is left of them; what may be bowel or sinuses is not.
func TestNearLungs_LittleAir(t *testing.T) {
	for _, c := range []struct {
		name       string
		share, gas float64
		slices     int // 5 mm apart
		part       string
		kept       bool
	}{
		{"severe disease, whole chest", 0.04, 0.002, 50, "", true},
		{"severe disease, a stomach beside it", 0.06, 0.015, 50, "", true},
		{"severe disease, few slices that are called chest", 0.05, 0, 3, "CHEST", true},
		{"few slices", 0.05, 0, 3, "", false},
		{"sinuses", 0.05, 0.03, 8, "", false},
		{"bowel", 0.03, 0.02, 40, "ABDOMEN", false},
		{"a chest of 3 slices", 0.2, 0, 3, "", true},
	} {
		all := stackWithLungs(0, c.slices, 0)
		for i := range all {
			all[i].LungShare, all[i].gasShare, all[i].Header.BodyPart = c.share, c.gas, c.part
		}
		kept, _, r := nearLungs(all, [3]float64{0, 0, 1}, 2)
		if (len(kept) == c.slices) != c.kept || (r == nil) != c.kept || r != nil && strings.Contains(r.Text, "air") {
			t.Errorf("%s: %d kept, refusal %v", c.name, len(kept), r)
		}
	}
}

func TestNearLungs(t *testing.T) {
	tests := []struct {
		name                 string
		before, lungs, after int
		kept                 int
		refused              string
	}{
		{"chest", 8, 46, 8, 62, ""},
		{"trunk", 100, 50, 10, 80, ""}, // 100 mm below, all above
		{"short stack within the lungs", 0, 3, 0, 3, ""},
		{"short stack, mostly lungs", 2, 8, 2, 12, ""},
		{"abdomen with the bases of the lungs", 80, 12, 0, 0, "seen over 60 of 460 mm only"},
		{"neck with the apices", 0, 10, 60, 0, "seen over 50 of 350 mm only"},
		{"head", 50, 0, 0, 0, "no lungs found in 50 slices"},
		{"one slice by chance", 50, 1, 0, 0, "over 5 of 255 mm only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := stackWithLungs(tt.before, tt.lungs, tt.after)
			kept, far, r := nearLungs(all, [3]float64{0, 0, 1}, 2)
			if tt.refused != "" {
				if r == nil || r.Code != CodeNoLungs || !strings.Contains(r.Text, tt.refused) {
					t.Errorf("refusal %v, want %q", r, tt.refused)
				}
				return
			}
			if r != nil {
				t.Fatal(r)
			}
			if len(kept) != tt.kept || len(kept)+len(far) != len(all) {
				t.Errorf("%d kept and %d far of %d, want %d kept", len(kept), len(far), len(all), tt.kept)
			}
		})
	}
}
