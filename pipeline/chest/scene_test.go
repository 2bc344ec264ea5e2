package chest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// scene draws slices of 200 x 200 pixels of 2 mm, 5 mm apart, from what at says of each place in mm from the middle, with noise.
func scene(slices int, at func(x, y, z float64) float64) (Blocks, [][]int16, []float64) {
	const side, mm, step = 200, 2.0, 5.0
	rng := rand.New(rand.NewPCG(1, 1))
	b := BlocksOf(side, side, mm, mm)
	var means [][]int16
	var extents []float64
	for z := range slices {
		hu := make([]int16, side*side)
		for i := range hu {
			v := at((float64(i%side)-side/2)*mm, (float64(i/side)-side/2)*mm, float64(z)*step) + 15*rng.NormFloat64()
			hu[i] = int16(min(max(v, -1024), 3071))
		}
		means, extents = append(means, b.Means(hu)), append(extents, step)
	}
	return b, means, extents
}

func in(x, y, cx, cy, wide, high float64) bool {
	return (x-cx)*(x-cx)/(wide*wide)+(y-cy)*(y-cy)/(high*high) < 1
}

// trunk is a chest at z 0 to 200 mm: wall, mediastinum, spine, lungs of that density, a trachea; outside is what lies around it.
func trunk(lung float64, outside func(x, y, z float64) float64) func(x, y, z float64) float64 {
	return func(x, y, z float64) float64 {
		switch {
		case !in(x, y, 0, 0, 160, 110):
			return outside(x, y, z)
		case in(x, y, 0, 60, 20, 18):
			return 300 // spine
		case in(x, y, 0, 25, 9, 9):
			return -990
		case in(x, y, -70, 0, 50, 80), in(x, y, 70, 0, 50, 80):
			if math.Mod(x+400, 16) < 3 && math.Mod(y+400, 16) < 3 {
				return 30 // vessels
			}
			return lung
		case in(x, y, 0, 0, 150, 100):
			return 45
		}
		return -100
	}
}

func air(_, _, _ float64) float64 { return -1000 }

// lungBlocks is the mean number of blocks of lung in the planes of a scene.
func lungBlocks(slices int, at func(x, y, z float64) float64) float64 {
	b, means, extents := scene(slices, at)
	sum := 0
	for _, p := range Find(b, means, extents).Planes {
		sum += p.Lung
	}
	return float64(sum) / float64(slices)
}

// What lies around a patient changes nothing of the lungs.
func TestFind_WhatLiesAround(t *testing.T) {
	want := lungBlocks(8, trunk(-850, air))
	if area := want * 16; area < 18000 || area > 25000 { // of 25,100 mm2, less 6 mm all around
		t.Fatalf("%.0f mm2 of lung in a plain chest", area)
	}
	table := func(foam, shell, thick, deep float64) func(x, y, z float64) float64 {
		return func(x, y, _ float64) float64 {
			switch d := y - 108; {
			case math.Abs(x) > 190 || d < 0 || d > deep:
				return -1000
			case d < thick || d > deep-thick || math.Abs(x) > 190-thick:
				return shell
			}
			return foam
		}
	}
	for name, outside := range map[string]func(x, y, z float64) float64{
		"foam -980":           table(-980, 0, 3, 40),
		"foam -850":           table(-850, 0, 3, 40),
		"foam -500":           table(-500, 100, 3, 40),
		"foam -350":           table(-350, 0, 3, 40),
		"foam -210":           table(-210, 0, 3, 40),
		"bright hollow shell": table(-1000, 900, 5, 60),
		"thin shell":          table(-900, -300, 2, 25),
		"cradle around the sides": func(x, y, _ float64) float64 {
			switch d := math.Hypot(x/185, y/118); {
			case y < -30 || d < 1 || d > 1.25:
				return -1000
			case d < 1.02 || d > 1.22:
				return 200
			}
			return -870
		},
		"arms that touch, air between": func(x, y, _ float64) float64 {
			if in(math.Abs(x), y, 176, 30, 22, 50) {
				return 50
			}
			return -1000
		},
		"blanket of foam in front": func(x, y, _ float64) float64 {
			if y < -112 && y > -150 && math.Abs(x) < 170 {
				if y < -148 || y > -114 || math.Abs(x) > 167 {
					return 0
				}
				return -880
			}
			return -1000
		},
	} {
		if got := lungBlocks(8, trunk(-850, outside)); math.Abs(got/want-1) > 0.03 {
			t.Errorf("%s: %.0f blocks of lung, want %.0f", name, got, want)
		}
	}
}

// Lungs of any density are lungs.
func TestFind_DensityOfLungs(t *testing.T) {
	want := lungBlocks(8, trunk(-850, air))
	for _, hu := range []float64{-950, -930, -750, -650, -500, -400} {
		if got := lungBlocks(8, trunk(hu, air)); math.Abs(got/want-1) > 0.08 {
			t.Errorf("lungs of %v HU: %.0f blocks, want %.0f", hu, got, want)
		}
	}
}

// Lungs of which two thirds are solid still show what is left.
func TestFind_SolidLungs(t *testing.T) {
	solid := func(x, y, z float64) float64 {
		if v := trunk(-850, air)(x, y, z); v != -850 || y < -25 {
			return v
		}
		return 20
	}
	b, means, extents := scene(10, solid)
	for z, p := range Find(b, means, extents).Planes {
		if p.LungShare() < 0.05 {
			t.Errorf("plane %d: share %.3f", z, p.LungShare())
		}
	}
}

// Gas, stool, sinuses and foam are no lungs.
func TestFind_NoLungs(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	lumps := make([]float64, 1<<16)
	for i := range lumps {
		lumps[i] = rng.Float64()
	}
	stool := func(x, y, z float64) float64 { // lumps of 6 mm, from gas to solid
		i := (int(x+400)/6*131 + int(y+400)/6*17 + int(z)/6) & (len(lumps) - 1)
		return -950 + 1000*lumps[i]
	}
	abdomen := func(inner func(x, y, z float64) (float64, bool)) func(x, y, z float64) float64 {
		return func(x, y, z float64) float64 {
			if !in(x, y, 0, 0, 165, 115) {
				return -1000
			}
			if v, ok := inner(x, y, z); ok {
				return v
			}
			return 40
		}
	}
	head := func(x, y, z float64) float64 {
		switch {
		case !in(x, y, 0, 0, 75, 95):
			if y > 30 && in(x, y, 0, 20, 110, 120) {
				return -960 // cushion
			}
			return -1000
		case !in(x, y, 0, 0, 70, 90):
			return 30
		case !in(x, y, 0, 0, 63, 83):
			return 1100
		case z < 30 && in(math.Abs(x), y, 24, -52, 15, 18):
			return -990 // sinuses
		case z < 30 && in(math.Abs(x), y, 50, 15, 10, 14):
			return -400 + 300*math.Sin(x)*math.Sin(y) // mastoids
		}
		return 35
	}
	for name, c := range map[string]struct {
		at   func(x, y, z float64) float64
		most float64
	}{
		"stomach full of gas": {abdomen(func(x, y, _ float64) (float64, bool) { return -995, in(x, y, 60, -30, 55, 40) }), 0.01},
		"colon full of gas": {abdomen(func(x, y, _ float64) (float64, bool) {
			return -990, in(math.Abs(x), y, 110, 0, 25, 30) || in(x, y, 0, -70, 80, 20)
		}), 0.01},
		"colon full of stool": {abdomen(func(x, y, z float64) (float64, bool) {
			return stool(x, y, z), in(math.Abs(x), y, 110, 0, 25, 30)
		}), 0.02},
		"head in a cushion":   {head, 0.05},
		"solid":               {abdomen(func(_, _, _ float64) (float64, bool) { return 0, false }), 0},
		"nothing but a table": {func(_, y, _ float64) float64 { return map[bool]float64{true: -850, false: -1000}[y > 100 && y < 140] }, 0},
		"gas under the skin": {func(x, y, z float64) float64 {
			if in(x, y, 0, 0, 152, 102) || !in(x, y, 0, 0, 160, 110) || math.Abs(x) < 60 {
				return abdomen(func(_, _, _ float64) (float64, bool) { return 0, false })(x, y, z)
			}
			return -700
		}, 0},
	} {
		b, means, extents := scene(10, c.at)
		for z, p := range Find(b, means, extents).Planes {
			if p.LungShare() > c.most {
				t.Errorf("%s: %.3f of plane %d is lung, want at most %.3f", name, p.LungShare(), z, c.most)
				break
			}
		}
	}
}

// Bowel below a chest is no lung, and a pneumothorax is none; the lungs beside them are.
func TestFind_BesideLungs(t *testing.T) {
	whole := func(x, y, z float64) float64 {
		if z >= 60 {
			return trunk(-850, air)(x, y, z)
		}
		switch {
		case !in(x, y, 0, 0, 160, 110):
			return -1000
		case z < 50 && in(math.Abs(x), y, 100, 0, 30, 40):
			return -820 // stool that looks like lung
		}
		return 40
	}
	b, means, extents := scene(30, whole)
	for z, p := range Find(b, means, extents).Planes {
		if lungs := z >= 12; lungs != (p.LungShare() > 0.25) || !lungs && p.LungShare() > 0 {
			t.Errorf("plane %d: share %.3f, lungs %v", z, p.LungShare(), lungs)
		}
	}
	collapsed := func(x, y, z float64) float64 {
		v := trunk(-850, air)(x, y, z)
		if v == -850 && x > 0 && !in(x, y, 55, 10, 25, 40) {
			return -1000
		}
		return v
	}
	both := lungBlocks(8, trunk(-850, air))
	if half := lungBlocks(8, collapsed); half > 0.75*both || half < 0.5*both {
		t.Errorf("with a pneumothorax %.0f blocks are lung, without %.0f", half, both)
	}
	underSkin := func(gas float64) func(x, y, z float64) float64 { // beside a small left lung
		return func(x, y, z float64) float64 {
			switch {
			case x > 100 && in(x, y, 0, 0, 150, 100):
				return gas
			case x > 85 && in(x, y, 0, 0, 150, 100):
				return 45
			}
			return trunk(-850, air)(x, y, z)
		}
	}
	if without, with := lungBlocks(8, underSkin(45)), lungBlocks(8, underSkin(-750)); math.Abs(with/without-1) > 0.01 {
		t.Errorf("with gas under the skin %.0f blocks are lung, without %.0f", with, without)
	}
	removed := func(x, y, z float64) float64 {
		if v := trunk(-850, air)(x, y, z); v != -850 || x < 0 {
			return v
		}
		return 10
	}
	if one := lungBlocks(8, removed); math.Abs(one/both-0.5) > 0.03 {
		t.Errorf("one of two lungs has %.0f of %.0f blocks", one, both)
	}
}

func TestHull(t *testing.T) {
	b := Blocks{Rows: 5, Columns: 7}
	set := make([]bool, 35)
	for _, i := range []int{1, 5, 14, 20, 31} { // corners of a pentagon
		set[i] = true
	}
	var got []string
	for r := range b.Rows {
		row := ""
		for _, v := range b.hull(set)[r*7 : r*7+7] {
			row += map[bool]string{true: "#", false: "."}[v]
		}
		got = append(got, row)
	}
	if want := []string{".#####.", "#######", "#######", ".#####.", "...#..."}; !slices.Equal(got, want) {
		t.Errorf("hull %q, want %q", got, want)
	}
	if slices.Contains(b.hull(make([]bool, 35)), true) {
		t.Error("the hull of nothing holds something")
	}
}

func BenchmarkFind(b *testing.B) {
	blocks, means, extents := scene(100, trunk(-850, air))
	for b.Loop() {
		Find(blocks, means, extents)
	}
}
