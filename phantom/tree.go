package phantom

import (
	"math"
	"math/rand/v2"
)

// branch is a straight piece of a vessel in the lung.
type branch struct {
	a, b   point
	ra, rb float64
	airway bool // a bronchus runs along it
}

// node is a joint of the growing tree.
type node struct {
	at     point
	parent int
	way    float64 // mm to the root
	leaves int     // ends that it feeds
}

// growTree grows the vessels of one lung from its hilum to ends spread through the
// lung: each end, from near to far, is joined to the node that makes the way to
// the root short, and radii follow from the number of ends that a piece feeds
// (Murray's law, exponent 2.7).
func growTree(rng *rand.Rand, hilum []point, ends []point) []branch {
	var nodes []node
	for i, p := range hilum {
		nodes = append(nodes, node{at: p, parent: i - 1})
		if i > 0 {
			nodes[i].way = nodes[i-1].way + p.distance(hilum[i-1])
		}
	}
	root := hilum[0]
	sortByDistance(ends, root)
	for _, end := range ends {
		best, bestCost := 0, math.Inf(1)
		for i := range nodes {
			d := nodes[i].at.distance(end)
			if d < 3 {
				bestCost = math.Inf(-1) // so near that it is fed already
				break
			}
			// Branches turn little: going on outward costs less than going back.
			out := nodes[i].at.minus(root)
			turn := 0.0
			if l := out.length(); l > 5 {
				turn = 1 - out.dot(end.minus(nodes[i].at))/(l*d)
			}
			if cost := d*(1+0.5*turn) + 0.35*nodes[i].way; cost < bestCost {
				best, bestCost = i, cost
			}
		}
		if math.IsInf(bestCost, -1) {
			continue
		}
		at := best
		from := nodes[best].at
		pieces := int(math.Ceil(from.distance(end) / 7))
		bow := point{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}.times(0.06 * from.distance(end))
		for k := 1; k <= pieces; k++ {
			t := float64(k) / float64(pieces)
			p := from.to(end, t).plus(bow.times(4 * t * (1 - t)))
			if k < pieces {
				p = p.plus(point{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}.times(0.5))
			}
			nodes = append(nodes, node{at: p, parent: at, way: nodes[at].way + nodes[at].at.distance(p)})
			at = len(nodes) - 1
		}
		for i := at; i >= 0; i = nodes[i].parent {
			nodes[i].leaves++
		}
	}
	radius := func(leaves int) float64 { return 0.5 * math.Pow(float64(max(leaves, 1)), 1/2.7) }
	var out []branch
	for i := range nodes {
		if p := nodes[i].parent; p >= 0 {
			rb := radius(nodes[i].leaves)
			ra := math.Min(radius(nodes[p].leaves), 1.35*rb)
			out = append(out, branch{a: nodes[p].at, b: nodes[i].at, ra: ra, rb: rb, airway: rb > 1.3})
		}
	}
	return out
}

func sortByDistance(ends []point, root point) {
	// Insertion keeps the order of equals and needs no more than a few hundred steps.
	for i := 1; i < len(ends); i++ {
		for j := i; j > 0 && ends[j].distance(root) < ends[j-1].distance(root); j-- {
			ends[j], ends[j-1] = ends[j-1], ends[j]
		}
	}
}

// lungVessels grows the trees of both lungs.
func (b *body) lungVessels(rng *rand.Rand, perLung int) []branch {
	var out []branch
	for _, side := range []float64{-1, 1} {
		var ends []point
		for len(ends) < perLung {
			p := point{side * (10 + 130*rng.Float64()), -100 + 190*rng.Float64(), -5 + (lungHeight+5)*rng.Float64()}
			if b.inLung(p) < -3.5 {
				ends = append(ends, p)
			}
		}
		trunk := b.hila[1].at
		if side > 0 {
			trunk = b.hila[2].at
		}
		hilum := append([]point(nil), trunk[1:]...)
		out = append(out, growTree(rng, hilum, ends)...)
		// Veins: fewer, from lower and further forward.
		vein := b.hila[3].at[1]
		if side > 0 {
			vein = b.hila[4].at[1]
		}
		var few []point
		for i := 0; i < len(ends); i += 2 {
			few = append(few, ends[i].plus(point{rng.NormFloat64() * 5, rng.NormFloat64() * 5, rng.NormFloat64() * 5}))
		}
		veins := growTree(rng, []point{vein, vein.plus(point{side * 6, -4, -6})}, few)
		for i := range veins {
			veins[i].airway = false
		}
		out = append(out, veins...)
	}
	return out
}
