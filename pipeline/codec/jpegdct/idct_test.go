package jpegdct

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestIDCT_IsThatOfTheStandard compares with the sums of T.81 A.3.3.
func TestIDCT_IsThatOfTheStandard(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var in [64]float64
		var b [64]float32
		for i := range in {
			if random.IntN(3) == 0 {
				in[i] = float64(random.IntN(4096) - 2048)
			}
			b[i] = float32(in[i]) * idctScale[i>>3] * idctScale[i&7] / 8
		}
		idct(&b)
		for y := range 8 {
			for x := range 8 {
				want := 0.0
				for v := range 8 {
					for u := range 8 {
						c := 0.25
						if u == 0 {
							c *= math.Sqrt2 / 2
						}
						if v == 0 {
							c *= math.Sqrt2 / 2
						}
						want += c * in[8*v+u] * math.Cos(float64((2*x+1)*u)*math.Pi/16) * math.Cos(float64((2*y+1)*v)*math.Pi/16)
					}
				}
				if d := math.Abs(float64(b[8*y+x]) - want); d > 0.02 {
					t.Fatalf("row %d, column %d: %v, want %v", y, x, b[8*y+x], want)
				}
			}
		}
	}
}
