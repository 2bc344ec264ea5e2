package sc

import (
	"encoding/binary"
	"image"
	"math"
	"slices"
)

// coronal holds sums from front to back of each slice, as a frontal picture of the chest: one line for each slice, one value
// for each column (row, if the slices are transposed).
type coronal struct {
	places          int         // values in a line
	spacing         float64     // of them in mm
	dense, lung     [][]float32 // attenuation against air and depth of lung in mm; nil lines where nothing is known
	inside, outside [][]float32 // depth of lesion in the lungs (anywhere, if those are unknown) and beside them
}

func newCoronal(all []Picture, transposed bool) coronal {
	c := coronal{places: all[0].Columns, spacing: all[0].ColumnSpacing}
	if transposed {
		c.places, c.spacing = all[0].Rows, all[0].RowSpacing
	}
	against := attenuations()
	for i := range all {
		s := &all[i]
		c.dense = append(c.dense, denseSums(s, transposed, against))
		c.lung = append(c.lung, depthSums(s, transposed, s.Lung, nil, true))
		c.inside = append(c.inside, depthSums(s, transposed, s.Mask, s.Lung, true))
		var outside []float32
		if s.Lung != nil {
			outside = depthSums(s, transposed, s.Mask, s.Lung, false)
		}
		c.outside = append(c.outside, outside)
	}
	return c
}

// line is what one value for each column (row, if transposed) of a slice is written to, and the mm that a pixel adds to it.
func line[T any](s *Picture, transposed bool) (values []T, step float32) {
	if transposed {
		return make([]T, s.Rows), float32(s.ColumnSpacing)
	}
	return make([]T, s.Columns), float32(s.RowSpacing)
}

// attenuations is the attenuation against air, 1 for water, by the bits of the Hounsfield units.
func attenuations() *[1 << 16]float32 {
	var table [1 << 16]float32
	for i := range table {
		table[i] = max(0, float32(int16(i))+1000) / 1000
	}
	return &table
}

// denseSums adds up the attenuation of each column of the slice (each row, if transposed), in mm of water; nil without pixels.
func denseSums(s *Picture, transposed bool, against *[1 << 16]float32) []float32 {
	if s.HU == nil {
		return nil
	}
	sums, step := line[float32](s, transposed)
	for y := range s.Rows {
		row := s.HU[y*s.Columns : (y+1)*s.Columns]
		if transposed {
			for _, hu := range row {
				sums[y] += against[uint16(hu)]
			}
			continue
		}
		for x, hu := range row {
			sums[x] += against[uint16(hu)]
		}
	}
	for i := range sums {
		sums[i] *= step
	}
	return sums
}

// depthSums counts the pixels of each column of the mask (each row, if transposed), in mm: all, or with lungs those inside, or those
// outside. It is nil without a mask.
func depthSums(s *Picture, transposed bool, mask, lungs []byte, inside bool) []float32 {
	if mask == nil {
		return nil
	}
	counts, step := line[int32](s, transposed)
	for y := range s.Rows {
		from := y * s.Columns
		row := mask[from : from+s.Columns]
		for x := 0; x < len(row); x++ {
			if x+8 <= len(row) && binary.NativeEndian.Uint64(row[x:]) == 0 { // masks are empty nearly everywhere
				x += 7
				continue
			}
			if row[x] == 0 || lungs != nil && (lungs[from+x] != 0) != inside {
				continue
			}
			if transposed {
				counts[y]++
			} else {
				counts[x]++
			}
		}
	}
	sums := make([]float32, len(counts))
	for i, n := range counts {
		sums[i] = float32(n) * step
	}
	return sums
}

// at returns the value of lines between the slices of y at the column position x.
func at(lines [][]float32, y, x step) float32 {
	value := func(line []float32) float32 {
		if line == nil {
			return 0
		}
		return line[x.low]*(1-x.weight) + line[x.high]*x.weight
	}
	return value(lines[y.low])*(1-y.weight) + value(lines[y.high])*y.weight
}

// lungMap draws the frontal picture into r, whose rows are those of axis and stay empty in its gaps: the chest in grey, lungs
// a little lighter, lesions in colour, the stronger the more of the lung's depth they take, and faintly where they lie beside
// the lungs. It shows the width of the crop.
func (p *Painter) lungMap(dst *image.RGBA, r image.Rectangle, all []Picture, a axis, c crop, f Facing) {
	sums := newCoronal(all, f.Transposed)
	edge := c.left
	if f.Transposed {
		edge = c.top
	}
	most := percentile(sums.dense, 0.995)
	if most == 0 {
		most = 1
	}
	for py := r.Min.Y; py < r.Max.Y; py++ {
		y, ok := a.slices(py)
		if !ok {
			continue
		}
		for px := r.Min.X; px < r.Max.X; px++ {
			across := (float64(px-r.Min.X) + 0.5) / float64(r.Dx())
			if f.FlipColumns {
				across = 1 - across
			}
			place := (edge+across*c.side)/sums.spacing - 0.5
			if place < -0.5 || place > float64(sums.places)-0.5 {
				continue
			}
			place = min(max(place, 0), float64(sums.places-1))
			x := step{int(place), min(int(place)+1, sums.places-1), float32(place - math.Floor(place))}
			grey := math.Pow(float64(min(at(sums.dense, y, x)/most, 1)), 1.4)
			lung, lesion := float64(at(sums.lung, y, x)), float64(at(sums.inside, y, x))
			beside := float64(at(sums.outside, y, x))
			pix := dst.Pix[dst.PixOffset(px, py):][:4:4]
			pix[0], pix[1], pix[2] = byte(18+150*grey), byte(22+152*grey), byte(26+154*grey)
			if lung > 0 {
				blend(pix, lungBlue, uint32(min(70, 3*lung)))
			}
			if beside > 0 {
				blend(pix, lesionRed, uint32(min(beside*10, 60)))
			}
			if lesion > 0 {
				part := lesion / max(lung, lesion)
				blend(pix, lesionRed, uint32(min(lesion*40, 50+180*part)))
			}
		}
	}
}

// percentile returns the value under which the given part of all values lies.
func percentile(lines [][]float32, part float64) float32 {
	all := slices.Concat(lines...)
	slices.Sort(all)
	return all[int(part*float64(len(all)-1))]
}
