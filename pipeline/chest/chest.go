package chest

import (
	"slices"

	"jcsnode/guard"
)

const (
	// gasHU: pure gas lies below, emphysema above, in the mean over a block. Gas within a body reads up to -970 HU.
	gasHU = -965
	// pocketAround of the 25 blocks around one (15 mm) are gas in a pocket of gas: airways are narrower, but for the trachea.
	pocketAround = 22
	// A pocket is none if more than mostNear of the air at its edge is below nearGasHU.
	nearGasHU = -900
	mostNear  = 0.3
	// lungAround of the 25 blocks around one must be air, but no pocket of gas, to make it lung: bowel and streaks under the skin are
	// thinner. Vessels, and lesions all over a lung, take some.
	lungAround = 20
	// leastWithin of a piece of air lies within the hull of the body: of a lung most does, of the inside of a table nothing.
	leastWithin = 0.25
	// Beside the largest piece of lung others count, of leastPart of its size, if leastBeside of them lies in slices that it reaches:
	// the other lung, or a part that disease has split off. Bowel lies below.
	leastPart   = 0.01
	leastBeside = 0.5
)

// Kind is what a block shows.
type Kind uint8

// Kinds of blocks.
const (
	Other Kind = iota // tissue, or too little air to tell what it is
	Air               // air that is no lung: around the patient, in the table, in bowel
	Gas               // air in a wide pocket of gas within the patient
	Lung              // lung, and airways and vessels in it
)

// Chest is what a stack shows.
type Chest struct {
	Blocks Blocks
	Kinds  [][]Kind // of the blocks of each plane, row by row
	Planes []Plane
}

// Plane is what one slice shows, in blocks.
type Plane struct {
	Body int // within the outline of the patient
	Lung int // in the middle of lung
	Gas  int // gas in the patient: in bowel, airways, emphysema
}

// LungShare is the share of the body that is lung, 0..1, without its outermost 6 mm.
func (p Plane) LungShare() float64 { return p.share(p.Lung) }

// GasShare is the share of the body that is gas, 0..1.
func (p Plane) GasShare() float64 { return p.share(p.Gas) }

func (p Plane) share(blocks int) float64 {
	if p.Body == 0 {
		return 0
	}
	return min(1, float64(blocks)/float64(p.Body))
}

// Find looks at a stack by the means of its blocks, as Blocks.Means gives them. extents are the mm of patient that each slice stands for.
func Find(b Blocks, means [][]int16, extents []float64) Chest {
	n := len(means)
	c := Chest{Blocks: b, Kinds: make([][]Kind, n), Planes: make([]Plane, n)}
	body := b.bodies(means, extents)
	air, pocket, middle := make([][]bool, n), make([][]bool, n), make([][]bool, n)
	guard.Each(n, func(z int) {
		var filled []bool
		air[z], filled = b.enclosed(means[z])
		pocket[z] = b.pockets(means[z], air[z])
		for i := range body[z] {
			body[z][i] = body[z][i] || filled[i]
			if body[z][i] {
				c.Planes[z].Body++
			}
			if body[z][i] && air[z][i] && means[z][i] < gasHU {
				c.Planes[z].Gas++
			}
		}
	})
	b.keepDistinct(pocket, air, means)
	guard.Each(n, func(z int) {
		c.Kinds[z] = make([]Kind, len(means[z]))
		for i, v := range means[z] {
			switch {
			case pocket[z][i]:
				c.Kinds[z][i], air[z][i] = Gas, false
			case v < airHU && !air[z][i]:
				c.Kinds[z][i] = Air
			}
		}
		middle[z] = b.middle(air[z])
	})
	middles, count := b.solids(middle)
	regions := b.regions(air, middles)
	kinds := choose(middles, measure(regions, middles, count, means, body, extents), extents)
	guard.Each(n, func(z int) {
		for i, l := range regions[z] {
			if l == none {
				continue
			}
			c.Kinds[z][i] = kinds[l]
			if middle[z][i] && kinds[l] == Lung {
				c.Planes[z].Lung++
			}
		}
	})
	return c
}

// around counts what of the 25 blocks around one meets a condition.
func (b Blocks) around(i int, meets func(k int) bool) int {
	n := 0
	for _, row := range [5]int{i - 2*b.Columns, i - b.Columns, i, i + b.Columns, i + 2*b.Columns} {
		for k := row - 2; k <= row+2; k++ {
			if meets(k) {
				n++
			}
		}
	}
	return n
}

// eachInner visits the blocks that have two neighbours on each side.
func (b Blocks) eachInner(visit func(i int)) {
	for r := 2; r < b.Rows-2; r++ {
		for c := 2; c < b.Columns-2; c++ {
			visit(r*b.Columns + c)
		}
	}
}

// pockets marks pockets of gas in the inner air of a plane, up to two blocks from their middles.
func (b Blocks) pockets(mean []int16, inside []bool) []bool {
	out := make([]bool, len(mean))
	gas := func(k int) bool { return inside[k] && mean[k] < gasHU }
	b.eachInner(func(i int) {
		if !gas(i) || b.around(i, gas) < pocketAround {
			return
		}
		b.around(i, func(k int) bool {
			out[k] = out[k] || inside[k]
			return false
		})
	})
	return out
}

// keepDistinct clears pockets that go over into air that is nearly gas: bullae in emphysema, and that itself. Around stomach, bowel and
// a pneumothorax there is a wall or lung.
func (b Blocks) keepDistinct(pocket, air [][]bool, means [][]int16) {
	labels, n := b.solids(pocket)
	near, blocks := make([]int, n), make([]int, n)
	for z := range labels {
		for i, l := range labels[z] {
			if l == none {
				continue
			}
			b.each4(i, func(k int) {
				if !air[z][k] || pocket[z][k] {
					return
				}
				if blocks[l]++; means[z][k] < nearGasHU {
					near[l]++
				}
			})
		}
	}
	guard.Each(len(labels), func(z int) {
		for i, l := range labels[z] {
			if l != none && float64(near[l]) > mostNear*float64(blocks[l]) {
				pocket[z][i] = false
			}
		}
	})
}

// middle marks the blocks of a plane that have air around them.
func (b Blocks) middle(air []bool) []bool {
	out := make([]bool, len(air))
	inside := func(k int) bool { return air[k] }
	b.eachInner(func(i int) { out[i] = air[i] && b.around(i, inside) >= lungAround })
	return out
}

// regions gives each block of air the label of the nearest of the middles, going through air only.
func (b Blocks) regions(air [][]bool, middles [][]int32) [][]int32 {
	type place struct{ z, i int32 }
	out := make([][]int32, len(air))
	var queue []place
	for z := range middles {
		out[z] = slices.Clone(middles[z])
		for i, l := range middles[z] {
			if l != none {
				queue = append(queue, place{int32(z), int32(i)})
			}
		}
	}
	for len(queue) > 0 {
		var next []place
		for _, p := range queue {
			label := out[p.z][p.i]
			reach := func(z, i int) {
				if air[z][i] && out[z][i] == none {
					out[z][i] = label
					next = append(next, place{int32(z), int32(i)})
				}
			}
			b.each4(int(p.i), func(k int) { reach(int(p.z), k) })
			if p.z > 0 {
				reach(int(p.z)-1, int(p.i))
			}
			if int(p.z) < len(air)-1 {
				reach(int(p.z)+1, int(p.i))
			}
		}
		queue = next
	}
	return out
}

// piece is what may be a piece of lung, with the air around its middle; in blocks times extent.
type piece struct {
	air, within float64 // all, and what of it lies within the body
	middle      float64 // with air around it
	hu          float64 // mean HU of the middle, times middle
}

// lungLike tells whether a piece can be lung by itself.
func (p *piece) lungLike() bool {
	return p.middle > 0 && p.within >= leastWithin*p.air && p.hu >= gasHU*p.middle
}

func measure(regions, middles [][]int32, n int, means [][]int16, body [][]bool, extents []float64) []piece {
	pieces := make([]piece, n)
	for z := range regions {
		for i, l := range regions[z] {
			if l == none {
				continue
			}
			p := &pieces[l]
			p.air += extents[z]
			if body[z][i] {
				p.within += extents[z]
			}
			if middles[z][i] != none {
				p.middle += extents[z]
				p.hu += float64(means[z][i]) * extents[z]
			}
		}
	}
	return pieces
}

// choose tells what the pieces are: lung is the largest that is like lung, and what lies beside it.
func choose(middles [][]int32, pieces []piece, extents []float64) []Kind {
	largest := int32(none)
	for l := range pieces {
		if p := &pieces[l]; p.lungLike() && (largest == none || p.middle > pieces[largest].middle) {
			largest = int32(l)
		}
	}
	if largest == none {
		return slices.Repeat([]Kind{Air}, len(pieces))
	}
	beside := make([]float64, len(pieces))
	for z := range middles {
		if !slices.Contains(middles[z], largest) {
			continue
		}
		for _, l := range middles[z] {
			if l != none {
				beside[l] += extents[z]
			}
		}
	}
	kinds := make([]Kind, len(pieces))
	for l := range pieces {
		switch p := &pieces[l]; {
		case !p.lungLike() || beside[l] < leastBeside*p.middle:
			kinds[l] = Air
		case p.middle >= leastPart*pieces[largest].middle:
			kinds[l] = Lung
		}
	}
	return kinds
}
