package lung

// run is a stretch of set pixels in one row of one slice.
type run struct {
	slice, row int32
	from, to   int32 // columns, to exclusive
	label      int32 // index of its piece, after label
}

// labelled is a binary volume as runs, each with the piece it belongs to.
type labelled struct {
	runs   []run
	pieces int
}

// label finds the connected pieces of a binary volume. Within a slice pixels
// touch by side and corner when diagonal is set, by side only otherwise; slices
// touch where runs lie over each other, unless the upper one is after a gap.
func label(g *Grid, slices int, set func(slice int) []bool, diagonal bool) labelled {
	l := labelled{}
	var parent []int32
	reach := int32(0)
	if diagonal {
		reach = 1
	}
	var below, current []int // index of the first run of each row, rows+1 entries
	for z := range slices {
		below, current = current, make([]int, g.Rows+1)
		pixels := set(z)
		for r := range g.Rows {
			current[r] = len(l.runs)
			if pixels == nil {
				continue
			}
			row := pixels[r*g.Columns : (r+1)*g.Columns]
			for c := 0; c < len(row); c++ {
				if !row[c] {
					continue
				}
				from := c
				for c < len(row) && row[c] {
					c++
				}
				i := int32(len(l.runs))
				l.runs = append(l.runs, run{slice: int32(z), row: int32(r), from: int32(from), to: int32(c)})
				parent = append(parent, i)
			}
			if r > 0 {
				join(l.runs, parent, current[r-1], current[r], current[r], len(l.runs), reach)
			}
			if !g.gap(z) {
				join(l.runs, parent, below[r], below[r+1], current[r], len(l.runs), 0)
			}
		}
		current[g.Rows] = len(l.runs)
	}
	number := make([]int32, len(l.runs))
	for i := range number {
		number[i] = -1
	}
	for i := range l.runs {
		root := find(parent, int32(i))
		if number[root] < 0 {
			number[root] = int32(l.pieces)
			l.pieces++
		}
		l.runs[i].label = number[root]
	}
	return l
}

// join unites the runs [a0,a1) of one row with the runs [b0,b1) of another where
// their columns overlap or are at most reach apart.
func join(runs []run, parent []int32, a0, a1, b0, b1 int, reach int32) {
	for a0 < a1 && b0 < b1 {
		a, b := &runs[a0], &runs[b0]
		if a.from < b.to+reach && b.from < a.to+reach {
			ra, rb := find(parent, int32(a0)), find(parent, int32(b0))
			if ra < rb {
				parent[rb] = ra
			} else {
				parent[ra] = rb
			}
		}
		if a.to < b.to {
			a0++
		} else {
			b0++
		}
	}
}

func find(parent []int32, i int32) int32 {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}
