package phantom

import (
	"math"
	"math/rand/v2"
)

// lesion is a patch of ground glass, with a denser core if solid is over 0.
type lesion struct {
	centre point
	axes   point   // half axes before it is frayed
	glass  float64 // HU of the ground glass
	solid  float64 // share of consolidation in its middle
	seed   lattice
}

// growLesions places lesions as the paper's cases and the literature describe
// them: both lungs, below more than above, at the pleura, at the back and sides.
func growLesions(rng *rand.Rand, b *body, n int) []lesion {
	var out []lesion
	for try := 0; len(out) < n && try < 100*n; try++ {
		side := float64(1 - 2*(len(out)%2)) // left and right in turn
		// The long stretch: the first of each side lie evenly from below to above.
		z := mix(28, 190, (float64(len(out))+rng.Float64())/float64(n))
		a := math.Pi * (0.08 + 0.34*rng.Float64()) // from the back to the side
		u := z / lungHeight
		wide, deep := chestWide.at(u), chestDeep.at(u)
		p := point{side * wide * math.Sin(a), chestFront.at(u) + deep*math.Cos(a), z}
		// Inward until well inside the lung.
		middle := point{side * 55, 5, z}
		size := 13 + 15*rng.Float64()
		for step := 0; step < 40 && b.inLung(p) > -0.42*size; step++ {
			p = p.to(middle, 0.04)
		}
		if b.inLung(p) > -4 {
			continue
		}
		out = append(out, lesion{
			centre: p,
			axes:   point{size * (0.9 + 0.5*rng.Float64()), size * (0.7 + 0.3*rng.Float64()), size * (0.9 + 0.7*rng.Float64())},
			glass:  -640 + 220*rng.Float64(),
			solid:  math.Max(0, 1.1*rng.Float64()-0.35),
			seed:   lattice(rng.Uint64()),
		})
	}
	return out
}

// apply changes the Hounsfield units of lung at p where the lesion is.
func (l *lesion) apply(hu float64, p point, b *body) float64 {
	q := p.minus(l.centre)
	d := point{q.x / l.axes.x, q.y / l.axes.y, q.z / l.axes.z}
	k := d.length()
	if k > 1.6 {
		return hu
	}
	// Frayed: the border runs in and out, coarsely and finely.
	k += 0.38*l.seed.fractal(p, 17, 3) + 0.1*l.seed.at(p.x/4, p.y/4, p.z/8)
	cover := step(1.08, 0.6, k)
	if cover == 0 {
		return hu
	}
	glass := l.glass + 60*l.seed.fractal(p, 8, 2)
	// Fine lines: thickened septa, a net of edges of noise.
	net := math.Abs(l.seed.at(p.x/7.5+31, p.y/7.5, p.z/11))
	glass += 170 * step(0.11, 0.02, net)
	if l.solid > 0 {
		core := step(0.62, 0.3, k/math.Sqrt(l.solid)+0.3*l.seed.fractal(p, 9, 2))
		glass = mix(glass, -40+50*l.seed.at(p.x/5, p.y/5, p.z/7), core)
	}
	return math.Max(hu, mix(hu, glass, cover))
}
