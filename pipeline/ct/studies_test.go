package ct

import (
	"cmp"
	"context"
	"sort"
	"testing"

	"jcsnode/phantom"
)

// Three studies of patients, and a phantom, have the geometry that is known of them.
func TestStudies(t *testing.T) {
	tests := []struct {
		folder         string // "": the phantom
		slices         int
		step, pixel    float64
		first, last    float64 // z
		lungs          float64 // share in the middle slice, at least
		cranialNumbers bool    // InstanceNumber falls as z rises
	}{
		{"", 30, 8, 3.046875, 6.5, 238.5, 0.1, true},
		{"covid_p001", 148, 2, 0.748046875, -346.1, -52.1, 0.15, true},
		{"normal_001", 77, 4, 0.634765625, -330.5, -26.5, 0.1, true},
		{"lidc_0003", 70, 5, 0.8203125, -379, -34, 0.1, true},
	}
	for _, tt := range tests {
		t.Run(cmp.Or(tt.folder, "phantom"), func(t *testing.T) {
			dir := t.TempDir()
			if tt.folder != "" {
				dir = dataDir(t, "ct", tt.folder)
			} else {
				opt := phantom.Options{Slices: tt.slices, Spacing: tt.step, Rows: 128, Columns: 128}
				if err := phantom.Write(t.Context(), dir, opt); err != nil {
					t.Fatal(err)
				}
			}
			sel := Select(readFolder(t, dir))
			if sel.Refusal != nil {
				t.Fatal(sel.Refusal)
			}
			last := 0
			v, err := Load(context.Background(), OpenPath, sel.Chosen, func(done, total int) {
				if done != last+1 || total != tt.slices {
					t.Errorf("progress %d of %d after %d", done, total, last)
				}
				last = done
			})
			if err != nil {
				t.Fatal(err)
			}
			checkVolume(t, v)
			near := func(what string, got, want float64) {
				t.Helper()
				if diff := got - want; diff > 1e-3 || diff < -1e-3 {
					t.Errorf("%s is %v, want %v", what, got, want)
				}
			}
			if len(v.Slices) != tt.slices {
				t.Fatalf("%d slices, want %d", len(v.Slices), tt.slices)
			}
			near("distance of planes", v.SliceSpacing, tt.step)
			near("distance of rows", v.RowSpacing, tt.pixel)
			near("distance of columns", v.ColumnSpacing, tt.pixel)
			near("length", v.Length(), tt.step*float64(tt.slices))
			near("first z", v.Slices[0].Header.Position[2], tt.first)
			near("last z", v.Slices[tt.slices-1].Header.Position[2], tt.last)
			if v.View != (View{}) {
				t.Errorf("view %+v, want the usual", v.View)
			}
			if len(v.Gaps) > 0 || len(v.Dropped) > 0 {
				t.Errorf("gaps %v, dropped %v, want none", v.Gaps, v.Dropped)
			}
			for i := 1; i < len(v.Slices); i++ {
				if a, b := *v.Slices[i-1].Header.InstanceNumber, *v.Slices[i].Header.InstanceNumber; a <= b {
					t.Fatalf("InstanceNumber %d at %v, then %d above", a, v.Slices[i-1].Position, b)
				}
			}
			middle := &v.Slices[tt.slices/2]
			if middle.LungShare < tt.lungs {
				t.Errorf("lungs are %.3f of the middle slice, want at least %.2f", middle.LungShare, tt.lungs)
			}
			// Fat and muscle make most of what is no air: their median is near water.
			var soft []int
			for _, hu := range middle.HU {
				if hu > -200 && hu < 300 {
					soft = append(soft, int(hu))
				}
			}
			sort.Ints(soft)
			if m := soft[len(soft)/2]; m < -120 || m > 80 {
				t.Errorf("median of the soft tissue is %d HU", m)
			}
		})
	}
}
