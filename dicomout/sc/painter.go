package sc

import (
	"image"
	"image/color"
)

// Painter draws pictures. It keeps rasterised letters and tables between
// pictures and is not safe for concurrent use: make one for each goroutine.
type Painter struct {
	fonts *fonts
	grey  []byte    // grey value by HU - math.MinInt16
	tints [256]tint // by activation in 1/255

	// placed, if set, is told where each text lies; tests look for overlaps with it.
	placed func(text string, box image.Rectangle)
}

// NewPainter makes a painter whose pictures show HU through the window w.
func NewPainter(w Window) (*Painter, error) {
	f, err := newFonts()
	if err != nil {
		return nil, err
	}
	p := &Painter{fonts: f, grey: w.table()}
	for i := range p.tints {
		p.tints[i] = newTint(uint8(i))
	}
	return p, nil
}

// stamp blends colour c over dst through mask, whose dot lies at (x, y).
func stamp(dst *image.RGBA, mask *image.Alpha, x, y int, c color.RGBA) {
	if mask == nil {
		return
	}
	at := image.Pt(x, y)
	area := mask.Rect.Add(at).Intersect(dst.Rect)
	for py := area.Min.Y; py < area.Max.Y; py++ {
		d := dst.PixOffset(area.Min.X, py)
		m := mask.PixOffset(area.Min.X-x, py-y)
		for range area.Dx() {
			blend(dst.Pix[d:d+4:d+4], c, uint32(mask.Pix[m]))
			d += 4
			m++
		}
	}
}

// blend mixes c into the opaque pixel px with the weight a of 255.
func blend(px []byte, c color.RGBA, a uint32) {
	switch a {
	case 0:
		return
	case 255:
		px[0], px[1], px[2] = c.R, c.G, c.B
		return
	}
	px[0] = mix(px[0], c.R, a)
	px[1] = mix(px[1], c.G, a)
	px[2] = mix(px[2], c.B, a)
}

func mix(under, over byte, a uint32) byte {
	return byte((uint32(under)*(255-a) + uint32(over)*a + 127) / 255)
}

// fill paints the rectangle r.
func fill(dst *image.RGBA, r image.Rectangle, c color.RGBA) {
	r = r.Intersect(dst.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := dst.Pix[dst.PixOffset(r.Min.X, y) : dst.PixOffset(r.Max.X-1, y)+4]
		for i := 0; i < len(row); i += 4 {
			row[i], row[i+1], row[i+2], row[i+3] = c.R, c.G, c.B, 255
		}
	}
}

// frame paints a border of one pixel inside r.
func frame(dst *image.RGBA, r image.Rectangle, c color.RGBA) {
	fill(dst, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+1), c)
	fill(dst, image.Rect(r.Min.X, r.Max.Y-1, r.Max.X, r.Max.Y), c)
	fill(dst, image.Rect(r.Min.X, r.Min.Y, r.Min.X+1, r.Max.Y), c)
	fill(dst, image.Rect(r.Max.X-1, r.Min.Y, r.Max.X, r.Max.Y), c)
}
