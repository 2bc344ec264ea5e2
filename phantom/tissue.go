package phantom

import "math"

// nearby are the tubes that reach a height.
type nearby struct {
	vessels, hila, airways, gullets, bones []*tube
}

// layer is what one slice needs to know of the body.
type layer struct {
	nearby
	ribs []rib

	skin, wall ring // surfaces by angle, since they are asked for at every pixel
	fat        ring // thickness by angle
	front      float64
}

// ring is a function of the angle around a centre, as a table.
type ring [1024]float64

// fill sets the table from a function of the direction.
func (r *ring) fill(f func(cos, sin float64) float64) {
	for i := range r {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(len(r)))
		r[i] = f(c, s)
	}
}

// at is the value at an angle, straight between the entries of the table.
func (r *ring) at(angle float64) float64 {
	t := angle / (2 * math.Pi) * float64(len(r))
	f := math.Floor(t)
	i := (int(f) + len(r)) % len(r)
	return mix(r[i], r[(i+1)%len(r)], t-f)
}

// reach is the way along a direction from the inside of a surface to the surface.
func reach(distance func(r float64) float64) float64 {
	lo, hi := 0.0, 400.0
	for range 24 {
		if mid := (lo + hi) / 2; distance(mid) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// rib is one of twelve pairs: it falls from the spine to the front.
type rib struct {
	back   float64 // z at the spine
	fall   float64 // mm from the spine to the front
	bony   float64 // share of the way round that is bone, cartilage beyond
	ending float64 // share of the way round where it ends
}

func (b *body) nearby(z float64) nearby {
	pick := func(tubes []tube, margin float64) []*tube {
		var out []*tube
		for i := range tubes {
			if lo, hi := tubes[i].span(margin); z >= lo && z <= hi {
				out = append(out, &tubes[i])
			}
		}
		return out
	}
	return nearby{pick(b.vessels, 20), pick(b.hila, 12), pick(b.airways, 12), pick([]tube{b.gullet}, 3), pick(b.bones, 3)}
}

func (b *body) layer(z float64) *layer {
	l := &layer{nearby: b.nearby(z), front: chestFront.at(z / lungHeight)}
	l.skin.fill(func(c, s float64) float64 {
		return reach(func(r float64) float64 { return b.outline(point{r * c, r * s, z}) })
	})
	l.wall.fill(func(c, s float64) float64 {
		return reach(func(r float64) float64 { return chestWall(point{r * c, l.front + r*s, z}) })
	})
	l.fat.fill(func(c, s float64) float64 { return b.fatThickness(point{c, s, z}) })
	for k := range 12 {
		r := rib{back: 252 - 24.5*float64(k), fall: mix(46, 118, step(0, 5, float64(k))), bony: 0.74, ending: 0.95}
		if k >= 7 {
			r.bony = 0.66
		}
		if k >= 10 {
			r.bony, r.ending = 0.42, 0.42
		}
		if z <= r.back+10 && z >= r.back-r.fall-10 {
			l.ribs = append(l.ribs, r)
		}
	}
	return l
}

// paint lays tissue over what was there, as far as the surface at distance d
// reaches.
func paint(hu *float64, d, tissue float64) {
	if d < edge/2 {
		*hu = mix(*hu, tissue, inside(d, edge))
	}
}

// tissue returns the Hounsfield units at a place without what is inside the
// lungs, and the share of the pixel that is lung.
func (b *body) tissue(p point, l *layer) (hu, lung float64) {
	hu = b.table(p)
	angle := math.Atan2(p.y, p.x)
	skin := 0.95 * (math.Hypot(p.x, p.y) - l.skin.at(angle))
	if skin > edge {
		return hu, 0
	}
	grain := b.seed.at(p.x/9, p.y/9, p.z/9)
	paint(&hu, skin, huSkin)
	paint(&hu, skin+1.8, huFat+9*grain)
	y := p.y - l.front
	wall := 0.95 * (math.Hypot(p.x, y) - l.wall.at(math.Atan2(y, p.x)))
	b.paintMuscle(&hu, p, skin+l.fat.at(angle), wall, grain)
	b.paintChestWall(&hu, p, wall, l, grain)
	if wall < 4 {
		paint(&hu, wall+1, huFat+10*grain)
		b.paintAbdomen(&hu, p, wall, grain)
		b.paintMediastinum(&hu, p, l, grain)
		lung = inside(b.lung(p, wall, &l.nearby), edge)
		if p.z > 0.98*lungHeight {
			b.paintNeck(&hu, p, wall, grain)
		}
	}
	b.paintSpine(&hu, p, grain)
	for _, t := range l.bones {
		d := t.distance(p)
		paint(&hu, d, huCortex)
		paint(&hu, d+2, huSpongy)
	}
	for _, t := range l.airways {
		if d := t.distance(p); d < 3 {
			paint(&hu, d-1.3, 25)
			if d < edge/2 {
				in := inside(d, edge)
				hu = mix(hu, huAir+8, in)
				lung *= 1 - in
			}
			lung *= 1 - inside(d-1.3, edge)
		}
	}
	return hu, lung
}

// table is the air around the patient and the table below.
func (b *body) table(p point) float64 {
	hu := huAir
	top := 121 - 46*p.x*p.x/(210*210)
	if d := p.y - top; d > -2 && d < 34 && math.Abs(p.x) < 205 {
		paint(&hu, math.Abs(d-1)-1, -420)
		if d > 2 {
			bottom := 22 - 12*p.x*p.x/(210*210)
			if d < bottom {
				hu = -965
			}
			paint(&hu, math.Abs(d-bottom)-1.2, -160)
		}
	}
	return hu
}

// paintMuscle fills the wall of the trunk outside the ribs.
// d is the distance from its surface below the fat.
func (b *body) paintMuscle(hu *float64, p point, d, wall, grain float64) {
	if d > edge || wall < -edge {
		return
	}
	paint(hu, d, huMuscle+7*grain)
	if wall < 6 {
		return
	}
	// Planes of fat lie between the muscles, along the wall of the chest, and thin
	// streaks of it within them.
	warp := 6 * b.seed.at(p.x/40, p.y/40, p.z/50)
	plane := math.Abs(math.Mod(wall+warp+2, 16) - 8)
	broken := step(-0.25, 0.3, b.seed.at(p.x/28+9, p.y/28, p.z/40))
	*hu = mix(*hu, huFat+12, 0.85*broken*inside(plane-0.9, 2)*inside(d+2, 3))
	streak := math.Abs(b.seed.at(p.x/12, p.y/7, p.z/30+5))
	*hu = mix(*hu, huFat+50, 0.5*step(0.05, 0.01, streak)*inside(d+2, 3))
}

// paintChestWall paints ribs, cartilage, breast bone and shoulder blades.
func (b *body) paintChestWall(hu *float64, p point, wall float64, l *layer, grain float64) {
	if wall < -4 || wall > 42 {
		return
	}
	u := p.z / lungHeight
	y := p.y - l.front
	round := math.Atan2(math.Abs(p.x), y) / math.Pi // 0 at the spine, 1 in front
	for _, r := range l.ribs {
		if round > r.ending || wall > 16 {
			continue
		}
		z := r.back - r.fall*math.Pow(round, 1.15)
		dz := (p.z - z) / 1.35 // higher than thick
		d := math.Hypot(wall-5.5, dz) - 3.9
		if d > 2 {
			continue
		}
		if round < r.bony {
			paint(hu, d, huCortex-110*math.Abs(grain))
			paint(hu, d+1.7, huSpongy+60*grain)
		} else {
			paint(hu, d, huCartilage+25*grain)
			paint(hu, math.Abs(d+0.8)-0.6, huCartilage+90*step(0, 0.6, grain))
		}
	}
	if front := chestFront.at(u) - chestDeep.at(u); u > 0.32 && u < 0.93 {
		wide := mix(13, 27, step(0.74, 0.88, u))
		d := superellipse(p.x, p.y-front+5, wide, 6, 3)
		paint(hu, d, huCortex-220)
		paint(hu, d+1.6, huSpongy-60+40*grain)
	}
	// Shoulder blades: thin plates outside the ribs, at the back and side.
	if u > 0.42 && u < 1.02 {
		reach := step(0.42, 0.55, u) * 0.13
		at := 0.27 - 0.03*step(0.5, 1, u)
		off := mix(17, 24, u) + 5*math.Sin(round*30)
		along := (math.Abs(round-at) - reach) * 2.6 * chestWide.at(u)
		d := math.Max(math.Abs(wall-off)-mix(1.8, 3.2, step(0.1, 0, math.Abs(round-at)-0.09)), along)
		paint(hu, d, huCortex-150)
	}
}

// paintSpine paints vertebrae and discs, the canal and the muscles beside them.
func (b *body) paintSpine(hu *float64, p point, grain float64) {
	sx, sy := spine(p.z)
	x, y := p.x-sx, p.y-sy
	if math.Abs(x) > 62 || y < -24 || y > 62 {
		return
	}
	u := p.z / lungHeight
	size := mix(1.12, 0.82, step(0, 1.1, u))
	x, y = x/size, y/size
	for _, side := range []float64{-1, 1} { // erector muscles
		d := ellipse(x-side*24, y-34, 19, 14)
		paint(hu, d, mix(huMuscle+8*grain, huFat+40, step(0.3, 0.75, b.seed.fractal(p, 9, 2))))
	}
	level := math.Mod(p.z+500, 25.5) / 25.5
	if level < 0.2 { // disc
		paint(hu, ellipse(x, y, 19, 15), 85+10*grain)
	} else {
		d := ellipse(x, y, 19, 15)
		end := math.Min(level-0.2, 1-level) * 25.5 // towards an end plate
		paint(hu, d, mix(huCortex-150, huSpongy+20, step(0, 2.5, end)))
		paint(hu, d+2, mix(huCortex-250, huSpongy+45*grain, step(0, 2.5, end)))
	}
	// Arch and processes.
	canal := math.Hypot(x, (y-24)*1.15)
	if level > 0.3 {
		paint(hu, math.Max(math.Abs(canal-11)-2.6, -y-8), huCortex-160)
		paint(hu, math.Max(math.Abs(x)-2.6, math.Max(34-y, y-58+24*level)), huCortex-200)
		if level > 0.55 { // transverse processes
			bar := math.Abs(y-24-0.28*math.Abs(x)) - 3.6
			d := math.Max(bar, math.Max(10-math.Abs(x), math.Abs(x)-31))
			paint(hu, d, huCortex-210)
			paint(hu, d+1.5, huSpongy)
		}
	}
	paint(hu, canal-8.4, huCord)
	paint(hu, ellipse(x, y-24, 5.5, 4.2), huCord+14)
}

// paintAbdomen fills what lies below the diaphragm.
func (b *body) paintAbdomen(hu *float64, p point, wall, grain float64) {
	if p.z > 72 {
		return
	}
	below := p.z - dome(p.x, p.y) // negative below
	d := math.Max(wall+3, below)
	if d > edge {
		return
	}
	paint(hu, d, huMuscle) // the diaphragm itself
	in := d + 2.5
	switch {
	case p.x < 22:
		liver := math.Max(in, p.x-14-10*b.seed.at(p.y/40, p.z/40, 3))
		paint(hu, in, huFat+10*grain)
		paint(hu, liver, huLiver+5*grain)
		for _, t := range []tube{
			{at: []point{{-24, 20, 45}, {-60, -10, 30}, {-90, -30, 5}}, radius: []float64{5, 3.5, 2}},
			{at: []point{{-24, 20, 45}, {-70, 30, 30}, {-100, 40, 0}}, radius: []float64{5, 3.5, 2}},
		} {
			paint(hu, t.distance(p), huBlood-4)
		}
	default:
		paint(hu, in, huFat+10*grain)
		stomach := math.Max(in+3, ellipsoid(p, point{60, -26, 8}, point{44, 46, 44}))
		paint(hu, stomach, 48)
		paint(hu, stomach+4, 22+14*grain)
		if gas := math.Max(stomach+5, p.y+34); gas < edge {
			paint(hu, gas, huAir+12)
		}
		paint(hu, math.Max(in+2, ellipsoid(p, point{94, 42, 6}, point{34, 40, 44})), huSpleen+4*grain)
	}
}

// paintMediastinum paints heart, vessels and gullet.
func (b *body) paintMediastinum(hu *float64, p point, l *layer, grain float64) {
	if h := heart(p); h < 12 {
		paint(hu, h-2.5-2*grain, huMuscle-10) // pericardium
		paint(hu, h-1.5-2*grain, huFat+15)    // fat on the heart
		paint(hu, h+2*grain, huBlood+3+3*grain)
	}
	for _, t := range l.gullets {
		d := t.distance(p)
		paint(hu, d, 38)
		paint(hu, d+4.5, -250)
	}
	for _, tubes := range [][]*tube{l.vessels, l.hila} {
		for _, t := range tubes {
			paint(hu, t.distance(p), huBlood+3*grain)
		}
	}
	// Small nodes and strands in the fat.
	if n := b.seed.fractal(p, 13, 2); n > 0.5 && *hu < -60 {
		*hu = mix(*hu, 25, step(0.5, 0.62, n))
	}
}

// paintNeck fills the upper opening of the chest, above the apices.
func (b *body) paintNeck(hu *float64, p point, wall, grain float64) {
	in := step(0.98, 1.06, p.z/lungHeight)
	streak := math.Abs(b.seed.fractal(p, 17, 2))
	if *hu < -60 && wall < -3 {
		*hu = mix(*hu, mix(huFat, huMuscle+7*grain, step(0.05, 0.12, streak)), in)
	}
}
