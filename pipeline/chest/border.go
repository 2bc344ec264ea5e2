package chest

const (
	// lungHU: lung lies above in the mean, the air around the patient below. Mattress and table hold foam that is as dense as lung;
	// they lie otherwise.
	lungHU = -905
	// Of the blocks of a lung so many are gas at most: few, and more in emphysema, which needs plainer walls. Of air that clothes, breasts
	// or arms enclose half and more are.
	fewGas  = 0.25
	mostGas = 0.45
	// wallMM: tissue between a lung and the outside is thicker, the shell of a table and a vessel are thinner.
	wallMM = 8.0
	// Of the four ways from a block straight to the border of what was measured, so many lead a cut lung against a wall: three where
	// one side is cut, two where two are. Ways over foam lead to one wall, the patient's, or past a shell into the air.
	leastWalls = 1.9
	plainWalls = 2.5
	mostPast   = 0.1
	leastAir   = 20 // blocks
)

// ways are counts over the blocks of a piece of air, and the four ways from each straight to the border.
type ways struct {
	blocks, gas int
	sum         int // of HU
	border      bool
	walls       int // ways that end at a wall
	past        int // ways that meet no wall, leave the piece and end in outer air
}

// cutLung tells whether a piece at the border is a lung that a narrow field of view cuts, and not the air around the patient, a
// mattress or a table.
func (w *ways) cutLung() bool {
	n := float64(w.blocks)
	mean, gas, walls := float64(w.sum)/n, float64(w.gas)/n, float64(w.walls)/n
	if float64(w.past) > mostPast*n {
		return false
	}
	return mean >= lungHU && gas <= fewGas && walls >= leastWalls || gas <= mostGas && walls >= plainWalls
}

// outerAir tells whether a piece at the border is air, and not a crumb of lung at a ragged edge.
func (w *ways) outerAir() bool {
	return w.blocks >= leastAir && w.sum < lungHU*w.blocks
}

// enclosed marks the air of a plane that is not around the patient: what is connected to the border of what was measured is, but for
// lungs that the field of view cuts. One that takes up most of the picture leaves no body to lie in: it is marked in filled, too.
func (b Blocks) enclosed(mean []int16) (air, filled []bool) {
	void := b.voids(mean)
	air, filled = make([]bool, len(mean)), make([]bool, len(mean))
	for i, v := range mean {
		air[i] = v < airHU && !void[i]
	}
	labels, n := b.pieces(air)
	pieces := make([]ways, n)
	for i, l := range labels {
		if l == none {
			continue
		}
		p := &pieces[l]
		p.blocks++
		p.sum += int(mean[i])
		if mean[i] < gasHU {
			p.gas++
		}
		p.border = p.border || b.atBorder(i)
		b.each4(i, func(k int) { p.border = p.border || void[k] })
	}
	measured := false
	for i, l := range labels {
		if l == none || !pieces[l].border {
			continue
		}
		if !measured && float64(pieces[l].gas) <= mostGas*float64(pieces[l].blocks) {
			b.measureWays(labels, pieces, void)
			measured = true
		}
		air[i] = pieces[l].cutLung()
		filled[i] = air[i] && 2*pieces[l].blocks > len(mean)
	}
	return air, filled
}

// measureWays counts walls and past of all pieces of a plane.
func (b Blocks) measureWays(labels []int32, pieces []ways, void []bool) {
	// line goes from the border inwards: what it met so far is what the way outwards from its next block leads to.
	line := func(from, step, n int, mm float64) {
		wall, start, thick := false, 0, 0
		end := int32(none) // the piece at the border
		for k := range n {
			i := from + k*step
			if void[i] { // behind a part that was not measured all starts anew
				wall, start, thick = false, k+1, 0
				continue
			}
			p := labels[i]
			if k == start {
				end = p
			}
			if p == none {
				thick++
				continue
			}
			wall = wall || thick > 0 && (thick == k-start || float64(thick)*mm >= wallMM)
			thick = 0
			switch {
			case wall:
				pieces[p].walls++
			case p != end && end != none && pieces[end].outerAir():
				pieces[p].past++
			}
		}
	}
	for r := range b.Rows {
		line(r*b.Columns, 1, b.Columns, b.ColMM)
		line((r+1)*b.Columns-1, -1, b.Columns, b.ColMM)
	}
	for c := range b.Columns {
		line(c, b.Columns, b.Rows, b.RowMM)
		line((b.Rows-1)*b.Columns+c, -b.Columns, b.Rows, b.RowMM)
	}
}
