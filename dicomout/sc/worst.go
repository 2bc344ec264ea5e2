package sc

import (
	"cmp"
	"image"
	"slices"

	"golang.org/x/image/draw"
)

// worst returns the indices of at most n slices with the largest lesions or, where nothing is segmented, the highest
// probabilities. They are kept apart, since neighbours look alike, by less where that leaves too few. The result goes by
// position, rising.
func worst(all []Picture, n int) []int {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(all[b].LesionAreaMM2, all[a].LesionAreaMM2), cmp.Compare(all[b].Counted(), all[a].Counted()))
	})
	var chosen []int
	for gap := max(1, len(all)/10); gap > 0 && len(chosen) < n; gap /= 2 {
		for _, i := range order {
			near := slices.ContainsFunc(chosen, func(c int) bool { return i-c < gap && c-i < gap })
			if !near && len(chosen) < n {
				chosen = append(chosen, i)
			}
		}
	}
	slices.Sort(chosen)
	return chosen
}

// crop is the part of the slices that the page shows, in mm from the outer corner of the first pixel: a square around the lungs, or the
// whole slice. It may reach beyond the slice.
type crop struct{ top, left, side float64 }

// lungCrop returns the crop for the slices, with a margin around the lungs in mm.
func lungCrop(all []Picture, margin float64) crop {
	s := &all[0]
	top, bottom, left, right := s.Rows, -1, s.Columns, -1
	for i := range all {
		if all[i].Lung == nil {
			continue
		}
		for y := range s.Rows {
			row := all[i].Lung[y*s.Columns : (y+1)*s.Columns]
			first := slices.IndexFunc(row, func(v byte) bool { return v != 0 })
			if first < 0 {
				continue
			}
			last := len(row) - 1
			for row[last] == 0 {
				last--
			}
			top, bottom = min(top, y), max(bottom, y)
			left, right = min(left, first), max(right, last)
		}
	}
	if bottom < 0 {
		top, bottom, left, right, margin = 0, s.Rows-1, 0, s.Columns-1, 0
	}
	height := float64(bottom+1-top)*s.RowSpacing + 2*margin
	width := float64(right+1-left)*s.ColumnSpacing + 2*margin
	side := max(height, width)
	return crop{
		top:  float64(top+bottom+1)/2*s.RowSpacing - side/2,
		left: float64(left+right+1)/2*s.ColumnSpacing - side/2,
		side: side,
	}
}

// thumbnail draws the part c of the slice into the square r: with the edges of its lesions or, where it has no mask, the
// activation.
func (p *Painter) thumbnail(dst *image.RGBA, r image.Rectangle, s *Picture, activation []float32, most float64, c crop, f Facing) {
	n := r.Dx()
	whole := p.base(s, grid{s.Rows, s.Columns, s.Rows, s.Columns})
	if s.Mask == nil && len(activation) == s.Rows*s.Columns && most > 0 {
		p.tint(whole, grid{s.Rows, s.Columns, s.Rows, s.Columns}, activation, most)
	}
	small := image.NewRGBA(image.Rect(0, 0, n, n))
	fill(small, small.Rect, black)
	perMM := float64(n) / c.side
	place := image.Rect(
		round(-c.left*perMM), round(-c.top*perMM),
		round((float64(s.Columns)*s.ColumnSpacing-c.left)*perMM), round((float64(s.Rows)*s.RowSpacing-c.top)*perMM))
	draw.CatmullRom.Scale(small, place, whole, whole.Rect, draw.Src, nil)
	if s.Mask != nil {
		mask := make([]byte, n*n)
		for y := range n {
			for x := range n {
				sx := int((c.left + (float64(x)+0.5)/perMM) / s.ColumnSpacing)
				sy := int((c.top + (float64(y)+0.5)/perMM) / s.RowSpacing)
				if sx >= 0 && sx < s.Columns && sy >= 0 && sy < s.Rows {
					mask[y*n+x] = s.Mask[sy*s.Columns+sx]
				}
			}
		}
		outline(small, mask, edgeColor)
	}
	for y := range n {
		for x := range n {
			from := image.Pt(x, y)
			if f.FlipColumns {
				from.X = n - 1 - x
			}
			if f.FlipRows {
				from.Y = n - 1 - y
			}
			if f.Transposed {
				from.X, from.Y = from.Y, from.X
			}
			dst.SetRGBA(r.Min.X+x, r.Min.Y+y, small.RGBAAt(from.X, from.Y))
		}
	}
}
