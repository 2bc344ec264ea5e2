package sc

import (
	"image"
	"math"
)

// axis maps rows of the page to slices by their position, apex above.
type axis struct {
	top, bottom int       // rows of the page
	edges       []float64 // n+1 borders between slices in mm, from the apex on
	order       []int     // the slice between edges k and k+1
	centres     []float64 // mm, of order
}

// newAxis returns the axis for the slices between two rows of the page. Each slice reaches half way to its neighbours.
func newAxis(all []Slice, apexFirst bool, top, bottom int) axis {
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
	half := 0.5
	if n > 1 {
		half = (a.centres[1] - a.centres[0]) / 2
	}
	a.edges = append(a.edges, a.centres[0]-half)
	for k := 1; k < n; k++ {
		a.edges = append(a.edges, (a.centres[k-1]+a.centres[k])/2)
	}
	if n > 1 {
		half = (a.centres[n-1] - a.centres[n-2]) / 2
	}
	a.edges = append(a.edges, a.centres[n-1]+half)
	return a
}

// length is the length of the patient on the axis in mm, never zero.
func (a axis) length() float64 { return max(a.edges[len(a.edges)-1]-a.edges[0], 0.001) }

// row is the row of the page at a position of the axis.
func (a axis) row(mm float64) float64 {
	return float64(a.top) + (mm-a.edges[0])/a.length()*float64(a.bottom-a.top)
}

// slices returns the slices on both sides of a row of the page.
func (a axis) slices(row int) step {
	mm := a.edges[0] + (float64(row-a.top)+0.5)/float64(a.bottom-a.top)*a.length()
	k := 0
	for k < len(a.centres)-1 && a.centres[k+1] <= mm {
		k++
	}
	if k == len(a.centres)-1 || mm <= a.centres[k] {
		return step{a.order[k], a.order[k], 0}
	}
	return step{a.order[k], a.order[k+1], float32((mm - a.centres[k]) / (a.centres[k+1] - a.centres[k]))}
}

// profile draws a bar for each slice into r, as long as its probability, and the operating point as a line.
func (p *Painter) profile(dst *image.RGBA, r image.Rectangle, all []Slice, a axis, d Decision) {
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
		top, bottom := round(a.row(a.edges[k])), round(a.row(a.edges[k+1]))
		if bottom-top >= 3 {
			bottom-- // a gap where there is room for it
		}
		length := int(min(1, max(0, s.Probability)) * float64(r.Dx()))
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
	x := r.Min.X + int(d.OperatingPoint*float64(r.Dx()-1))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		if (y-r.Min.Y)%8 < 5 {
			fill(dst, image.Rect(x, y, x+2, y+1), white)
		}
	}
}

func round(v float64) int { return int(math.Round(v)) }
