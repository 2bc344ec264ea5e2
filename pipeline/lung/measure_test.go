package lung

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

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
