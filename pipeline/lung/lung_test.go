package lung

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// drawn draws a body with two round lungs that touch in front when near is set,
// a trachea between them and gas in the bowel of the first slice; 100 x 100
// pixels of 3 mm, slices of 5 mm.
func drawn(slices int, near bool) ([][]int16, Grid) {
	g := Grid{Rows: 100, Columns: 100, RowSpacing: 3, ColumnSpacing: 3}
	var out [][]int16
	for z := range slices {
		g.Extents = append(g.Extents, 5)
		hu := make([]int16, g.Rows*g.Columns)
		disc := func(r0, c0, radius int, v int16) {
			for r := range g.Rows {
				for c := range g.Columns {
					if (r-r0)*(r-r0)+(c-c0)*(c-c0) <= radius*radius {
						hu[r*g.Columns+c] = v
					}
				}
			}
		}
		for i := range hu {
			hu[i] = -1000
		}
		disc(50, 50, 45, 40)
		left := 72
		if near {
			left = 69
		}
		disc(50, 31, 19, -850)
		disc(50, left, 18, -850)
		if near {
			for r := range g.Rows {
				hu[r*g.Columns+50] = max(hu[r*g.Columns+50], -600) // a thin wall, half lost
			}
		}
		disc(70, 50, 3, -990)
		if z == 0 {
			disc(82, 50, 5, -1000)
		}
		out = append(out, hu)
	}
	return out, g
}

func TestMask_FindsTwoLungs(t *testing.T) {
	for _, near := range []bool{false, true} {
		hu, g := drawn(6, near)
		mask, v, err := Mask(hu, g)
		if err != nil {
			t.Fatal(err)
		}
		// Discs of 19 and 18 pixels, 9 mm2 each, 30 mm: 306 and 275 mL.
		if v.Right < 295 || v.Right > 320 || v.Left < 260 || v.Left > 290 {
			t.Errorf("near %v: volumes %+v, want about 306 and 275", near, v)
		}
		for _, p := range []struct {
			name string
			r, c int
			want byte
		}{
			{"middle of the right lung", 50, 31, Right},
			{"middle of the left lung", 50, 70, Left},
			{"trachea", 70, 50, None},
			{"bowel", 82, 50, None},
			{"air outside", 2, 2, None},
			{"wall", 93, 50, None},
		} {
			if got := mask[0][p.r*g.Columns+p.c]; got != p.want {
				t.Errorf("near %v: %s is %d, want %d", near, p.name, got, p.want)
			}
		}
	}
}

// Turning or mirroring the slices, and saying so in the grid, turns the mask.
func TestMask_FollowsTheGrid(t *testing.T) {
	hu, g := drawn(3, true)
	want, wantV, err := Mask(hu, g)
	if err != nil {
		t.Fatal(err)
	}
	for _, transposed := range []bool{false, true} {
		for _, mirrored := range []bool{false, true} {
			turn := func(r, c int) int { // pixel of the turned slice
				if mirrored {
					c = g.Columns - 1 - c
				}
				if transposed {
					r, c = c, r
				}
				return r*g.Columns + c
			}
			turned := make([][]int16, len(hu))
			for z := range hu {
				turned[z] = make([]int16, len(hu[z]))
				for r := range g.Rows {
					for c := range g.Columns {
						turned[z][turn(r, c)] = hu[z][r*g.Columns+c]
					}
				}
			}
			tg := g
			tg.Transposed, tg.Mirrored = transposed, mirrored
			got, v, err := Mask(turned, tg)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(v.Right-wantV.Right) > 3 || math.Abs(v.Left-wantV.Left) > 3 {
				t.Errorf("transposed %v, mirrored %v: volumes %+v, want about %+v", transposed, mirrored, v, wantV)
			}
			differ := 0
			for z := range want {
				for r := range g.Rows {
					for c := range g.Columns {
						if got[z][turn(r, c)] != want[z][r*g.Columns+c] {
							differ++
						}
					}
				}
			}
			if differ > 60 { // the seam may move by a pixel
				t.Errorf("transposed %v, mirrored %v: %d voxels differ", transposed, mirrored, differ)
			}
		}
	}
}

// A lung that is filled, or gone, or out of the picture, leaves the other one whole and on its side.
func TestMask_OneLungWithoutAir(t *testing.T) {
	for _, transposed := range []bool{false, true} {
		for _, c := range []struct {
			name string
			gone byte
			off  int // columns of the picture that are left out, at the side of the lung that is gone
		}{
			{"right filled", Right, 0},
			{"left filled", Left, 0},
			{"picture of the left lung", Right, 30},
			{"picture of the right lung", Left, 30},
		} {
			hu, g := drawn(6, false)
			for z := range hu {
				for i, v := range hu[z] {
					if side := i%g.Columns < 50; v == -850 && side == (c.gone == Right) {
						hu[z][i] = 30
					}
				}
			}
			from, to := 0, g.Columns
			if c.gone == Right {
				from += c.off
			} else {
				to -= c.off
			}
			part := g
			part.Columns = to - from
			if transposed {
				part.Rows, part.Columns, part.Transposed = part.Columns, part.Rows, true
			}
			for z := range hu {
				var cut []int16
				for i := range part.Rows * part.Columns {
					r, col := i/part.Columns, i%part.Columns
					if transposed {
						r, col = col, r
					}
					cut = append(cut, hu[z][r*g.Columns+from+col])
				}
				hu[z] = cut
			}
			_, v, err := Mask(hu, part)
			if err != nil {
				t.Fatal(err)
			}
			gone, there := v.Right, v.Left
			if c.gone == Left {
				gone, there = v.Left, v.Right
			}
			if gone > 0.03*there || there < 260 {
				t.Errorf("%s, transposed %v: %+v", c.name, transposed, v)
			}
		}
	}
}

func TestMask_IncludesLesionAtThePleura(t *testing.T) {
	hu, g := drawn(3, false)
	for r := 46; r < 50; r++ { // 12 x 12 mm of consolidation at the outer edge
		for c := 12; c < 16; c++ {
			hu[1][r*g.Columns+c] = 20
		}
	}
	mask, _, err := Mask(hu, g)
	if err != nil {
		t.Fatal(err)
	}
	if mask[1][48*g.Columns+14] != Right {
		t.Error("the lesion at the pleura is not part of the right lung")
	}
}

func TestMask_WithoutLungs(t *testing.T) {
	hu, g := drawn(2, false)
	for z := range hu {
		for i, v := range hu[z] {
			if v == -850 || v == -990 {
				hu[z][i] = 40
			}
		}
	}
	_, v, err := Mask(hu, g)
	if err != nil {
		t.Fatal(err)
	}
	if v.Total() != 0 {
		t.Errorf("volumes %+v in a body without lungs, want none", v)
	}
}

func TestMask_RefusesSlicesThatDoNotFit(t *testing.T) {
	hu, g := drawn(2, false)
	tests := []struct {
		name   string
		change func(*Grid, [][]int16)
		want   string
	}{
		{"one extent too few", func(g *Grid, _ [][]int16) { g.Extents = g.Extents[:1] }, "2 slices, but 1 extents"},
		{"gap marks", func(g *Grid, _ [][]int16) { g.AfterGap = []bool{true} }, "1 gap marks"},
		{"spacing 0", func(g *Grid, _ [][]int16) { g.RowSpacing = 0 }, "0 x 3 mm"},
		{"a short slice", func(_ *Grid, hu [][]int16) { hu[1] = hu[1][:50] }, "slice 1 has 50 pixels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, hu := g, append([][]int16(nil), hu...)
			tt.change(&g, hu)
			if _, _, err := Mask(hu, g); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// picture makes a mask of text: '#' is lesion.
func picture(rows ...string) []byte {
	var out []byte
	for _, row := range rows {
		for _, c := range row {
			if c == '#' {
				out = append(out, 1)
			} else {
				out = append(out, 0)
			}
		}
	}
	return out
}

func TestComponents(t *testing.T) {
	mask := [][]byte{
		picture("##...", ".....", "....."),
		picture("#....", ".#...", "....#"),
		nil,
		picture("#....", ".....", "....#"),
	}
	g := Grid{Rows: 3, Columns: 5, RowSpacing: 2, ColumnSpacing: 1, Extents: []float64{5, 5, 5, 10}}
	got, err := Components(mask, nil, nil, g)
	if err != nil {
		t.Fatal(err)
	}
	want := []Component{
		// Two in slice 0, two touching by a corner in slice 1, of 2 mm2 and 5 mm.
		{Voxels: 4, VolumeML: 0.04, Slices: 2, LargestSlice: 0, LargestAreaMM2: 4,
			FirstSlice: 0, LastSlice: 1, CentreRow: 0.25, CentreColumn: 0.5},
		{Voxels: 1, VolumeML: 0.02, Slices: 1, LargestSlice: 3, LargestAreaMM2: 2,
			FirstSlice: 3, LastSlice: 3, CentreRow: 0, CentreColumn: 0},
		{Voxels: 1, VolumeML: 0.02, Slices: 1, LargestSlice: 3, LargestAreaMM2: 2,
			FirstSlice: 3, LastSlice: 3, CentreRow: 2, CentreColumn: 4},
		{Voxels: 1, VolumeML: 0.01, Slices: 1, LargestSlice: 1, LargestAreaMM2: 2,
			FirstSlice: 1, LastSlice: 1, CentreRow: 2, CentreColumn: 4},
	}
	if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Errorf("components (-want +got):\n%s", d)
	}
}

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

func TestComponents_DoNotCrossGaps(t *testing.T) {
	mask := [][]byte{picture("#"), picture("#"), picture("#")}
	g := Grid{Rows: 1, Columns: 1, RowSpacing: 1, ColumnSpacing: 1, Extents: []float64{1, 1, 1}}
	for _, tt := range []struct {
		gaps []bool
		want int
	}{
		{nil, 1},
		{[]bool{true, false, false}, 1},
		{[]bool{true, false, true}, 2},
		{[]bool{true, true, true}, 3},
	} {
		g.AfterGap = tt.gaps
		got, err := Components(mask, nil, nil, g)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != tt.want {
			t.Errorf("gaps %v: %d components, want %d", tt.gaps, len(got), tt.want)
		}
	}
}

// The runs give the same pieces as a flood fill over voxels.
func TestComponents_AgreeWithFloodFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slices := rapid.IntRange(1, 4).Draw(t, "slices")
		rows, columns := rapid.IntRange(1, 7).Draw(t, "rows"), rapid.IntRange(1, 7).Draw(t, "columns")
		g := Grid{
			Rows:          rows,
			Columns:       columns,
			RowSpacing:    1,
			ColumnSpacing: 1,
			Extents:       make([]float64, slices),
			AfterGap:      make([]bool, slices),
		}
		mask := make([][]byte, slices)
		for z := range mask {
			g.Extents[z] = 1000
			g.AfterGap[z] = rapid.IntRange(0, 4).Draw(t, "gap") == 0
			mask[z] = rapid.SliceOfN(rapid.ByteRange(0, 1), rows*columns, rows*columns).Draw(t, "mask")
		}
		got, err := Components(mask, nil, nil, g)
		if err != nil {
			t.Fatal(err)
		}
		seen := make([][]bool, slices)
		for z := range seen {
			seen[z] = make([]bool, rows*columns)
		}
		var fill func(z, r, c int) int
		fill = func(z, r, c int) int {
			if z < 0 || z >= slices || r < 0 || r >= rows || c < 0 || c >= columns || mask[z][r*columns+c] == 0 || seen[z][r*columns+c] {
				return 0
			}
			seen[z][r*columns+c] = true
			n := 1
			for dr := -1; dr <= 1; dr++ {
				for dc := -1; dc <= 1; dc++ {
					n += fill(z, r+dr, c+dc)
				}
			}
			if z > 0 && !g.AfterGap[z] {
				n += fill(z-1, r, c)
			}
			if z+1 < slices && !g.AfterGap[z+1] {
				n += fill(z+1, r, c)
			}
			return n
		}
		var want []int
		for z := range slices {
			for i := range rows * columns {
				if n := fill(z, i/columns, i%columns); n > 0 {
					want = append(want, n)
				}
			}
		}
		sizes := []int{}
		for _, c := range got {
			sizes = append(sizes, c.Voxels)
		}
		less := cmpopts.SortSlices(func(a, b int) bool { return a < b })
		if d := cmp.Diff(want, sizes, less, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("sizes of pieces (-flood +runs):\n%s", d)
		}
	})
}

func TestMeasure(t *testing.T) {
	g := Grid{Rows: 1, Columns: 8, RowSpacing: 1, ColumnSpacing: 1, Extents: []float64{1000, 2000}}
	lungs := [][]byte{{1, 1, 1, 1, 0, 2, 2, 2}, {1, 1, 0, 0, 0, 0, 2, 2}} // one row, all of it border
	lesion := [][]byte{{1, 1, 0, 0, 1, 0, 0, 1}, nil}
	hu := [][]int16{{-600, -400, -850, -850, 20, -850, -850, -500}, make([]int16, 8)}
	m, err := Measure(hu, lesion, lungs, g)
	if err != nil {
		t.Fatal(err)
	}
	want := Measures{
		Lungs: Volumes{Right: 8, Left: 7}, CutSlices: 2, Lesions: Volumes{Right: 2, Left: 1}, OutsideML: 1, LesionML: 4,
		Share: 0.2, RightShare: 0.25, LeftShare: 1.0 / 7, MeanHU: (-600 - 400 + 20 - 500) / 4.0, LargestAreaMM2: 4, LargestSlice: 0,
		Components: []Component{
			{Voxels: 2, VolumeML: 2, Slices: 1, LargestAreaMM2: 2, MeanHU: -500, Side: Right, CentreColumn: 0.5, InsideLungShare: 1},
			{Voxels: 1, VolumeML: 1, Slices: 1, LargestAreaMM2: 1, MeanHU: 20, Side: None, CentreColumn: 4},
			{Voxels: 1, VolumeML: 1, Slices: 1, LargestAreaMM2: 1, MeanHU: -500, Side: Left, CentreColumn: 7, InsideLungShare: 1},
		},
	}
	if d := cmp.Diff(want, m, cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Errorf("measures (-want +got):\n%s", d)
	}
}

func TestMeasure_LungsCutByTheFieldOfView(t *testing.T) {
	const rows, columns = 4, 5
	for i := range rows * columns {
		r, c := i/columns, i%columns
		lungs := [][]byte{make([]byte, rows*columns), make([]byte, rows*columns)}
		lungs[1][i] = Left
		m, err := Measure([][]int16{make([]int16, rows*columns), make([]int16, rows*columns)}, make([][]byte, 2), lungs,
			Grid{Rows: rows, Columns: columns, RowSpacing: 1, ColumnSpacing: 1, Extents: []float64{1, 1}})
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if r == 0 || c == 0 || r == rows-1 || c == columns-1 {
			want = 1
		}
		if m.CutSlices != want {
			t.Errorf("lung at row %d, column %d: %d slices cut, want %d", r, c, m.CutSlices, want)
		}
	}
}

func TestMeasure_WithoutLesion(t *testing.T) {
	g := Grid{Rows: 1, Columns: 1, RowSpacing: 1, ColumnSpacing: 1, Extents: []float64{1}}
	m, err := Measure([][]int16{{-850}}, [][]byte{nil}, [][]byte{{0}}, g)
	if err != nil {
		t.Fatal(err)
	}
	if m.Share != 0 || m.LargestSlice != -1 || len(m.Components) != 0 || m.LesionML != 0 {
		t.Errorf("measures %+v, want none, LargestSlice -1", m)
	}
}

func TestSquaredDistance_IsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.IntRange(1, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "columns")
		set := rapid.SliceOfN(rapid.Bool(), rows*columns, rows*columns).Draw(t, "set")
		rowMM, colMM := rapid.Float64Range(0.3, 3).Draw(t, "rowMM"), rapid.Float64Range(0.3, 3).Draw(t, "colMM")
		got := squaredDistance(func(r, c int) bool { return set[r*columns+c] }, box{0, 0, rows, columns}, rowMM, colMM)
		for i := range got {
			want := math.Inf(1)
			for j, s := range set {
				if s {
					dr, dc := rowMM*float64(i/columns-j/columns), colMM*float64(i%columns-j%columns)
					want = math.Min(want, dr*dr+dc*dc)
				}
			}
			if math.IsInf(want, 1) != math.IsInf(float64(got[i]), 1) || math.Abs(float64(got[i])-want) > 1e-3*(1+want) {
				t.Fatalf("pixel %d: %v, want %v", i, got[i], want)
			}
		}
	})
}

func BenchmarkMask(b *testing.B) {
	hu, g := drawn(150, true)
	for b.Loop() {
		if _, _, err := Mask(hu, g); err != nil {
			b.Fatal(err)
		}
	}
}
