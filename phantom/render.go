package phantom

import (
	"math"
	"math/rand/v2"
)

// matrix is the usual number of rows and columns, fieldOfView what they cover in mm.
const (
	matrix      = 512
	fieldOfView = 390.0
)

// grid is the pixels of the slices, which are square, in the usual orientation.
type grid struct {
	rows, columns int
	pixel         float64 // mm
}

// position is the middle of a pixel in the patient.
func (g grid) position(r, c int, z float64) point {
	return point{(float64(c) - float64(g.columns-1)/2) * g.pixel, (float64(r)-float64(g.rows-1)/2)*g.pixel + 8, z}
}

// pixelAt is the column and row of a place, rounded down.
func (g grid) pixelAt(x, y float64) (c, r int) {
	return int(math.Floor(x/g.pixel + float64(g.columns-1)/2)), int(math.Floor((y-8)/g.pixel + float64(g.rows-1)/2))
}

// picture is a slice under work.
type picture struct {
	grid
	hu, lung []float32
}

// render draws the slice at z, of the given thickness, in Hounsfield units.
func (m *model) render(g grid, z, thickness float64, rng *rand.Rand) []int16 {
	l := m.body.layer(z)
	n := g.rows * g.columns
	pic := picture{grid: g, hu: make([]float32, n), lung: make([]float32, n)}
	for r := range g.rows {
		for c := range g.columns {
			p := g.position(r, c, z)
			hu, lung := m.body.tissue(p, l)
			i := r*g.columns + c
			pic.lung[i] = float32(lung)
			if lung > 0 {
				hu = mix(hu, m.parenchyma(p), lung)
			}
			pic.hu[i] = float32(hu)
		}
	}
	m.drawBranches(&pic, z, thickness)
	hu := blur(pic.hu, g, 0.55)
	noise := scannerNoise(rng, g)
	out := make([]int16, len(hu))
	whole := float64(max(g.rows, g.columns)-1) / 2
	for i := range out {
		r, c := float64(i/g.columns)-float64(g.rows-1)/2, float64(i%g.columns)-float64(g.columns-1)/2
		radius := math.Hypot(r, c) / whole
		if radius > 1 {
			out[i] = airOutside // beyond the field of view
			continue
		}
		// Noise grows to the middle of the body, where fewer photons come through.
		deviation := 9.0
		if hu[i] > -960 || pic.lung[i] > 0 {
			deviation = 24 - 9*radius
		}
		v := math.Round(float64(hu[i]) + deviation*float64(noise[i]))
		out[i] = int16(math.Min(math.Max(v, airOutside), 3071))
	}
	return out
}

// airOutside is what lies beyond the round field of view, and the least value.
const airOutside = -1024

// parenchyma is the lung between the vessels: denser to the back, where the
// patient lies on it, and mottled.
func (m *model) parenchyma(p point) float64 {
	hu := -868 + 46*step(-60, 75, p.y) + 12*m.body.seed.fractal(p, 22, 2) + 10*m.body.seed.at(p.x/3, p.y/3, p.z/6)
	for i := range m.lesions {
		hu = m.lesions[i].apply(hu, p, m.body)
	}
	return hu
}

// drawBranches adds the vessels and bronchi of the lung, averaged over the
// thickness of the slice.
func (m *model) drawBranches(pic *picture, z, thickness float64) {
	const planes = 5
	vessel := make([]float32, len(pic.hu))
	lumen := make([]float32, len(pic.hu))
	var touched []int
	for k := range planes {
		zk := z + thickness*((float64(k)+0.5)/planes-0.5)
		for i := range m.branches {
			b := &m.branches[i]
			if reach := math.Max(b.ra, b.rb) + 2; math.Max(b.a.z, b.b.z)+reach < zk || math.Min(b.a.z, b.b.z)-reach > zk {
				continue
			}
			touched = pic.addTube(vessel, touched, zk, b.a, b.b, b.ra, b.rb, 1.0/planes)
			if b.airway {
				// The bronchus beside the artery: a wall, and air in it.
				off := bronchusOffset(b)
				a, e := b.a.plus(off), b.b.plus(off)
				touched = pic.addTube(vessel, touched, zk, a, e, 0.95*b.ra, 0.95*b.rb, 0.55/planes)
				touched = pic.addTube(lumen, touched, zk, a, e, 0.72*b.ra, 0.72*b.rb, 1.0/planes)
			}
		}
	}
	for _, i := range touched {
		if v := vessel[i]; v > 0 {
			share := min(v, 1) * pic.lung[i]
			pic.hu[i] += (max(pic.hu[i], huBlood) - pic.hu[i]) * share
			vessel[i] = 0
		}
		if v := lumen[i]; v > 0 {
			pic.hu[i] += (-960 - pic.hu[i]) * min(v, 1) * pic.lung[i]
			lumen[i] = 0
		}
	}
}

// bronchusOffset is the way from an artery to its bronchus: across its direction,
// towards the middle.
func bronchusOffset(b *branch) point {
	d := b.b.minus(b.a)
	side := point{-d.y, d.x, 0}
	if l := side.length(); l > 0.1 {
		side = side.times(1 / l)
	} else {
		side = point{1, 0, 0}
	}
	if side.x*b.a.x > 0 {
		side = side.times(-1)
	}
	return side.times(1.9 * math.Max(b.ra, b.rb))
}

// addTube adds weight to the pixels of the plane at z that a piece of tube covers.
func (g grid) addTube(to []float32, touched []int, z float64, a, b point, ra, rb, weight float64) []int {
	reach := math.Max(ra, rb) + g.pixel
	// Only the part of the piece near the plane.
	t0, t1 := 0.0, 1.0
	if dz := b.z - a.z; math.Abs(dz) > 1e-9 {
		u, v := (z-reach-a.z)/dz, (z+reach-a.z)/dz
		t0, t1 = math.Max(0, math.Min(u, v)), math.Min(1, math.Max(u, v))
	} else if math.Abs(a.z-z) > reach {
		return touched
	}
	if t0 > t1 {
		return touched
	}
	p, q := a.to(b, t0), a.to(b, t1)
	c0, r0 := g.pixelAt(math.Min(p.x, q.x)-reach, math.Min(p.y, q.y)-reach)
	c1, r1 := g.pixelAt(math.Max(p.x, q.x)+reach, math.Max(p.y, q.y)+reach)
	for r := max(r0, 0); r <= min(r1+1, g.rows-1); r++ {
		for c := max(c0, 0); c <= min(c1+1, g.columns-1); c++ {
			if share := inside(capsule(g.position(r, c, z), a, b, ra, rb), g.pixel); share > 0 {
				to[r*g.columns+c] += float32(share * weight)
				touched = append(touched, r*g.columns+c)
			}
		}
	}
	return touched
}
