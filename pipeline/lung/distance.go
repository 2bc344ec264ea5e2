package lung

import "math"

// box is a rectangle of pixels, to exclusive.
type box struct{ r0, c0, r1, c1 int }

func (b box) empty() bool { return b.r0 >= b.r1 || b.c0 >= b.c1 }

// grown adds a margin on each side, cut at the grid.
func (b box) grown(rows, columns int, g *Grid) box {
	return box{max(0, b.r0-rows), max(0, b.c0-columns), min(g.Rows, b.r1+rows), min(g.Columns, b.c1+columns)}
}

// squaredDistance returns for each pixel of the box the squared distance in mm
// to the nearest pixel of the box that is set (Felzenszwalb and Huttenlocher,
// Theory of Computing 8, 2012); infinite when none is.
func squaredDistance(set func(r, c int) bool, b box, rowMM, colMM float64) []float32 {
	rows, columns := b.r1-b.r0, b.c1-b.c0
	d := make([]float32, rows*columns)
	inf := float32(math.Inf(1))
	// Along columns first: plain steps up and down are exact.
	for c := range columns {
		last := inf
		for r := range rows {
			if set(b.r0+r, b.c0+c) {
				last = 0
			} else if last < inf {
				last += float32(rowMM)
			}
			d[r*columns+c] = last
		}
		last = inf
		for r := rows - 1; r >= 0; r-- {
			if d[r*columns+c] == 0 {
				last = 0
			} else if last < inf {
				last += float32(rowMM)
			}
			d[r*columns+c] = min(d[r*columns+c], last)
		}
	}
	// Then along rows: the lower envelope of parabolas.
	f := make([]float64, columns)
	at := make([]int, columns)
	edge := make([]float64, columns+1)
	for r := range rows {
		row := d[r*columns : (r+1)*columns]
		n := 0
		for c, v := range row {
			if v == inf {
				continue
			}
			f[c] = float64(v) * float64(v)
			for n > 0 {
				p := at[n-1]
				x := (f[c] - f[p] + colMM*colMM*float64(c*c-p*p)) / (2 * colMM * colMM * float64(c-p))
				if x > edge[n-1] {
					edge[n] = x
					break
				}
				n--
			}
			if n == 0 {
				edge[0] = math.Inf(-1)
			}
			at[n] = c
			n++
		}
		if n == 0 {
			continue // all infinite
		}
		edge[n] = math.Inf(1)
		k := 0
		for c := range row {
			for edge[k+1] < float64(c) {
				k++
			}
			x := colMM * float64(c-at[k])
			row[c] = float32(x*x + f[at[k]])
		}
	}
	return d
}

// closed adds to set what a disc of radius mm cannot enter from outside: holes
// and notches of its border narrower than the disc. It returns the box it worked
// on and the closed set within it.
func closed(set func(r, c int) bool, around box, g *Grid, radius float64) (box, []bool) {
	b := around.grown(int(radius/g.RowSpacing)+2, int(radius/g.ColumnSpacing)+2, g)
	columns := b.c1 - b.c0
	r2 := float32(radius * radius)
	out := squaredDistance(set, b, g.RowSpacing, g.ColumnSpacing)
	// Erode the dilated set: keep what is further than radius from all outside it.
	in := squaredDistance(func(r, c int) bool { return out[(r-b.r0)*columns+c-b.c0] > r2 }, b, g.RowSpacing, g.ColumnSpacing)
	result := make([]bool, len(in))
	for i := range result {
		result[i] = in[i] > r2 || out[i] == 0
	}
	return b, result
}
