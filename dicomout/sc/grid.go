package sc

import (
	"math"
)

// least is the number of rows or columns (of the longer side) that a picture has at least: under it, letters of a readable
// size would cover the slice.
const least = 512

// grid is the pixel grid of a picture over a slice: the slice's own, or one that is finer along one or both axes. Both cover
// the same rectangle of the patient.
type grid struct {
	rows, columns             int // of the picture
	sourceRows, sourceColumns int
}

// newGrid returns the grid for a slice of rows x columns with pixels of rowSpacing x columnSpacing mm. Pixels that are not
// square are divided along their longer side until they are, so that letters and shapes are not distorted in a viewer that
// knows the spacing nor in one that does not; a slice under 512 is enlarged by a whole number.
func newGrid(rows, columns int, rowSpacing, columnSpacing float64) grid {
	g := grid{rows: rows, columns: columns, sourceRows: rows, sourceColumns: columns}
	ratio := columnSpacing / rowSpacing
	switch { // ratios beyond 4 are no picture of a patient: they stay as they are
	case ratio > 1.001 && ratio <= 4:
		g.columns = int(math.Round(float64(columns) * ratio))
	case ratio < 1/1.001 && ratio >= 0.25:
		g.rows = int(math.Round(float64(rows) / ratio))
	}
	if side := max(g.rows, g.columns); side < least && side > 0 {
		factor := (least + side - 1) / side
		g.rows *= factor
		g.columns *= factor
	}
	return g
}

// same tells whether the picture has the pixels of the slice.
func (g grid) same() bool { return g.rows == g.sourceRows && g.columns == g.sourceColumns }

// step is where a picture pixel lies between two source pixels along an axis.
type step struct {
	low, high int
	weight    float32 // of high
}

// steps returns for each of n pixels its place among source pixels, on pixel centres.
func steps(n, source int) []step {
	out := make([]step, n)
	for i := range out {
		at := (float64(i)+0.5)*float64(source)/float64(n) - 0.5
		at = min(max(at, 0), float64(source-1))
		low := int(at)
		out[i] = step{low, min(low+1, source-1), float32(at - float64(low))}
	}
	return out
}

// bilinear returns source values on the grid of the picture, interpolated between pixel centres.
func bilinear[T int16 | float32](g grid, source []T) []T {
	if g.same() {
		return source
	}
	out := make([]T, 0, g.rows*g.columns)
	across := steps(g.columns, g.sourceColumns)
	for _, y := range steps(g.rows, g.sourceRows) {
		top, bottom := source[y.low*g.sourceColumns:], source[y.high*g.sourceColumns:]
		for _, x := range across {
			a := float32(top[x.low])*(1-x.weight) + float32(top[x.high])*x.weight
			b := float32(bottom[x.low])*(1-x.weight) + float32(bottom[x.high])*x.weight
			out = append(out, T(a*(1-y.weight)+b*y.weight))
		}
	}
	return out
}

// nearest returns a mask on the grid of the picture.
func nearest(g grid, source []byte) []byte {
	if g.same() {
		return source
	}
	out := make([]byte, 0, g.rows*g.columns)
	for y := range g.rows {
		row := source[(2*y+1)*g.sourceRows/(2*g.rows)*g.sourceColumns:]
		for x := range g.columns {
			out = append(out, row[(2*x+1)*g.sourceColumns/(2*g.columns)])
		}
	}
	return out
}
