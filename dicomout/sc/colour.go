package sc

import (
	"image/color"
	"math"
)

// Colours of the pictures. The lesion red is close to that of the segmentation object, light enough to be read on black, and
// means lesions in every picture.
var (
	white     = color.RGBA{255, 255, 255, 255}
	edgeColor = color.RGBA{255, 255, 0, 255} // lesion edge
	lesionRed = color.RGBA{255, 96, 40, 255} // lesions where they are filled
	warning   = color.RGBA{255, 176, 66, 255}
)

// Jet returns entry i of the colour table of the activation: t = i/255, R = clip(1.5-|4t-3|), G = clip(1.5-|4t-2|),
// B = clip(1.5-|4t-1|).
func Jet(i uint8) color.RGBA {
	t := 4 * float64(i) / 255
	level := func(centre float64) uint8 {
		return uint8(math.Round(255 * min(1, max(0, 1.5-math.Abs(t-centre)))))
	}
	return color.RGBA{level(3), level(2), level(1), 255}
}

// Opacity of the tint: full from activation opaqueFrom on, falling linearly to nothing at clearBelow.
const (
	fullOpacity = 0.45
	opaqueFrom  = 0.2
	clearBelow  = 0.05
)

// Opacity returns the opacity of the tint for the activation h in 0..1.
func Opacity(h float64) float64 {
	return fullOpacity * min(1, max(0, (h-clearBelow)/(opaqueFrom-clearBelow)))
}

// tint is one entry of the table that puts an activation over a grey value: grey*under + colour, in 1/256.
type tint struct{ under, r, g, b uint32 }

func newTint(i uint8) tint {
	c := Jet(i)
	over := uint32(math.Round(256 * Opacity(float64(i)/255)))
	return tint{under: 256 - over, r: over * uint32(c.R), g: over * uint32(c.G), b: over * uint32(c.B)}
}

// over returns the tinted grey value.
func (t tint) over(grey byte) (r, g, b byte) {
	under := t.under*uint32(grey) + 128
	return byte((under + t.r) >> 8), byte((under + t.g) >> 8), byte((under + t.b) >> 8)
}

// Window is the range of HU that the grey values show.
type Window struct{ Centre, Width float64 }

// LungWindow is the window of the pictures unless the site sets another.
func LungWindow() Window { return Window{Centre: -600, Width: 1500} }

// table returns the grey value for every HU, from math.MinInt16 on (PS3.3 C.11.2.1.2.1, linear).
func (w Window) table() []byte {
	width := max(w.Width, 2)
	table := make([]byte, math.MaxUint16+1)
	for i := range table {
		hu := float64(i + math.MinInt16)
		v := (hu-(w.Centre-0.5))/(width-1) + 0.5
		table[i] = byte(math.Round(255 * min(1, max(0, v))))
	}
	return table
}

// Colours of the summary page.
var (
	black      = color.RGBA{0, 0, 0, 255}
	background = color.RGBA{11, 14, 18, 255}
	panel      = color.RGBA{19, 24, 30, 255}
	divider    = color.RGBA{44, 52, 61, 255}
	gridLine   = color.RGBA{52, 61, 71, 255}
	faintLine  = color.RGBA{30, 37, 44, 255}
	barGrey    = color.RGBA{112, 128, 144, 255}
	barOrange  = color.RGBA{224, 92, 46, 255}
	ink        = color.RGBA{232, 236, 240, 255} // text that is read first
	faded      = color.RGBA{150, 162, 174, 255} // names of values, units, captions
	lungBlue   = color.RGBA{70, 130, 190, 255}
	calmGreen  = color.RGBA{104, 200, 160, 255}
)
