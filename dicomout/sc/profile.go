package sc

import (
	"image"
	"math"
)

// axis maps rows of the page to slices by their position, apex above.
type axis struct {
	top, bottom int       // rows of the page
	order       []int     // the slices from the apex on
	centres     []float64 // mm, of order
	spans       []span    // mm, of order: what each slice stands for
}

// span is a stretch of the axis in mm.
type span struct{ from, to float64 }

// newAxis returns the axis for the slices between two rows of the page. Each slice reaches half way to its neighbours, beside a gap
// and at the ends as far as on its other side: a part that was not read stays empty.
func newAxis(all []Picture, apexFirst bool, top, bottom int) axis {
	a := axis{top: top, bottom: bottom}
	n := len(all)
	for k := range n {
		i := n - 1 - k
		if apexFirst {
			i = k
		}
		a.order = append(a.order, i)
		a.centres = append(a.centres, math.Abs(all[i].Position-all[a.order[0]].Position))
	}
	half := halfStep(all)
	for k, centre := range a.centres {
		s := span{centre - half, centre + half}
		before, after := k > 0 && !a.gap(all, k), k < n-1 && !a.gap(all, k+1)
		if before {
			s.from = (a.centres[k-1] + centre) / 2
		}
		if after {
			s.to = (centre + a.centres[k+1]) / 2
		}
		switch {
		case before && !after:
			s.to = 2*centre - s.from
		case after && !before:
			s.from = 2*centre - s.to
		}
		a.spans = append(a.spans, s)
	}
	return a
}

// gap tells whether planes are missing between the slices k-1 and k of the axis.
func (a axis) gap(all []Picture, k int) bool { return all[max(a.order[k-1], a.order[k])].AfterGap }

// halfStep is half of the mean distance of neighbours in mm, for slices between two gaps; where there are no neighbours at all it is
// half a millimetre.
func halfStep(all []Picture) float64 {
	sum, count := 0.0, 0
	for i := 1; i < len(all); i++ {
		if !all[i].AfterGap {
			sum += math.Abs(all[i].Position - all[i-1].Position)
			count++
		}
	}
	if count == 0 {
		return 0.5
	}
	return sum / float64(2*count)
}

// start is where the axis begins, in mm.
func (a axis) start() float64 { return a.spans[0].from }

// length is the length of the patient on the axis in mm, gaps included, never zero.
func (a axis) length() float64 { return max(a.spans[len(a.spans)-1].to-a.start(), 0.001) }

// row is the row of the page at a position of the axis.
func (a axis) row(mm float64) float64 {
	return float64(a.top) + (mm-a.start())/a.length()*float64(a.bottom-a.top)
}

// slices returns the slices on both sides of a row of the page; not ok in a gap.
func (a axis) slices(row int) (s step, ok bool) {
	mm := a.start() + (float64(row-a.top)+0.5)/float64(a.bottom-a.top)*a.length()
	k := 0
	for k < len(a.centres)-1 && a.centres[k+1] <= mm {
		k++
	}
	if k == len(a.centres)-1 || mm <= a.centres[k] {
		return step{a.order[k], a.order[k], 0}, true
	}
	switch before, after := a.spans[k].to, a.spans[k+1].from; {
	case before == after: // neighbours
		return step{a.order[k], a.order[k+1], float32((mm - a.centres[k]) / (a.centres[k+1] - a.centres[k]))}, true
	case mm <= before:
		return step{a.order[k], a.order[k], 0}, true
	case mm >= after:
		return step{a.order[k+1], a.order[k+1], 0}, true
	}
	return step{}, false
}

// gaps are the parts of the axis that no slice stands for.
func (a axis) gaps() []span {
	var all []span
	for k := 1; k < len(a.spans); k++ {
		if before, after := a.spans[k-1].to, a.spans[k].from; before < after {
			all = append(all, span{before, after})
		}
	}
	return all
}

// profile draws a bar for each slice into r, as long as the probability that counts, with a mark at the classifier's where that is
// another, and the operating point as a line.
func (p *Painter) profile(dst *image.RGBA, r image.Rectangle, all []Picture, a axis, d Basis) {
	fill(dst, r, panel)
	for tenth := 0; tenth <= 10; tenth++ {
		x := r.Min.X + tenth*(r.Dx()-1)/10
		c := gridLine
		if tenth%5 != 0 {
			c = faintLine
		}
		fill(dst, image.Rect(x, r.Min.Y, x+1, r.Max.Y), c)
	}
	for k, i := range a.order {
		s := &all[i]
		top, bottom := round(a.row(a.spans[k].from)), round(a.row(a.spans[k].to))
		if bottom-top >= 3 {
			bottom-- // a line between bars where there is room for it
		}
		length := int(min(1, max(0, s.Counted())) * float64(r.Dx()))
		c := barGrey
		if s.Positive {
			c = barOrange
		}
		// Slices thinner than a pixel share it: a positive one is never painted over.
		for y := top; y < max(bottom, top+1) && y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Min.X+length; x++ {
				if s.Positive || dst.RGBAAt(x, y) != barOrange {
					dst.SetRGBA(x, y, c)
				}
			}
		}
	}
	for k, i := range a.order {
		if s := &all[i]; s.Smoothed != nil {
			x := r.Min.X + int(min(1, max(0, s.Probability))*float64(r.Dx()-1))
			y := round((a.row(a.spans[k].from) + a.row(a.spans[k].to)) / 2)
			fill(dst, image.Rect(x-1, y-1, x+2, y+1).Intersect(r), ink)
		}
	}
	x := r.Min.X + int(d.OperatingPoint*float64(r.Dx()-1))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		if (y-r.Min.Y)%8 < 5 {
			fill(dst, image.Rect(x, y, x+2, y+1), white)
		}
	}
}

func round(v float64) int { return int(math.Round(v)) }
