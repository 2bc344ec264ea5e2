package chest

import "jcsnode/guard"

// Hounsfield units of block means.
const (
	// airHU: aerated lung, ground glass included, and all other air lie below. A wall of 4 mm still has a block above.
	airHU = -320
	// tissueHU: skin, fat and muscle lie above, most foam below.
	tissueHU = -200
	// noneHU is the least value of a slice. Where it reaches the border of the picture nothing was measured, or only air was.
	noneHU = -1024
)

// each4 visits the neighbours of a block by side.
func (b Blocks) each4(i int, visit func(k int)) { each4(b.Rows, b.Columns, i, visit) }

func (b Blocks) atBorder(i int) bool {
	r, c := i/b.Columns, i%b.Columns
	return r == 0 || c == 0 || r == b.Rows-1 || c == b.Columns-1
}

// voids marks the blocks without a measured value: those of the least value that are connected to the border.
func (b Blocks) voids(mean []int16) []bool {
	void := make([]bool, len(mean))
	FromBorder(b.Rows, b.Columns, func(i int) bool {
		if void[i] || mean[i] > noneHU {
			return false
		}
		void[i] = true
		return true
	})
	return void
}

// bodies finds the patient in each plane: the convex hull of the largest solid of tissue, without what is thinner than three blocks,
// such as the shell of a table or a blanket, and what hangs on by it. extents weigh the planes.
func (b Blocks) bodies(means [][]int16, extents []float64) [][]bool {
	core := make([][]bool, len(means))
	guard.Each(len(means), func(z int) { core[z] = b.opened(func(i int) bool { return means[z][i] > tissueHU }) })
	labels, n := b.solids(core)
	volume := make([]float64, n)
	for z := range labels {
		for _, l := range labels[z] {
			if l != none {
				volume[l] += extents[z]
			}
		}
	}
	largest := int32(0)
	for l, v := range volume {
		if v > volume[largest] {
			largest = int32(l)
		}
	}
	guard.Each(len(means), func(z int) {
		for i, l := range labels[z] {
			core[z][i] = l == largest
		}
		core[z] = b.hull(core[z])
	})
	return core
}

// opened keeps the squares of 3 x 3 blocks that are set wholly.
func (b Blocks) opened(set func(i int) bool) []bool {
	in := make([]bool, b.Rows*b.Columns)
	for i := range in {
		in[i] = set(i)
	}
	out := make([]bool, len(in))
	for r := 1; r < b.Rows-1; r++ {
	next:
		for c := 1; c < b.Columns-1; c++ {
			i := r*b.Columns + c
			rows := [3]int{i - b.Columns, i, i + b.Columns}
			for _, k := range rows {
				if !in[k-1] || !in[k] || !in[k+1] {
					continue next
				}
			}
			for _, k := range rows {
				out[k-1], out[k], out[k+1] = true, true, true
			}
		}
	}
	return out
}

// corner is a point of an outline, in blocks.
type corner struct{ x, y int }

// hull marks the blocks within the convex hull of the set ones (Andrew's monotone chain, over the ends of each row).
func (b Blocks) hull(set []bool) []bool {
	out := make([]bool, len(set))
	var left, right []corner
	for r := range b.Rows {
		first, last := -1, -1
		for c, v := range set[r*b.Columns : (r+1)*b.Columns] {
			if v && first < 0 {
				first = c
			}
			if v {
				last = c
			}
		}
		if first >= 0 {
			left, right = append(left, corner{first, r}), append(right, corner{last, r})
		}
	}
	if len(left) == 0 {
		return out
	}
	from, to := chain(left, -1), chain(right, 1)
	for y := left[0].y; y <= left[len(left)-1].y; y++ {
		for c := int(bound(from, y)); float64(c) <= bound(to, y)+0.5; c++ {
			out[y*b.Columns+c] = true
		}
	}
	return out
}

// chain keeps the corners that bulge to one side: -1 to lower x, 1 to higher.
func chain(points []corner, side int) []corner {
	var h []corner
	for _, p := range points {
		for len(h) >= 2 {
			a, q := h[len(h)-2], h[len(h)-1]
			if side*((q.x-a.x)*(p.y-a.y)-(q.y-a.y)*(p.x-a.x)) > 0 {
				break
			}
			h = h[:len(h)-1]
		}
		h = append(h, p)
	}
	return h
}

// bound is the x of a chain at a height within it.
func bound(h []corner, y int) float64 {
	for i := 1; i < len(h); i++ {
		if a, q := h[i-1], h[i]; y <= q.y {
			return float64(a.x) + float64(q.x-a.x)*float64(y-a.y)/float64(q.y-a.y)
		}
	}
	return float64(h[0].x)
}
