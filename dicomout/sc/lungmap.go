package sc

import (
	"image"
	"math"
	"slices"
)

// coronal holds sums along the rows of each slice, as a frontal picture of the chest: one line for each slice, one value for
// each column.
type coronal struct {
	columns             int
	dense, lung, lesion [][]float32 // attenuation against air, and depths, in mm; nil lines where nothing is known
}

func newCoronal(all []Slice) coronal {
	c := coronal{columns: all[0].Columns}
	for i := range all {
		s := &all[i]
		c.dense = append(c.dense, columnSums(s, s.HU, func(hu int16) float32 { return max(0, float32(hu)+1000) / 1000 }))
		c.lung = append(c.lung, columnSums(s, s.Lung, set))
		c.lesion = append(c.lesion, columnSums(s, s.Mask, set))
	}
	return c
}

// set is 1 in a mask.
func set(v byte) float32 {
	if v != 0 {
		return 1
	}
	return 0
}

// columnSums adds up what value makes of each column of the plane, in mm; nil without a plane.
func columnSums[T byte | int16](s *Slice, plane []T, value func(T) float32) []float32 {
	if plane == nil {
		return nil
	}
	sums := make([]float32, s.Columns)
	for y := range s.Rows {
		for x, v := range plane[y*s.Columns : (y+1)*s.Columns] {
			sums[x] += value(v)
		}
	}
	for x := range sums {
		sums[x] *= float32(s.RowSpacing)
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

// lungMap draws the frontal picture into r, whose rows are those of axis: the chest in grey, lungs a little lighter, lesions
// in colour, the stronger the more of the lung's depth they take. It shows the columns of the crop.
func (p *Painter) lungMap(dst *image.RGBA, r image.Rectangle, all []Slice, a axis, c crop, f Facing) {
	sums := newCoronal(all)
	most := percentile(sums.dense, 0.995)
	if most == 0 {
		most = 1
	}
	for py := r.Min.Y; py < r.Max.Y; py++ {
		y := a.slices(py)
		for px := r.Min.X; px < r.Max.X; px++ {
			across := (float64(px-r.Min.X) + 0.5) / float64(r.Dx())
			if f.FlipColumns {
				across = 1 - across
			}
			column := (c.left+across*c.side)/all[0].ColumnSpacing - 0.5
			if column < -0.5 || column > float64(sums.columns)-0.5 {
				continue
			}
			column = min(max(column, 0), float64(sums.columns-1))
			x := step{int(column), min(int(column)+1, sums.columns-1), float32(column - math.Floor(column))}
			grey := math.Pow(float64(min(at(sums.dense, y, x)/most, 1)), 1.4)
			lung, lesion := float64(at(sums.lung, y, x)), float64(at(sums.lesion, y, x))
			pix := dst.Pix[dst.PixOffset(px, py):][:4:4]
			pix[0], pix[1], pix[2] = byte(18+150*grey), byte(22+152*grey), byte(26+154*grey)
			if lung > 0 {
				blend(pix, lungBlue, uint32(min(70, 3*lung)))
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
