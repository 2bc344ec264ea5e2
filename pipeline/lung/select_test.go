package lung

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSelect_OffTheLungs(t *testing.T) {
	lesions := [][]byte{
		picture("##...", ".....", "....#"),
		picture("#....", ".....", "...##"),
		nil,
		picture("#....", ".....", "....#"),
	}
	g := Grid{Rows: 3, Columns: 5, RowSpacing: 2, ColumnSpacing: 1, Extents: []float64{5, 5, 5, 10}}
	none := make([]byte, 15)
	touched := slices.Clone(none)
	touched[13] = Left // under the leftmost pixel of the lower lesion in slice 1
	rule := Rule{InLungs: true}
	kept, out, err := Select(lesions, [][]byte{none, touched, none, none}, g, rule)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]byte{
		picture(".....", ".....", "....#"), // connected through slice 1
		picture(".....", ".....", "...##"),
		nil,
		picture(".....", ".....", "....."), // slice 2 lies between
	}
	if d := cmp.Diff(want, kept); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	// Three pixels of 2 mm2 and 5 mm, and two single ones of 10 mm.
	if out.Off.Count != 3 || math.Abs(out.Off.VolumeML-0.07) > 1e-9 || out.Specks != (Sum{}) {
		t.Errorf("left out: %+v", out)
	}
	// A lesion that only touches a lung is none of it.
	wide := make([]byte, 15)
	for i := range wide {
		wide[i] = 1
	}
	both := [][]byte{wide, wide, nil, nil}
	beside := [][]byte{touched, none, none, none}
	if _, out, err := Select(both, beside, g, rule); err != nil || out.Off.Count != 1 {
		t.Errorf("one of 30 pixels in a lung: %+v, %v", out, err)
	}
	beside = [][]byte{touched, touched, none, none}
	if _, out, err := Select(both, beside, g, rule); err != nil || out.Off.Count != 0 {
		t.Errorf("two of 30 pixels in a lung: %+v, %v", out, err)
	}
	beside = [][]byte{none, none, none, none}
	if kept, out, err := Select(lesions, beside, g, rule); err != nil || out != (LeftOut{}) || cmp.Diff(lesions, kept) != "" {
		t.Errorf("without lungs: %v, %+v, %v", kept, out, err)
	}
	if _, _, err := Select(lesions[:2], [][]byte{none, none, none, none}, g, rule); err == nil {
		t.Error("fewer lesion than lung slices: no error")
	}
	if _, _, err := Select(lesions, [][]byte{none[:4], none, none, none}, g, rule); err == nil {
		t.Error("a lung slice of another size: no error")
	}
}

// A speck is small in space: a lesion of many slices counts however little of it lies in each.
func TestSelect_Specks(t *testing.T) {
	lesions := [][]byte{
		picture("#.#", "...", "..."),
		picture("#..", "...", "..#"),
		picture("#..", "...", "..."),
	}
	g := Grid{Rows: 3, Columns: 3, RowSpacing: 2, ColumnSpacing: 1, Extents: []float64{5, 5, 5}} // 0.01 mL a voxel
	lungs := make([][]byte, 3)
	for z := range lungs {
		lungs[z] = slices.Repeat([]byte{Right}, 9)
	}
	long := [][]byte{picture("#..", "...", "..."), picture("#..", "...", "..."), picture("#..", "...", "...")}
	for _, tt := range []struct {
		least float64
		kept  [][]byte
		out   Sum
	}{
		{0, lesions, Sum{}},
		{0.01, lesions, Sum{}},
		{0.02, long, Sum{2, 0.02}},
		{0.03, long, Sum{2, 0.02}},
		{0.04, [][]byte{picture("...", "...", "..."), picture("...", "...", "..."), picture("...", "...", "...")}, Sum{3, 0.05}},
	} {
		kept, out, err := Select(lesions, lungs, g, Rule{InLungs: true, LeastML: tt.least})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.kept, kept); d != "" {
			t.Errorf("from %v mL on, kept (-want +got):\n%s", tt.least, d)
		}
		if d := cmp.Diff(LeftOut{Specks: tt.out}, out, cmpopts.EquateApprox(0, 1e-9)); d != "" {
			t.Errorf("from %v mL on, left out (-want +got):\n%s", tt.least, d)
		}
	}
	// What is off the lungs is told as that, however small.
	for z := range lungs {
		lungs[z] = picture("#..", "...", "...")
	}
	inLungs := Rule{InLungs: true, LeastML: 1}
	if _, out, err := Select(lesions, lungs, g, inLungs); err != nil || out.Off.Count != 2 || out.Specks.Count != 1 {
		t.Errorf("specks beside the lungs: %+v, %v", out, err)
	}
}
