package ct

import (
	"encoding/csv"
	"image"
	_ "image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strconv"
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
		{"abdomen with the bases of the lungs", 80, 12, 0, 0, "lungs are seen over 60 of 460 mm only"},
		{"neck with the apices", 0, 10, 60, 0, "lungs are seen over 50 of 350 mm only"},
		{"head", 50, 0, 0, 0, "no lungs found, or lungs with hardly any air: 0 of 50"},
		{"one slice by chance", 50, 1, 0, 0, ": 1 of 51"},
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

// A rescale that is wrong by 1024 leaves bones that look like lung, and no tissue.
func TestLungShare_NeedsTissue(t *testing.T) {
	const side, mm = 128, 3.0
	drawn := func(shift int) []int16 {
		hu := make([]int16, side*side)
		for i := range hu {
			r, c := float64(i/side-side/2), float64(i%side-side/2)
			in := func(r0, c0, a, b float64) bool { return (r-r0)*(r-r0)/(a*a)+(c-c0)*(c-c0)/(b*b) < 1 }
			v := -1000
			switch {
			case in(25, 0, 9, 9): // spine
				v = 350
			case in(0, -20, 25, 14), in(0, 20, 25, 14):
				v = -850
			case in(0, 0, 38, 52):
				v = 40
			}
			hu[i] = int16(max(v+shift, AirHU))
		}
		return hu
	}
	if share := lungShare(drawn(0), side, side, mm, mm); share < MinLungShare {
		t.Errorf("a chest has a share of %.2f", share)
	}
	if share := lungShare(drawn(-1024), side, side, mm, mm); share >= MinLungShare {
		t.Errorf("a chest that is 1024 HU too dark has a share of %.2f", share)
	}
}

// Lungs are found in every volume of radiopaedia's, in one of which ground glass fills them nearly everywhere.
func TestLungShare_FindsDiseasedLungs(t *testing.T) {
	dir := dataDir(t, "train", "seg20rp")
	f, err := os.Open(filepath.Join(dir, "index.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	slices, found := map[string]int{}, map[string]int{}
	for _, row := range table[1:] {
		volume := row[column["volume"]]
		slices[volume]++
		if greyLungShare(t, filepath.Join(dir, row[column["file"]]), row[column["hu_slope"]], row[column["hu_intercept"]]) >= MinLungShare {
			found[volume]++
		}
	}
	if len(slices) == 0 {
		t.Fatal("no volumes")
	}
	for volume, n := range slices {
		// Their first and last slices are above and below the lungs.
		if found[volume] < n*2/3 {
			t.Errorf("%s: lungs in %d of %d slices", volume, found[volume], n)
		}
	}
}

// greyLungShare is lungShare of a picture of 384 x 384 pixels, with pixels of about 0.9 mm.
func greyLungShare(t *testing.T, path, slope, intercept string) float64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	grey, ok := picture.(*image.Gray)
	a, errA := strconv.ParseFloat(slope, 64)
	b, errB := strconv.ParseFloat(intercept, 64)
	if !ok || errA != nil || errB != nil {
		t.Fatalf("%s: %T, slope %q, intercept %q", path, picture, slope, intercept)
	}
	size := grey.Bounds()
	hu := make([]int16, 0, size.Dx()*size.Dy())
	for r := range size.Dy() {
		for c := range size.Dx() {
			hu = append(hu, int16(math.Round(float64(grey.GrayAt(c, r).Y)*a+b)))
		}
	}
	return lungShare(hu, size.Dy(), size.Dx(), 0.9, 0.9)
}
