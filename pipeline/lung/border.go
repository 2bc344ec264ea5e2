package lung

const (
	// lungHU: lung lies above in the mean, the air around the patient below. Mattress
	// and table hold foam that is as dense as lung; they lie otherwise.
	lungHU = -905
	// wallMM: tissue between a lung and the outside is thicker, the shell of a table
	// and a vessel are thinner. What reaches the border of the slice goes on behind it.
	wallMM = 8.0
	// Of the four ways from a pixel straight to the border of the slice, so many lead
	// a cut lung against a wall: three where one side is cut, two where two are. Ways
	// over foam lead to one wall, the patient's, or past a shell into the air.
	leastWalls = 1.9
	mostPast   = 0.1
)

// ways are counts over the pixels of a piece of air, and the four ways from each
// straight to the border of the slice.
type ways struct {
	pixels, sum int // sum of HU
	border      bool
	walls       int // ways that end at a wall
	past        int // ways that meet no wall, leave the piece and end in another
}

// cutLung tells whether a piece at the border is a lung that a narrow field of
// view cuts, and not the air around the patient, a mattress or a table.
func (w *ways) cutLung() bool {
	n := float64(w.pixels)
	return w.dense() && float64(w.walls) >= leastWalls*n && float64(w.past) <= mostPast*n
}

func (w *ways) dense() bool { return w.sum >= lungHU*w.pixels }

// insideAir marks the air of a slice that is not around the patient: what is
// connected to its border is, but for lungs that the field of view cuts.
func insideAir(hu []int16, g *Grid) []bool {
	set := make([]bool, len(hu))
	for i, v := range hu {
		set[i] = v < airHU
	}
	l := label(&Grid{Rows: g.Rows, Columns: g.Columns}, 1, func(int) []bool { return set }, false)
	pieces := make([]ways, l.pieces)
	for _, r := range l.runs {
		p := &pieces[r.label]
		p.border = p.border || r.row == 0 || int(r.row) == g.Rows-1 || r.from == 0 || int(r.to) == g.Columns
		p.pixels += int(r.to - r.from)
		at := int(r.row) * g.Columns
		for _, v := range hu[at+int(r.from) : at+int(r.to)] {
			p.sum += int(v)
		}
	}
	measured := false
	for _, r := range l.runs {
		p := &pieces[r.label]
		if !p.border {
			continue
		}
		if p.dense() && !measured {
			measureWays(l, pieces, g)
			measured = true
		}
		if !p.cutLung() {
			clear(set[int(r.row)*g.Columns+int(r.from) : int(r.row)*g.Columns+int(r.to)])
		}
	}
	return set
}

// measureWays counts walls and past of all pieces of a slice.
func measureWays(l labelled, pieces []ways, g *Grid) {
	const tissue = -1
	at := make([]int32, g.Rows*g.Columns)
	for i := range at {
		at[i] = tissue
	}
	for _, r := range l.runs {
		row := at[int(r.row)*g.Columns:]
		for c := r.from; c < r.to; c++ {
			row[c] = r.label
		}
	}
	// line goes from the border inwards: what it met so far is what the way outwards from its next pixel leads to.
	line := func(from, step, n int, mm float64) {
		wall, end := false, at[from] // end: the piece at the border
		thick := 0
		for k := range n {
			p := at[from+k*step]
			if p == tissue {
				thick++
				continue
			}
			wall = wall || thick > 0 && (thick == k || float64(thick)*mm >= wallMM)
			thick = 0
			switch {
			case wall:
				pieces[p].walls++
			case p != end:
				pieces[p].past++
			}
		}
	}
	for r := range g.Rows {
		line(r*g.Columns, 1, g.Columns, g.ColumnSpacing)
		line((r+1)*g.Columns-1, -1, g.Columns, g.ColumnSpacing)
	}
	for c := range g.Columns {
		line(c, g.Columns, g.Rows, g.RowSpacing)
		line((g.Rows-1)*g.Columns+c, -g.Columns, g.Rows, g.RowSpacing)
	}
}
