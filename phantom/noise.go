package phantom

import (
	"math"
	"math/rand/v2"
)

// lattice is smooth noise in space: random values at whole numbers, between them
// interpolated. It has no state but its seed.
type lattice uint64

// value is the noise at a lattice point, -1..1.
func (l lattice) value(x, y, z int32) float64 {
	h := uint64(l) ^ uint64(uint32(x))*0x9E3779B97F4A7C15 ^ uint64(uint32(y))*0xC2B2AE3D27D4EB4F ^ uint64(uint32(z))*0x165667B19E3779F9
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 32
	h *= 0x94D049BB133111EB
	h ^= h >> 29
	return float64(int64(h))/math.MaxInt64*0.5 + float64(int32(h))/math.MaxInt32*0.5
}

// at is the noise at a point in units of the lattice, about -1..1.
func (l lattice) at(x, y, z float64) float64 {
	fx, fy, fz := math.Floor(x), math.Floor(y), math.Floor(z)
	ix, iy, iz := int32(fx), int32(fy), int32(fz)
	u, v, w := fade(x-fx), fade(y-fy), fade(z-fz)
	plane := func(iz int32) float64 {
		a := mix(l.value(ix, iy, iz), l.value(ix+1, iy, iz), u)
		b := mix(l.value(ix, iy+1, iz), l.value(ix+1, iy+1, iz), u)
		return mix(a, b, v)
	}
	return mix(plane(iz), plane(iz+1), w)
}

// fractal sums octaves of noise whose coarsest has the given size in mm.
func (l lattice) fractal(p point, size float64, octaves int) float64 {
	sum, weight, total := 0.0, 1.0, 0.0
	for o := range octaves {
		sum += weight * lattice(uint64(l)+uint64(o)*7919).at(p.x/size, p.y/size, p.z/size)
		total += weight
		weight /= 2
		size /= 2
	}
	return sum / total
}

func fade(t float64) float64 { return t * t * (3 - 2*t) }

func mix(a, b, t float64) float64 { return a + (b-a)*t }

// step rises smoothly from 0 at a to 1 at b; a may be larger than b.
func step(a, b, v float64) float64 {
	return fade(math.Min(math.Max((v-a)/(b-a), 0), 1))
}

// scannerNoise is a field of noise with the grain of a reconstruction kernel,
// mean 0 and deviation 1: white noise, band-limited by the difference of two blurs.
func scannerNoise(rng *rand.Rand, g grid) []float32 {
	white := make([]float32, g.rows*g.columns)
	for i := range white {
		white[i] = float32(rng.NormFloat64())
	}
	fine, coarse := blur(white, g, 0.75), blur(white, g, 2.2)
	var sum float64
	for i := range fine {
		fine[i] -= 0.6 * coarse[i]
		sum += float64(fine[i]) * float64(fine[i])
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(fine))))
	for i := range fine {
		fine[i] *= scale
	}
	return fine
}

// blur is a Gaussian blur by sigma pixels; the border of the picture is repeated.
func blur(in []float32, g grid, sigma float64) []float32 {
	reach := int(math.Ceil(3 * sigma))
	kernel := make([]float32, 2*reach+1)
	var sum float32
	for i := range kernel {
		d := float64(i - reach)
		kernel[i] = float32(math.Exp(-d * d / (2 * sigma * sigma)))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	across := make([]float32, len(in))
	line := make([]float32, g.columns+2*reach)
	for r := range g.rows {
		row := in[r*g.columns : (r+1)*g.columns]
		for i := range line {
			line[i] = row[min(max(i-reach, 0), g.columns-1)]
		}
		for c := range g.columns {
			var v float32
			for k, w := range kernel {
				v += w * line[c+k]
			}
			across[r*g.columns+c] = v
		}
	}
	out := make([]float32, len(in))
	for r := range g.rows {
		to := out[r*g.columns : (r+1)*g.columns]
		for k, w := range kernel {
			from := across[min(max(r+k-reach, 0), g.rows-1)*g.columns:]
			for c := range to {
				to[c] += w * from[c]
			}
		}
	}
	return out
}
