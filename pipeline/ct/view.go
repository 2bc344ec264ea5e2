package ct

import "math"

// View is the way from the grid of a slice to the usual picture of a chest:
// patient's right on the left, front up. First Transpose (rows and columns
// change places), then the flips of the result.
type View struct {
	Transpose, FlipRows, FlipColumns bool
}

// Size returns the rows and columns of the picture of a slice of that size.
func (v View) Size(rows, columns int) (int, int) {
	if v.Transpose {
		return columns, rows
	}
	return rows, columns
}

// Source returns the row and column of the slice that is shown at (r, c) of a
// picture with the given size.
func (v View) Source(r, c, rows, columns int) (int, int) {
	if v.FlipRows {
		r = rows - 1 - r
	}
	if v.FlipColumns {
		c = columns - 1 - c
	}
	if v.Transpose {
		return c, r
	}
	return r, c
}

// ViewOf picks the one of eight views whose picture has its columns nearest to
// the patient's left (+x) and its rows nearest to the patient's back (+y).
// orientation is that of an axial slice.
func ViewOf(orientation [6]float64) View {
	// x and y parts of: one column further (row direction), one row further.
	col := [2]float64{orientation[0], orientation[1]}
	row := [2]float64{orientation[3], orientation[4]}
	var v View
	if math.Abs(col[0])+math.Abs(row[1]) < math.Abs(col[1])+math.Abs(row[0]) {
		v.Transpose = true
		col, row = row, col
	}
	v.FlipColumns = col[0] < 0
	v.FlipRows = row[1] < 0
	return v
}
