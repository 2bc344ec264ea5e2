package lung

import "jcsnode/pipeline/chest"

// noneHU is the least value of a slice. Where it reaches the border of the picture nothing was measured, or only air was.
const noneHU = -1024

// lungAir marks the air of a slice that may be lung, and in kinds what its pixels lie in: a piece goes by what most of its blocks
// are, without pockets of gas in it. Pieces too thin for a block of their own stay; what they are connected to decides.
func lungAir(hu []int16, b *chest.Blocks, kinds []chest.Kind, g *Grid) []bool {
	set := make([]bool, len(hu))
	for i, v := range hu {
		set[i] = v < airHU
	}
	clearUnmeasured(hu, set, g)
	l := label(&Grid{Rows: g.Rows, Columns: g.Columns}, 1, func(int) []bool { return set }, false)
	pieces := make([]votes, l.pieces)
	for _, r := range l.runs {
		pieces[r.label].count(r, b, kinds)
		if r.row == 0 || int(r.row) == g.Rows-1 || r.from == 0 || int(r.to) == g.Columns {
			pieces[r.label].border = true
		}
	}
	for _, r := range l.runs {
		row := set[int(r.row)*g.Columns : (int(r.row)+1)*g.Columns]
		p := &pieces[r.label]
		thin := p.lung+p.other+p.gas == 0 && !p.border
		if !thin && p.lung <= p.other {
			clear(row[r.from:r.to])
			continue
		}
		if p.gas > 0 {
			for c := r.from; c < r.to; c++ {
				row[c] = kinds[b.At(int(r.row), int(c))] != chest.Gas
			}
		}
	}
	return set
}

// votes counts the pixels of a piece of air by what they lie in.
type votes struct {
	lung, other, gas int
	border           bool
}

func (v *votes) count(r run, b *chest.Blocks, kinds []chest.Kind) {
	for c := int(r.from); c < int(r.to); {
		end := int(r.to)
		if next := (c/b.Wide + 1) * b.Wide; next < b.Wide*b.Columns { // all beyond belongs to the last block
			end = min(end, next)
		}
		switch kinds[b.At(int(r.row), c)] {
		case chest.Lung:
			v.lung += end - c
		case chest.Air:
			v.other += end - c
		case chest.Gas:
			v.gas += end - c
		}
		c = end
	}
}

// clearUnmeasured takes from the set what has no measured value: the least value that is connected to the border through such.
func clearUnmeasured(hu []int16, set []bool, g *Grid) {
	chest.FromBorder(g.Rows, g.Columns, func(i int) bool {
		if !set[i] || hu[i] > noneHU {
			return false
		}
		set[i] = false
		return true
	})
}
