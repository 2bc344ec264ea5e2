package lung

import (
	"slices"
	"sort"
)

// Component is one connected lesion.
type Component struct {
	Voxels          int
	VolumeML        float64
	Slices          int     // that it reaches
	LargestSlice    int     // slice with its largest area, the lowest of equals
	LargestAreaMM2  float64 // its area there
	MeanHU          float64
	Side            byte // lung that holds most of it; None when most is outside both
	FirstSlice      int
	LastSlice       int
	CentreRow       float64 // mean of its pixels, in pixels from the first pixel's centre
	CentreColumn    float64
	InsideLungShare float64 // 0..1
}

// Measures of lesions against the lungs.
type Measures struct {
	Lungs          Volumes // mL
	CutSlices      int     // in which a lung reaches the border of the slice: the field of view cuts it
	Lesions        Volumes // mL of lesion inside each lung
	OutsideML      float64 // mL of lesion outside the lung mask; not part of any share
	LesionML       float64 // all of it, in and outside
	Share          float64 // of both lungs that is lesion, 0..1
	RightShare     float64
	LeftShare      float64
	MeanHU         float64     // of all lesion voxels; 0 without lesion
	Components     []Component // by volume, the largest first
	LargestAreaMM2 float64     // the largest lesion area in a slice, all components together
	LargestSlice   int         // that slice; -1 without lesion
}

// Components finds the connected lesions of a mask (nonzero is lesion, nil is a
// slice without), by volume, the largest first. Pixels touch by side or corner
// within a slice, by face between slices; nothing is connected across a gap. hu
// and lungs may be nil: then MeanHU is 0 and Side None.
func Components(mask [][]byte, hu [][]int16, lungs [][]byte, g Grid) ([]Component, error) {
	if err := g.checkMask(mask); err != nil {
		return nil, err
	}
	for _, n := range []int{len(hu), len(lungs)} {
		if n != 0 && n != len(mask) {
			return nil, errSlices(n, len(mask))
		}
	}
	l := label(&g, len(mask), func(i int) []bool { return nonzero(mask[i]) }, true)
	out := make([]Component, l.pieces)
	area := make([]map[int32]int, l.pieces) // pixels by slice
	sum := make([]float64, l.pieces)
	sides := make([][3]int, l.pieces)
	for _, r := range l.runs {
		c := &out[r.label]
		n := int(r.to - r.from)
		if area[r.label] == nil {
			area[r.label] = map[int32]int{}
		}
		area[r.label][r.slice] += n
		c.Voxels += n
		c.VolumeML += float64(n) * g.pixelArea() * g.Extents[r.slice] / 1000
		c.CentreRow += float64(n) * float64(r.row)
		c.CentreColumn += float64(n) * float64(r.from+r.to-1) / 2
		from, to := int(r.row)*g.Columns+int(r.from), int(r.row)*g.Columns+int(r.to)
		if len(hu) > 0 {
			for _, v := range hu[r.slice][from:to] {
				sum[r.label] += float64(v)
			}
		}
		if len(lungs) > 0 {
			for _, side := range lungs[r.slice][from:to] {
				sides[r.label][min(side, Left)]++
			}
		}
	}
	for i := range out {
		out[i].finish(area[i], sum[i], sides[i], g.pixelArea())
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].VolumeML > out[b].VolumeML })
	return out, nil
}

func (c *Component) finish(area map[int32]int, sum float64, sides [3]int, pixelArea float64) {
	n := float64(c.Voxels)
	c.CentreRow, c.CentreColumn = c.CentreRow/n, c.CentreColumn/n
	c.MeanHU = sum / n
	c.Slices = len(area)
	c.FirstSlice, c.LastSlice, c.LargestSlice = -1, -1, -1
	largest := 0
	for z, pixels := range area {
		s := int(z)
		if c.FirstSlice < 0 || s < c.FirstSlice {
			c.FirstSlice = s
		}
		c.LastSlice = max(c.LastSlice, s)
		if pixels > largest || pixels == largest && s < c.LargestSlice {
			largest, c.LargestSlice = pixels, s
		}
	}
	c.LargestAreaMM2 = float64(largest) * pixelArea
	c.InsideLungShare = float64(sides[Right]+sides[Left]) / n
	for side, pixels := range sides {
		if pixels > sides[c.Side] {
			c.Side = byte(side)
		}
	}
}

// Measure measures the lesions of a mask (nil slices have none) against a lung
// mask of Mask. Lesion outside the lung mask counts in LesionML and OutsideML but
// in no share.
func Measure(hu [][]int16, lesions, lungs [][]byte, g Grid) (Measures, error) {
	if err := g.check(len(lungs), func(i int) int { return len(lungs[i]) }); err != nil {
		return Measures{}, err
	}
	if err := g.check(len(hu), func(i int) int { return len(hu[i]) }); err != nil {
		return Measures{}, err
	}
	components, err := Components(lesions, hu, lungs, g)
	if err != nil {
		return Measures{}, err
	}
	m := Measures{Components: components, LargestSlice: -1}
	var sum float64
	voxels := 0
	for z := range lungs {
		ml := g.pixelArea() * g.Extents[z] / 1000
		var lung, inside [3]int
		lesion := 0
		for i, side := range lungs[z] {
			side = min(side, Left)
			lung[side]++
			if lesions[z] != nil && lesions[z][i] != 0 {
				inside[side]++
				lesion++
				sum += float64(hu[z][i])
			}
		}
		voxels += lesion
		if touchesBorder(lungs[z], &g) {
			m.CutSlices++
		}
		m.Lungs.Right += ml * float64(lung[Right])
		m.Lungs.Left += ml * float64(lung[Left])
		m.Lesions.Right += ml * float64(inside[Right])
		m.Lesions.Left += ml * float64(inside[Left])
		m.OutsideML += ml * float64(inside[None])
		m.LesionML += ml * float64(lesion)
		if mm2 := float64(lesion) * g.pixelArea(); mm2 > m.LargestAreaMM2 {
			m.LargestSlice, m.LargestAreaMM2 = z, mm2
		}
	}
	m.Share = share(m.Lesions.Total(), m.Lungs.Total())
	m.RightShare = share(m.Lesions.Right, m.Lungs.Right)
	m.LeftShare = share(m.Lesions.Left, m.Lungs.Left)
	if voxels > 0 {
		m.MeanHU = sum / float64(voxels)
	}
	return m, nil
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

func nonzero(mask []byte) []bool {
	if mask == nil {
		return nil
	}
	set := make([]bool, len(mask))
	for i, m := range mask {
		set[i] = m != 0
	}
	return set
}

// touchesBorder tells whether a set pixel lies in the first or last row or column of a slice.
func touchesBorder(mask []byte, g *Grid) bool {
	for r := range g.Rows {
		row := mask[r*g.Columns : (r+1)*g.Columns]
		if r > 0 && r < g.Rows-1 {
			row = []byte{row[0], row[g.Columns-1]}
		}
		if slices.ContainsFunc(row, func(side byte) bool { return side != None }) {
			return true
		}
	}
	return false
}
