package phantom

import (
	"math"
	"math/rand/v2"
)

// size of the slices in pixels, and the field of view in mm.
const (
	matrix      = 512
	fieldOfView = 390.0
	pixel       = fieldOfView / matrix
)

// position is the middle of a pixel in the patient.
func position(r, c int, z float64) point {
	return point{(float64(c) - (matrix-1)/2.0) * pixel, (float64(r)-(matrix-1)/2.0)*pixel + 8, z}
}

// picture is a slice under work.
type picture struct {
	hu, lung []float32
}

// render draws the slice at z, of the given thickness, in Hounsfield units.
func (m *model) render(z, thickness float64, rng *rand.Rand) []int16 {
	l := m.body.layer(z)
	pic := picture{hu: make([]float32, matrix*matrix), lung: make([]float32, matrix*matrix)}
	for r := range matrix {
		for c := range matrix {
			p := position(r, c, z)
			hu, lung := m.body.tissue(p, l)
			i := r*matrix + c
			pic.lung[i] = float32(lung)
			if lung > 0 {
				hu = mix(hu, m.parenchyma(p), lung)
			}
			pic.hu[i] = float32(hu)
		}
	}
	m.drawBranches(&pic, z, thickness)
	hu := blur(pic.hu, matrix, 0.55)
	noise := scannerNoise(rng, matrix)
	out := make([]int16, len(hu))
	centre := float64(matrix-1) / 2
	for i := range out {
		r, c := float64(i/matrix)-centre, float64(i%matrix)-centre
		radius := math.Hypot(r, c) / centre
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
	vessel := make([]float32, matrix*matrix)
	lumen := make([]float32, matrix*matrix)
	var touched []int
	for k := range planes {
		zk := z + thickness*((float64(k)+0.5)/planes-0.5)
		for i := range m.branches {
			b := &m.branches[i]
			if reach := math.Max(b.ra, b.rb) + 2; math.Max(b.a.z, b.b.z)+reach < zk || math.Min(b.a.z, b.b.z)-reach > zk {
				continue
			}
			touched = addTube(vessel, touched, zk, b.a, b.b, b.ra, b.rb, 1.0/planes)
			if b.airway {
				// The bronchus beside the artery: a wall, and air in it.
				off := bronchusOffset(b)
				a, e := b.a.plus(off), b.b.plus(off)
				touched = addTube(vessel, touched, zk, a, e, 0.95*b.ra, 0.95*b.rb, 0.55/planes)
				touched = addTube(lumen, touched, zk, a, e, 0.72*b.ra, 0.72*b.rb, 1.0/planes)
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
func addTube(to []float32, touched []int, z float64, a, b point, ra, rb, weight float64) []int {
	reach := math.Max(ra, rb) + pixel
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
	c0, r0 := pixelAt(math.Min(p.x, q.x)-reach, math.Min(p.y, q.y)-reach)
	c1, r1 := pixelAt(math.Max(p.x, q.x)+reach, math.Max(p.y, q.y)+reach)
	for r := max(r0, 0); r <= min(r1+1, matrix-1); r++ {
		for c := max(c0, 0); c <= min(c1+1, matrix-1); c++ {
			if share := inside(capsule(position(r, c, z), a, b, ra, rb), pixel); share > 0 {
				to[r*matrix+c] += float32(share * weight)
				touched = append(touched, r*matrix+c)
			}
		}
	}
	return touched
}

// pixelAt is the column and row of a place, rounded down.
func pixelAt(x, y float64) (c, r int) {
	return int(math.Floor(x/pixel + (matrix-1)/2.0)), int(math.Floor((y-8)/pixel + (matrix-1)/2.0))
}
