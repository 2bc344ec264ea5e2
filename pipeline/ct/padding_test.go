package ct

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
)

// round is a slice of 128 x 128 pixels with a body in air, padded beyond a disc by a value; inside tells what lies in the disc.
func round(pad int32, jitter int) (stored []int32, inside func(i int) bool) {
	const side = 128
	rng := rand.New(rand.NewPCG(1, 1))
	radius := func(i int) float64 { return math.Hypot(float64(i/side)-63.5, float64(i%side)-63.5) }
	inside = func(i int) bool { return radius(i) <= 63.5 }
	for i := range side * side {
		v := -1000 + int32(12*rng.NormFloat64())
		switch {
		case !inside(i):
			v = pad
			if jitter > 0 && radius(i) < 67 {
				v += int32(rng.IntN(2*jitter+1) - jitter)
			}
		case radius(i) < 45:
			v = int32(25 * rng.NormFloat64()) // every HU that padding may have occurs here
		}
		stored = append(stored, v)
	}
	return stored, inside
}

func TestClearPadding(t *testing.T) {
	for _, c := range []struct {
		name     string
		pad      int32
		declared *Padding
		jitter   int // by lossy compression, near the disc
	}{
		{"0 HU, declared", 0, &Padding{0, 0}, 0},
		{"0 HU, not declared", 0, nil, 0},
		{"2000 HU", 2000, nil, 0},
		{"3071 HU", 3071, nil, 0},
		{"-500 HU", -500, nil, 0},
		{"4095 HU, clamped", 4095, nil, 0},
		{"declared wrongly", 2000, &Padding{-2000, -2000}, 0},
		{"a declared range", -800, &Padding{-850, -790}, 0},
		{"a range that holds all", 40, &Padding{-1024, 3071}, 0},
		{"lossy", 40, nil, 12},
		{"-2000 HU", -2000, &Padding{-2000, -2000}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			stored, inside := round(c.pad, c.jitter)
			h := &Header{Rows: 128, Columns: 128, Slope: 1, Padding: c.declared}
			hu := toHU(stored, 1, 0)
			before := append([]int16(nil), hu...)
			ClearPadding(hu, stored, h)
			kept, changed := 0, 0
			for i := range hu {
				if !inside(i) && hu[i] != AirHU {
					kept++
				}
				if inside(i) && hu[i] != before[i] {
					changed++
				}
			}
			if kept > 0 || changed > 20 { // at the edge of the disc a value may be the same
				t.Errorf("%d pixels of padding are left, %d of the disc changed", kept, changed)
			}
		})
	}
}

// A body that fills the corners, or water without noise in part of one, is no padding.
func TestClearPadding_KeepsTissue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const side = 128
	stored := make([]int32, side*side)
	for i := range stored {
		stored[i] = 50 + int32(4*rng.NormFloat64())
		if i%side < 5 && i/side < 5 {
			stored[i] = 50
		}
	}
	hu := toHU(stored, 1, 0)
	want := append([]int16(nil), hu...)
	ClearPadding(hu, stored, &Header{Rows: side, Columns: side, Slope: 1, Padding: &Padding{-2000, -2000}})
	if d := cmp.Diff(want, hu); d != "" {
		t.Errorf("tissue changed: %s", d)
	}
}

// The two bytes of both elements are read as the pixels are, whatever VR they have.
func TestReadHeader_Padding(t *testing.T) {
	short := func(vr string, v int) element {
		return element{vr, string(binary.LittleEndian.AppendUint16(nil, uint16(v)))}
	}
	for _, c := range []struct {
		name         string
		signed       uint16
		value, limit element
		want         *Padding
	}{
		{"absent", 1, element{}, element{}, nil},
		{"signed", 1, short("SS", -2000), element{}, &Padding{-2000, -2000}},
		{"63536 as US for -2000", 1, short("US", 63536), element{}, &Padding{-2000, -2000}},
		{"unsigned", 0, short("US", 63536), element{}, &Padding{63536, 63536}},
		{"a range that falls", 1, short("SS", -1024), short("SS", -2048), &Padding{-2048, -1024}},
		{"text", 1, value("LO", "none"), element{}, nil},
	} {
		e := slice()
		e[dataset.PixelRepresentation] = us(c.signed)
		if c.value.vr != "" {
			e[dataset.PixelPaddingValue] = c.value
		}
		if c.limit.vr != "" {
			e[dataset.PixelPaddingRangeLimit] = c.limit
		}
		if d := cmp.Diff(c.want, e.headers(t)[0].Padding); d != "" {
			t.Errorf("%s (-want +got): %s", c.name, d)
		}
	}
}
