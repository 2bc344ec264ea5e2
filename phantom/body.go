package phantom

import "math"

// lungHeight is the length in mm from the lowest recess to the apex of the lungs.
const lungHeight = 245.0

// Sizes of body and chest by height (1 is the apex of the lungs), half axes in mm.
var (
	bodyWide   = curve{{-0.2, 158}, {0.1, 163}, {0.4, 170}, {0.7, 176}, {0.9, 178}, {1.0, 168}, {1.15, 128}, {1.3, 70}}
	bodyDeep   = curve{{-0.2, 112}, {0.1, 115}, {0.4, 115}, {0.7, 108}, {0.9, 97}, {1.0, 88}, {1.15, 74}, {1.3, 62}}
	chestWide  = curve{{-0.2, 136}, {0.1, 138}, {0.4, 137}, {0.6, 130}, {0.8, 110}, {0.95, 82}, {1.08, 56}}
	chestDeep  = curve{{-0.2, 88}, {0.1, 91}, {0.4, 92}, {0.6, 88}, {0.8, 76}, {0.95, 56}, {1.08, 40}}
	chestFront = curve{{-0.2, -8}, {0.5, -9}, {0.8, -4}, {1.0, 4}} // y of the middle of the chest
)

// Hounsfield units of tissues, without contrast agent.
const (
	huAir       = -1000.0
	huFat       = -102.0
	huSkin      = 15.0
	huMuscle    = 54.0
	huBlood     = 40.0
	huLiver     = 58.0
	huSpleen    = 48.0
	huCartilage = 105.0
	huSpongy    = 190.0
	huCortex    = 620.0
	huCord      = 28.0
)

// body is the anatomy without lesions.
type body struct {
	seed    lattice
	vessels []tube // great vessels and their branches to the neck
	hila    []tube // pulmonary arteries: soft, and lung reaches close to them
	airways []tube // lumen of trachea and bronchi
	gullet  tube
	bones   []tube // clavicles
}

func newBody(seed uint64) *body {
	t := func(r float64, at ...point) tube {
		radius := make([]float64, len(at))
		for i := range radius {
			radius[i] = r
		}
		return tube{at, radius}
	}
	b := &body{seed: lattice(seed)}
	arch := tube{
		at: []point{{-8, -32, 105}, {-14, -33, 140}, {-10, -22, 164}, {4, -2, 174},
			{18, 22, 171}, {25, 42, 155}, {26, 50, 110}, {20, 50, 40}, {14, 46, -60}},
		radius: []float64{15, 16, 15, 13.5, 13, 12.5, 12, 11.5, 11}}
	b.vessels = []tube{
		arch,
		t(9, point{-26, -22, 85}, point{-29, -20, 140}, point{-29, -16, 198}),                      // upper caval vein
		t(12, point{-20, 2, 60}, point{-24, 6, 20}, point{-26, 8, -60}),                            // lower caval vein
		t(6, point{-6, -14, 176}, point{-18, -8, 205}, point{-26, -4, 260}, point{-27, -4, 330}),   // brachiocephalic, right carotid
		t(4.5, point{4, -4, 178}, point{12, -2, 210}, point{24, -4, 262}, point{25, -4, 330}),      // left carotid
		t(5, point{14, 12, 176}, point{22, 10, 210}, point{34, 4, 240}, point{70, -6, 258}),        // left subclavian
		t(5, point{-22, -6, 222}, point{-40, 0, 242}, point{-76, -8, 258}),                         // right subclavian
		t(7, point{-29, -18, 196}, point{-34, -16, 235}, point{-36, -10, 330}),                     // right brachiocephalic vein
		t(6.5, point{-27, -22, 192}, point{0, -30, 200}, point{28, -20, 226}, point{36, -10, 330}), // left brachiocephalic vein
	}
	b.hila = []tube{
		{at: []point{{14, -38, 108}, {13, -32, 136}, {10, -18, 146}}, radius: []float64{14, 13, 12}},
		{at: []point{{10, -16, 143}, {-18, -4, 139}, {-42, 2, 134}, {-52, 8, 112}}, radius: []float64{11, 10, 9, 6}},
		{at: []point{{12, -16, 147}, {32, 2, 146}, {46, 14, 138}, {52, 20, 112}}, radius: []float64{11, 10, 9, 6}},
		{at: []point{{-18, 6, 104}, {-44, 8, 108}}, radius: []float64{9, 6}}, // pulmonary veins
		{at: []point{{14, 8, 104}, {44, 14, 110}}, radius: []float64{9, 6}},
	}
	b.airways = []tube{
		{at: []point{{0, -2, 340}, {1, 4, 230}, {2, 10, 158}}, radius: []float64{9, 9, 8.5}},
		{at: []point{{2, 10, 156}, {-20, 13, 142}, {-34, 15, 133}, {-44, 20, 100}}, radius: []float64{7.5, 7, 6, 4.5}},
		{at: []point{{2, 10, 156}, {24, 15, 142}, {42, 20, 130}, {50, 26, 102}}, radius: []float64{7, 6.5, 5.5, 4.5}},
		{at: []point{{-24, 13, 140}, {-44, 8, 148}, {-58, 6, 158}}, radius: []float64{5.5, 4, 3}},
		{at: []point{{42, 20, 131}, {56, 8, 140}, {64, -2, 150}}, radius: []float64{5, 4, 3}},
	}
	b.gullet = tube{at: []point{{3, 24, 340}, {4, 27, 170}, {8, 34, 90}, {14, 28, 20}, {30, 10, -20}}, radius: []float64{6, 6, 6.5, 6.5, 7}}
	for _, side := range []float64{-1, 1} {
		b.bones = append(b.bones, t(6, point{side * 16, -70, 226}, point{side * 60, -62, 246}, point{side * 112, -34, 262}))
	}
	return b
}

// spine is the middle of the vertebral bodies.
func spine(z float64) (x, y float64) {
	u := z / lungHeight
	return 0, chestFront.at(u) + chestDeep.at(u) - 20
}

// dome is the height of the diaphragm above (x, y).
func dome(x, y float64) float64 {
	one := func(cx, cy, ax, ay, top float64) float64 {
		q := (x-cx)*(x-cx)/(ax*ax) + (y-cy)*(y-cy)/(ay*ay)
		return top - 62*math.Pow(q, 1.15)
	}
	right := one(-68, -14, 76, 84, 66)
	left := one(72, -12, 72, 82, 54)
	middle := one(12, -30, 60, 70, 38)
	return -smoothMin(-math.Max(right, middle), -left, 10)
}

// chestWall is the distance from the inner surface of the chest, negative inside.
func chestWall(p point) float64 {
	u := p.z / lungHeight
	return superellipse(p.x, p.y-chestFront.at(u), chestWide.at(u), chestDeep.at(u), 2.35)
}

// outline is the distance from the skin, negative inside.
func (b *body) outline(p point) float64 {
	u := p.z / lungHeight
	a := math.Atan2(p.y, p.x)
	bump := 3*math.Sin(2*a+0.7) + 2.5*math.Cos(4*a) + 4*b.seed.at(2*math.Cos(a)+7, 2*math.Sin(a)+7, u*3)
	// A shallow furrow over the spine.
	furrow := 6 * math.Exp(-p.x*p.x/250) * step(30, 90, p.y)
	return superellipse(p.x, p.y, bodyWide.at(u), bodyDeep.at(u), 2.25) + bump*0.7 + furrow
}

// fatThickness is that of the fat under the skin in mm.
func (b *body) fatThickness(p point) float64 {
	a := math.Atan2(p.y, p.x)
	u := p.z / lungHeight
	front := step(0.3, -1, math.Sin(a)) * math.Abs(math.Cos(a)) // over the breast muscles
	return 9 + 9*front*step(1.0, 0.5, u) + 5*b.seed.at(1.5*math.Cos(a), 1.5*math.Sin(a), u*2+3) + 3*math.Abs(math.Cos(a))
}

// mediastinum is the distance from what lies between the lungs, a layer of fat
// included, negative inside.
func (b *body) mediastinum(p point, l *nearby) float64 {
	u := p.z / lungHeight
	sx, sy := spine(p.z)
	d := ellipse(p.x-sx, p.y-sy-6, 23, 24)
	// A plate from the breast bone to the spine, wide at the apex and over the heart.
	thin := mix(4, 11, step(-70, -10, p.y)) + 18*step(0.72, 1.05, u)
	d = smoothMin(d, math.Abs(p.x-5*step(-20, -80, p.y))-thin, 14)
	d = smoothMin(d, heart(p)-5, 10)
	for _, t := range l.vessels {
		d = smoothMin(d, t.distance(p)-4, 8)
	}
	for _, t := range l.hila {
		d = smoothMin(d, t.distance(p)-1.5, 5)
	}
	for _, t := range l.airways {
		d = smoothMin(d, t.distance(p)-2.5, 4)
	}
	return d
}

// heart is the distance from the heart, negative inside.
func heart(p point) float64 {
	const turn = 0.72 // its axis points to the left and to the front
	d := p.minus(point{14, -34, 74})
	c, s := math.Cos(turn), math.Sin(turn)
	q := point{c*d.x - s*d.y, s*d.x + c*d.y, d.z - 0.15*d.x}
	return ellipsoid(q, point{}, point{62, 45, 50})
}

// inLung is the distance from the surface of the lungs anywhere, negative inside.
func (b *body) inLung(p point) float64 {
	l := b.nearby(p.z)
	return b.lung(p, chestWall(p), &l)
}

// lung is the distance from the surface of the lungs, negative inside, at the
// distance wall from the wall of the chest and with the tubes nearby.
func (b *body) lung(p point, wall float64, l *nearby) float64 {
	d := wall + 3
	if d > 3 {
		return d
	}
	// Above: each lung ends in a cap of its own.
	side := math.Copysign(1, p.x)
	cap := ellipsoid(p, point{side * 56, 12, 120}, point{86, 105, lungHeight - 120})
	if p.z > 120 {
		d = -smoothMin(-d, -cap, 12)
	}
	if p.z < 90 {
		d = -smoothMin(-d, -(dome(p.x, p.y)-p.z)*0.75, 6)
	}
	return -smoothMin(-d, b.mediastinum(p, l), 5)
}
