package sc

import (
	"image"
	"testing"
)

// turn returns the slices of the phantom stored in another direction: transposed first, then flipped.
func turn(all []Picture, f Facing) []Picture {
	out := make([]Picture, len(all))
	for i, s := range all {
		n := s.Rows // the phantom is square
		from := func(at int) int {
			y, x := at/n, at%n
			if f.Transposed {
				y, x = x, y
			}
			if f.FlipRows {
				y = n - 1 - y
			}
			if f.FlipColumns {
				x = n - 1 - x
			}
			return y*n + x
		}
		turned := s
		turned.HU, turned.Lung, turned.Mask = make([]int16, n*n), make([]byte, n*n), make([]byte, n*n)
		for at := range turned.HU {
			turned.HU[at], turned.Lung[at] = s.HU[from(at)], s.Lung[from(at)]
			if s.Mask != nil {
				turned.Mask[at] = s.Mask[from(at)]
			}
		}
		if s.Mask == nil {
			turned.Mask = nil
		}
		k := i
		if f.ApexFirst {
			k = len(all) - 1 - i
			turned.Position = -s.Position
		}
		out[k] = turned
	}
	return out
}

// TestSummary_ShowsEverySeriesTheUsualWay draws the same chest stored in all directions.
func TestSummary_ShowsEverySeriesTheUsualWay(t *testing.T) {
	p := newTestPainter(t)
	want, err := p.RenderSummary(phantomPage())
	if err != nil {
		t.Fatal(err)
	}
	for bits := 1; bits < 16; bits++ {
		f := Facing{bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0}
		page := phantomPage()
		page.Slices, page.Facing = turn(page.Slices, f), f
		got, err := p.RenderSummary(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, area := range []image.Rectangle{image.Rect(left, 350, right, 575), image.Rect(left, 652, right, 884)} {
			different := 0
			for y := area.Min.Y; y < area.Max.Y; y++ {
				for x := area.Min.X; x < area.Max.X; x++ {
					if abs(int(got.RGBAAt(x, y).R)-int(want.RGBAAt(x, y).R)) > 40 {
						different++
					}
				}
			}
			// A pixel's edge may fall on the other side when it comes from the other direction.
			if different > area.Dx()*area.Dy()/40 {
				t.Errorf("%+v: %d of %d pixels differ in %v", f, different, area.Dx()*area.Dy(), area)
			}
		}
	}
}
