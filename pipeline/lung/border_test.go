package lung

import "testing"

// onTable is a slice of 200 x 200 pixels of 2 mm: a patient with two lungs on a table of foam, which is as dense as lung and goes
// through the slice from side to side.
func onTable() []int16 {
	const side = 200
	hu := make([]int16, side*side)
	within := func(r, c, row, column, high, wide int) bool {
		dr, dc := float64(r-row)/float64(high), float64(c-column)/float64(wide)
		return dr*dr+dc*dc < 1
	}
	for i := range hu {
		r, c := i/side, i%side
		switch {
		case within(r, c, 95, 60, 35, 25), within(r, c, 95, 140, 35, 25):
			hu[i] = -850
		case within(r, c, 95, 100, 50, 80):
			hu[i] = 40
		case r == 145 || r == 175:
			hu[i] = 100 // shell
		case r > 145 && r < 175:
			hu[i] = -855
		default:
			hu[i] = -1000
		}
	}
	return hu
}

func TestMask_FieldOfViewCutsLungs(t *testing.T) {
	const side = 200
	for name, view := range map[string]struct {
		r0, r1, c0, c1 int
		cut            bool
	}{
		"all":                            {0, 200, 0, 200, false},
		"body":                           {40, 150, 15, 185, false},
		"through the table":              {0, 160, 0, 200, false},
		"sides cut":                      {40, 160, 45, 155, true},
		"one lung":                       {50, 150, 50, 110, true},
		"back cut":                       {40, 115, 10, 190, true},
		"a corner, in both lungs":        {40, 110, 50, 200, true},
		"front, and all of the sides":    {80, 200, 0, 200, true},
		"the middle of one lung, nearly": {66, 124, 20, 90, true},
	} {
		t.Run(name, func(t *testing.T) {
			rows, columns := view.r1-view.r0, view.c1-view.c0
			whole := onTable()
			hu, want := make([]int16, 0, rows*columns), 0
			for r := view.r0; r < view.r1; r++ {
				hu = append(hu, whole[r*side+view.c0:r*side+view.c1]...)
			}
			for _, v := range hu {
				if v == -850 {
					want++
				}
			}
			g := Grid{Rows: rows, Columns: columns, RowSpacing: 2, ColumnSpacing: 2, Extents: []float64{1}}
			mask, _, err := Mask([][]int16{hu}, g)
			if err != nil {
				t.Fatal(err)
			}
			right, wrong := 0, 0
			for i, side := range mask[0] {
				switch {
				case side != None && hu[i] == -850:
					right++
				case side != None && hu[i] < airHU:
					wrong++
				}
			}
			if right < want*98/100 || wrong > 0 {
				t.Errorf("%d of %d pixels of lung found, and %d of table or air", right, want, wrong)
			}
			m, err := Measure([][]int16{hu}, [][]byte{nil}, mask, g)
			if err != nil {
				t.Fatal(err)
			}
			if (m.CutSlices == 1) != view.cut {
				t.Errorf("cut slices %d, cut %v", m.CutSlices, view.cut)
			}
		})
	}
}
