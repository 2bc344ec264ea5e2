package sc

import (
	"image/color"
	"math"
	"testing"
)

func TestJet_IsTheTableOfTheRecipe(t *testing.T) {
	for i, want := range map[uint8]color.RGBA{
		0:   {0, 0, 128, 255},
		64:  {0, 129, 255, 255},
		128: {131, 255, 126, 255},
		192: {255, 124, 0, 255},
		255: {128, 0, 0, 255},
	} {
		got := Jet(i)
		for k, pair := range [][2]uint8{{got.R, want.R}, {got.G, want.G}, {got.B, want.B}} {
			if d := int(pair[0]) - int(pair[1]); d < -1 || d > 1 {
				t.Errorf("Jet(%d) = %v, want %v (channel %d)", i, got, want, k)
			}
		}
	}
}

func TestOpacity(t *testing.T) {
	for _, c := range []struct{ h, want float64 }{
		{0, 0}, {0.05, 0}, {0.125, 0.225}, {0.2, 0.45}, {0.6, 0.45}, {1, 0.45}, {-1, 0},
	} {
		if got := Opacity(c.h); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("Opacity(%g) = %g, want %g", c.h, got, c.want)
		}
	}
}

func TestTint_IsTheMixtureOfGreyAndColour(t *testing.T) {
	for i := range 256 {
		for _, grey := range []byte{0, 1, 90, 200, 255} {
			r, g, b := newTint(uint8(i)).over(grey)
			c, o := Jet(uint8(i)), Opacity(float64(i)/255)
			for k, pair := range [][2]float64{{float64(r), float64(c.R)}, {float64(g), float64(c.G)}, {float64(b), float64(c.B)}} {
				want := (1-o)*float64(grey) + o*pair[1]
				if math.Abs(pair[0]-want) > 1.5 {
					t.Fatalf("activation %d over grey %d, channel %d: got %g, want %.1f", i, grey, k, pair[0], want)
				}
			}
		}
	}
}

func TestWindow_Table(t *testing.T) {
	table := LungWindow().table()
	at := func(hu int) byte { return table[hu-math.MinInt16] }
	for hu, want := range map[int]byte{-32768: 0, -2048: 0, -1351: 0, -600: 128, 150: 255, 3000: 255, 32767: 255, -975: 64} {
		if got := at(hu); got != want {
			t.Errorf("grey of %d HU = %d, want %d", hu, got, want)
		}
	}
}
