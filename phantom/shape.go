package phantom

import "math"

// point is a place in the patient, mm.
type point struct{ x, y, z float64 }

func (p point) minus(q point) point         { return point{p.x - q.x, p.y - q.y, p.z - q.z} }
func (p point) plus(q point) point          { return point{p.x + q.x, p.y + q.y, p.z + q.z} }
func (p point) times(f float64) point       { return point{p.x * f, p.y * f, p.z * f} }
func (p point) dot(q point) float64         { return p.x*q.x + p.y*q.y + p.z*q.z }
func (p point) length() float64             { return math.Sqrt(p.dot(p)) }
func (p point) to(q point, t float64) point { return p.plus(q.minus(p).times(t)) }
func (p point) distance(q point) float64    { return p.minus(q).length() }

// inside is the share of a pixel that lies inside a surface at distance d (mm,
// negative inside), for an edge that is soft over width mm.
func inside(d, width float64) float64 {
	return math.Min(math.Max(0.5-d/width, 0), 1)
}

// edge is the softness of surfaces in mm: partial volume of a pixel.
const edge = 1.4

// ellipse is the distance (about) of (x, y) from an ellipse around the origin.
func ellipse(x, y, a, b float64) float64 {
	k := math.Sqrt(x*x/(a*a) + y*y/(b*b))
	if k < 1e-6 {
		return -math.Min(a, b)
	}
	g := math.Sqrt(x*x/(a*a*a*a)+y*y/(b*b*b*b)) / k
	return (k - 1) / g
}

// superellipse is the distance (about) from a rounded box around the origin.
func superellipse(x, y, a, b, n float64) float64 {
	x, y = math.Abs(x)/a, math.Abs(y)/b
	k := math.Pow(math.Pow(x, n)+math.Pow(y, n), 1/n)
	if k < 1e-6 {
		return -math.Min(a, b)
	}
	// Along the ray from the centre, corrected for its slant.
	r := math.Hypot(x*a, y*b)
	return (k - 1) / k * r * 0.93
}

// ellipsoid is the distance (about) of p from an ellipsoid around c.
func ellipsoid(p, c, axes point) float64 {
	d := p.minus(c)
	q := point{d.x / axes.x, d.y / axes.y, d.z / axes.z}
	k := q.length()
	if k < 1e-6 {
		return -math.Min(axes.x, math.Min(axes.y, axes.z))
	}
	g := point{q.x / axes.x, q.y / axes.y, q.z / axes.z}.length() / k
	return (k - 1) / g
}

// smoothMin joins two surfaces with a fillet of about k mm.
func smoothMin(a, b, k float64) float64 {
	h := math.Max(k-math.Abs(a-b), 0) / k
	return math.Min(a, b) - h*h*k/4
}

// tube is a chain of straight pieces with a radius at each corner.
type tube struct {
	at     []point
	radius []float64
}

// distance is that of p from the wall of the tube, negative inside.
func (t *tube) distance(p point) float64 {
	best := math.Inf(1)
	for i := 1; i < len(t.at); i++ {
		best = math.Min(best, capsule(p, t.at[i-1], t.at[i], t.radius[i-1], t.radius[i]))
	}
	return best
}

// span is the stretch of z that the tube, grown by margin, lies in.
func (t *tube) span(margin float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for i, p := range t.at {
		lo, hi = math.Min(lo, p.z-t.radius[i]-margin), math.Max(hi, p.z+t.radius[i]+margin)
	}
	return lo, hi
}

// capsule is the distance of p from a piece of tube from a to b.
func capsule(p, a, b point, ra, rb float64) float64 {
	ab := b.minus(a)
	t := math.Min(math.Max(p.minus(a).dot(ab)/ab.dot(ab), 0), 1)
	return p.distance(a.to(b, t)) - mix(ra, rb, t)
}

// curve is a function of one variable through given points, straight between them
// and level beyond.
type curve [][2]float64

func (c curve) at(x float64) float64 {
	if x <= c[0][0] {
		return c[0][1]
	}
	for i := 1; i < len(c); i++ {
		if x <= c[i][0] {
			return mix(c[i-1][1], c[i][1], fade((x-c[i-1][0])/(c[i][0]-c[i-1][0])))
		}
	}
	return c[len(c)-1][1]
}
