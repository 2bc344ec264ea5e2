package lung

import (
	"jcsnode/guard"
	"jcsnode/pipeline/chest"
)

const (
	// airHU: aerated lung, ground glass included, lies below; vessels, consolidation
	// and walls above. Halfway between lung and soft tissue.
	airHU = -320
	// Trachea and main bronchi in one slice: a piece of at most airwayArea mm2 (a
	// trachea has up to 500) within the middle third, more than half of it below
	// airwayHU. Healthy lung reaches that far down too, but not in such a piece there.
	airwayArea = 800.0
	airwayHU   = -900
	// leastShare: pieces of air smaller than this share of the largest are no lung.
	// A lung that disease has split or shrunk is mostly larger.
	leastShare = 0.03
	// closingRadius in mm: vessels and dense lesions up to twice as wide belong to
	// the lung around them. Against masks of radiologists (see the tests) 4 mm loses
	// consolidation in severe disease, 10 mm adds hilum in healthy lungs.
	closingRadius = 7.0
)

// Volumes of the lungs in mL.
type Volumes struct {
	Right, Left float64
}

// Total is the volume of both lungs.
func (v Volumes) Total() float64 { return v.Right + v.Left }

// Mask finds the lungs in slices of Hounsfield units (rows*columns each). The
// masks hold None, Right or Left. Without lungs they are all None and the
// volumes zero. The error is a grid that does not fit the slices.
func Mask(hu [][]int16, g Grid) ([][]byte, Volumes, error) {
	if err := g.check(len(hu), func(i int) int { return len(hu[i]) }); err != nil {
		return nil, Volumes{}, err
	}
	b := chest.BlocksOf(g.Rows, g.Columns, g.RowSpacing, g.ColumnSpacing)
	means := make([][]int16, len(hu))
	guard.Each(len(hu), func(i int) { means[i] = b.Means(hu[i]) })
	kinds := chest.Find(b, means, g.Extents).Kinds
	air := make([][]bool, len(hu))
	guard.Each(len(hu), func(i int) { air[i] = lungAir(hu[i], &b, kinds[i], &g) })
	across := reach(hu, air, &g)
	guard.Each(len(hu), func(i int) { clearAirways(hu[i], air[i], across, &g) })
	keepLungs(air, &b, kinds, &g)
	across = reach(hu, air, &g)
	mask := make([][]byte, len(hu))
	guard.Each(len(hu), func(i int) { mask[i] = divide(hu[i], air[i], across, &g) })
	var v Volumes
	for i := range mask {
		ml := g.pixelArea() * g.Extents[i] / 1000
		for _, m := range mask[i] {
			switch m {
			case Right:
				v.Right += ml
			case Left:
				v.Left += ml
			}
		}
	}
	return mask, v, nil
}

// clearAirways takes trachea and main bronchi out of the air of a slice: small
// pieces of gas between the lungs, whose reach across the patient is given.
func clearAirways(hu []int16, air []bool, across span, g *Grid) {
	l := label(&Grid{Rows: g.Rows, Columns: g.Columns}, 1, func(int) []bool { return air }, false)
	area := make([]int, l.pieces)
	gas := make([]int, l.pieces)
	at := make([]int, l.pieces) // sum of positions across the patient
	for _, r := range l.runs {
		n := int(r.to - r.from)
		area[r.label] += n
		if g.Transposed {
			at[r.label] += n * int(r.row)
		} else {
			at[r.label] += n * int(r.from+r.to-1) / 2
		}
		for _, v := range hu[int(r.row)*g.Columns+int(r.from) : int(r.row)*g.Columns+int(r.to)] {
			if v < airwayHU {
				gas[r.label]++
			}
		}
	}
	third := (across.to - across.from) / 3
	for _, r := range l.runs {
		p := r.label
		centre := at[p] / area[p]
		if float64(area[p])*g.pixelArea() < airwayArea && 2*gas[p] > area[p] && centre >= across.from+third && centre < across.to-third {
			clear(air[int(r.row)*g.Columns+int(r.from) : int(r.row)*g.Columns+int(r.to)])
		}
	}
}

// span is a stretch across the patient, in pixels, to exclusive. It may go beyond the picture.
type span struct{ from, to int }

// reach is the stretch across the patient that the air covers, made symmetric about the middle of the body: where a lung is
// filled or gone the air of the other alone says nothing about the middle. It goes by the slices that have much air: an apex
// may show one lung only.
func reach(hu [][]int16, air [][]bool, g *Grid) span {
	boxes := make([]box, len(air))
	area := make([]int, len(air))
	guard.Each(len(air), func(i int) {
		boxes[i] = extent(air[i], g)
		for _, v := range air[i] {
			if v {
				area[i]++
			}
		}
	})
	most := 0
	for _, a := range area {
		most = max(most, a)
	}
	s := span{max(g.Rows, g.Columns), 0}
	body := make([]int, g.across()) // pixels that are no air, by their place across the patient
	for i, b := range boxes {
		if b.empty() || 2*area[i] < most {
			continue
		}
		from, to := b.c0, b.c1
		if g.Transposed {
			from, to = b.r0, b.r1
		}
		s = span{min(s.from, from), max(s.to, to)}
		for k, v := range hu[i] {
			if v >= airHU && g.Transposed {
				body[k/g.Columns]++
			} else if v >= airHU {
				body[k%g.Columns]++
			}
		}
	}
	if s.from >= s.to {
		return s
	}
	middle := median(body)
	half := max(middle-s.from, s.to-middle)
	return span{middle - half, middle + half}
}

// median is the place that half of the counts lie before.
func median(counts []int) int {
	all := 0
	for _, n := range counts {
		all += n
	}
	before := 0
	for k, n := range counts {
		if before += n; 2*before >= all {
			return k
		}
	}
	return len(counts) / 2
}

// keepLungs clears pieces of air that the blocks do not call lung, or that are too small for one.
func keepLungs(air [][]bool, b *chest.Blocks, kinds [][]chest.Kind, g *Grid) {
	l := label(g, len(air), func(i int) []bool { return air[i] }, false)
	volume := make([]float64, l.pieces)
	pieces := make([]votes, l.pieces)
	for _, r := range l.runs {
		volume[r.label] += float64(r.to-r.from) * g.Extents[r.slice]
		pieces[r.label].count(r, b, kinds[r.slice])
	}
	var largest float64
	for p := range volume {
		if pieces[p].lung > pieces[p].other {
			largest = max(largest, volume[p])
		}
	}
	for _, r := range l.runs {
		if p := &pieces[r.label]; p.lung <= p.other || volume[r.label] < leastShare*largest {
			clear(air[r.slice][int(r.row)*g.Columns+int(r.from) : int(r.row)*g.Columns+int(r.to)])
		}
	}
}

// divide gives each side its value and closes it.
func divide(hu []int16, air []bool, across span, g *Grid) []byte {
	mask := make([]byte, len(air))
	around := extent(air, g)
	if around.empty() {
		return mask
	}
	right := rightSide(hu, air, around, across, g)
	for _, side := range []byte{Right, Left} {
		in := func(r, c int) bool { return air[r*g.Columns+c] && right(r, c) == (side == Right) }
		own := box{g.Rows, g.Columns, 0, 0}
		for r := around.r0; r < around.r1; r++ {
			for c := around.c0; c < around.c1; c++ {
				if in(r, c) {
					own = box{min(own.r0, r), min(own.c0, c), max(own.r1, r+1), max(own.c1, c+1)}
				}
			}
		}
		if own.empty() {
			continue
		}
		b, lung := closed(in, own, g, closingRadius)
		for i, set := range lung {
			r, c := b.r0+i/(b.c1-b.c0), b.c0+i%(b.c1-b.c0)
			// What closing adds stays on its side, outside the other lung and where something was measured.
			if k := r*g.Columns + c; set && mask[k] == None && (in(r, c) || !air[k] && hu[k] > noneHU) {
				mask[k] = side
			}
		}
	}
	return mask
}

// extent is the smallest box around the set pixels.
func extent(set []bool, g *Grid) box {
	b := box{g.Rows, g.Columns, 0, 0}
	for r := range g.Rows {
		for c, v := range set[r*g.Columns : (r+1)*g.Columns] {
			if v {
				b = box{min(b.r0, r), min(b.c0, c), max(b.r1, r+1), max(b.c1, c+1)}
			}
		}
	}
	return b
}

// rightSide divides a slice from front to back along the path that crosses the
// least air, within the middle half of their reach across the patient, and tells whether a
// pixel lies on the patient's right of it. The path moves by at most one pixel
// sideways per step; it prefers the middle a little, and soft tissue to lung.
func rightSide(hu []int16, air []bool, around box, across span, g *Grid) func(r, c int) bool {
	// u runs from front to back (or back to front), v across the patient.
	u0, u1 := around.r0, around.r1
	at := func(u, v int) int { return u*g.Columns + v }
	if g.Transposed {
		u0, u1 = around.c0, around.c1
		at = func(u, v int) int { return v*g.Columns + u }
	}
	quarter := (across.to - across.from) / 4
	lo := min(max(0, across.from+quarter), g.across()-1)
	w := max(1, min(across.to-quarter, g.across())-lo)
	middle := float32(w-1) / 2
	cost := make([]float32, w)
	from := make([]int8, (u1-u0)*w)
	previous := make([]float32, w)
	for u := u0; u < u1; u++ {
		for k := range w {
			step := float32(0)
			if u > u0 {
				best, d := previous[k], int8(0)
				if k > 0 && previous[k-1] < best {
					best, d = previous[k-1], -1
				}
				if k < w-1 && previous[k+1] < best {
					best, d = previous[k+1], 1
				}
				step = best
				from[(u-u0)*w+k] = d
			}
			away := (float32(k) - middle) / (middle + 1)
			step += 0.05 * away * away
			if i := at(u, lo+k); air[i] {
				// Between touching lungs the thin wall shows as less air.
				step += 2 + float32(airHU-hu[i])/200
			}
			cost[k] = step
		}
		cost, previous = previous, cost
	}
	seam := make([]int, u1-u0)
	k := 0
	for i := range w {
		if previous[i] < previous[k] {
			k = i
		}
	}
	for u := u1 - 1; u >= u0; u-- {
		seam[u-u0] = lo + k
		k += int(from[(u-u0)*w+k])
	}
	return func(r, c int) bool {
		u, v := r, c
		if g.Transposed {
			u, v = c, r
		}
		u = min(max(u, u0), u1-1)
		return (v < seam[u-u0]) != g.Mirrored
	}
}
