package sc

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// style is a typeface at a size in pixels of the picture.
type style struct {
	bold bool
	size int
}

// typeface is one style with the glyphs that were drawn so far.
type typeface struct {
	face   font.Face
	glyphs map[glyphKey]glyph
	edge   int // width of the black edge in pixels
}

// glyphKey names a rasterised glyph: glyphs start at quarter pixels, so that
// small text is spaced evenly, and are cached at each.
type glyphKey struct {
	char    rune
	quarter uint8
}

// glyph is a rasterised character. Both masks are relative to the dot.
type glyph struct {
	fill, edge *image.Alpha
	advance    fixed.Int26_6
}

// fonts are the two parsed fonts and the faces made of them.
type fonts struct {
	regular, bold *opentype.Font
	faces         map[style]*typeface
}

func newFonts() (*fonts, error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("parse the regular font: %w", err)
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("parse the bold font: %w", err)
	}
	return &fonts{regular: regular, bold: bold, faces: map[style]*typeface{}}, nil
}

// face returns the typeface of s, made on first use.
func (f *fonts) face(s style) *typeface {
	if t, ok := f.faces[s]; ok {
		return t
	}
	source := f.regular
	if s.bold {
		source = f.bold
	}
	// NewFace has an error in its signature only: any size of a parsed font makes a face.
	face, _ := opentype.NewFace(source, &opentype.FaceOptions{Size: float64(s.size), DPI: 72, Hinting: font.HintingNone})
	t := &typeface{face: face, glyphs: map[glyphKey]glyph{}, edge: max(1, (s.size+4)/14)}
	f.faces[s] = t
	return t
}

// glyph returns c rasterised at the given quarter of a pixel.
func (t *typeface) glyph(c rune, quarter uint8) glyph {
	key := glyphKey{c, quarter}
	if g, ok := t.glyphs[key]; ok {
		return g
	}
	dot := fixed.Point26_6{X: fixed.Int26_6(quarter) * 16}
	bounds, mask, at, advance, ok := t.face.Glyph(dot, c)
	g := glyph{advance: advance}
	if ok && !bounds.Empty() {
		g.fill = image.NewAlpha(bounds)
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				_, _, _, a := mask.At(at.X+x-bounds.Min.X, at.Y+y-bounds.Min.Y).RGBA()
				g.fill.SetAlpha(x, y, color.Alpha{A: uint8(a >> 8)})
			}
		}
		g.edge = grow(g.fill, t.edge)
	}
	t.glyphs[key] = g
	return g
}

// grow returns m grown by a disc of the given radius, and half as dark one pixel further, so that the edge ends softly.
func grow(m *image.Alpha, radius int) *image.Alpha {
	reach := radius + 1
	out := image.NewAlpha(m.Rect.Inset(-reach))
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			var top uint8
			for dy := -reach; dy <= reach; dy++ {
				for dx := -reach; dx <= reach; dx++ {
					switch distance := dx*dx + dy*dy; {
					case distance <= radius*radius+radius:
						top = max(top, m.AlphaAt(x+dx, y+dy).A)
					case distance <= reach*reach+reach:
						top = max(top, m.AlphaAt(x+dx, y+dy).A/2)
					}
				}
			}
			out.SetAlpha(x, y, color.Alpha{A: top})
		}
	}
	return out
}

// walk calls visit for each glyph of text with its dot in whole pixels from the
// start of the text, and returns the width.
func (t *typeface) walk(text string, visit func(g glyph, x int)) fixed.Int26_6 {
	var dot fixed.Int26_6
	previous := rune(-1)
	for _, c := range text {
		if previous >= 0 {
			dot += t.face.Kern(previous, c)
		}
		at := (dot + 8) &^ 15 // nearest quarter pixel
		g := t.glyph(c, uint8(at&63)/16)
		visit(g, at.Floor())
		dot += g.advance
		previous = c
	}
	return dot
}

// width returns the width of text in whole pixels, rounded up.
func (p *Painter) width(s style, text string) int {
	return p.fonts.face(s).walk(text, func(glyph, int) {}).Ceil()
}

// text draws text with its dot at (x, y), y being the base line, and returns its
// width in pixels. With edged, the letters have a black edge, for text over
// pictures.
func (p *Painter) text(dst *image.RGBA, x, y int, s style, c color.RGBA, text string, edged bool) int {
	t := p.fonts.face(s)
	if edged {
		t.walk(text, func(g glyph, at int) { stamp(dst, g.edge, x+at, y, color.RGBA{A: 255}) })
	}
	width := t.walk(text, func(g glyph, at int) { stamp(dst, g.fill, x+at, y, c) }).Ceil()
	if p.placed != nil {
		p.placed(text, image.Rect(x, y-s.size*3/4, x+width, y+s.size/5))
	}
	return width
}

// textRight draws text that ends at x.
func (p *Painter) textRight(dst *image.RGBA, x, y int, s style, c color.RGBA, text string, edged bool) {
	p.text(dst, x-p.width(s, text), y, s, c, text, edged)
}

// fit returns s, or the largest smaller style in which text is at most width
// pixels wide, down to the size least; if it is wider even there, the text is
// cut and ends in an ellipsis.
func (p *Painter) fit(s style, text string, width, least int) (style, string) {
	for ; s.size > least; s.size-- {
		if p.width(s, text) <= width {
			return s, text
		}
	}
	if p.width(s, text) <= width {
		return s, text
	}
	runes := []rune(text)
	for n := len(runes) - 1; n > 0; n-- {
		if short := strings.TrimRight(string(runes[:n]), " ") + "…"; p.width(s, short) <= width {
			return s, short
		}
	}
	return s, ""
}

// wrap breaks text into lines of at most width pixels, at spaces, or inside a
// word that is longer than a line.
func (p *Painter) wrap(s style, text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		candidate := word
		if line != "" {
			candidate = line + " " + word
		}
		if p.width(s, candidate) <= width {
			line = candidate
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for p.width(s, word) > width {
			n := p.head(s, word, width)
			lines = append(lines, word[:n])
			word = word[n:]
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// head returns the length in bytes of the longest start of word that is at most
// width pixels wide, and at least one character.
func (p *Painter) head(s style, word string, width int) int {
	fits := 0
	for n := range word {
		if n > 0 && p.width(s, word[:n]) > width {
			break
		}
		fits = n
	}
	if fits == 0 {
		return len(string([]rune(word)[:1]))
	}
	return fits
}

// paragraph wraps text in the largest style from s down to the size least that
// needs at most the given number of lines; what does not fit even there is cut
// and ends in an ellipsis.
func (p *Painter) paragraph(s style, text string, width, lines, least int) (style, []string) {
	for {
		wrapped := p.wrap(s, text, width)
		if len(wrapped) <= lines {
			return s, wrapped
		}
		if s.size <= least {
			_, wrapped[lines-1] = p.fit(s, strings.Join(wrapped[lines-1:], " "), width, s.size)
			return s, wrapped[:lines]
		}
		s.size--
	}
}
