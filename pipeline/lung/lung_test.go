package lung

import (
	"math"
	"strings"
	"testing"

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
