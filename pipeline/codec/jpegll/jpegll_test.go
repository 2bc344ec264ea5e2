package jpegll_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jcsnode/pipeline/codec/codestream"
	"jcsnode/pipeline/codec/jpegll"
)

// TestDecode_GivesBackWhatWasEncoded: all predictors and precisions, point transform and
// restart intervals.
func TestDecode_GivesBackWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := options{
			rows:      rapid.IntRange(1, 9).Draw(t, "rows"),
			columns:   rapid.IntRange(1, 9).Draw(t, "columns"),
			precision: rapid.IntRange(2, 16).Draw(t, "precision"),
			predictor: rapid.IntRange(1, 7).Draw(t, "predictor"),
			restart:   rapid.IntRange(0, 3).Draw(t, "restart"),
		}
		o.shift = rapid.IntRange(0, o.precision-1).Draw(t, "shift")
		value := rapid.Int32Range(0, 1<<o.precision-1)
		want := rapid.SliceOfN(value, o.rows*o.columns, o.rows*o.columns).Draw(t, "samples")
		for i := range want {
			want[i] = want[i] >> o.shift << o.shift
		}
		data := encode(want, o)
		got, precision, err := jpegll.Decode(data, codestream.Image{Rows: o.rows, Columns: o.columns, Precision: 16})
		if err != nil || precision != o.precision || !slices.Equal(got, want) {
			t.Fatalf("%+v: %v, precision %d\ngot  %v\nwant %v\n%x", o, err, precision, got, want, data)
		}
	})
}

// TestDecode_EveryCutIsNoticed: no image comes out of a stream that lacks more than EOI.
func TestDecode_EveryCutIsNoticed(t *testing.T) {
	o := options{rows: 6, columns: 7, precision: 12, predictor: 5, restart: 2}
	want := make([]int32, 42)
	for i := range want {
		want[i] = int32(i*i*7) % 4096
	}
	data := encode(want, o)
	im := codestream.Image{Rows: 6, Columns: 7, Precision: 16}
	for n := range len(data) {
		got, _, err := jpegll.Decode(data[:n], im)
		switch {
		case n >= len(data)-2:
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("without EOI, %d of %d bytes: %v", n, len(data), err)
			}
		case !errors.Is(err, io.ErrUnexpectedEOF):
			t.Errorf("cut to %d of %d bytes: %v, want io.ErrUnexpectedEOF", n, len(data), err)
		}
	}
}

func TestDecode_Refuses(t *testing.T) {
	o := options{rows: 4, columns: 4, precision: 12, predictor: 1}
	good := encode(make([]int32, 16), o)
	im := codestream.Image{Rows: 4, Columns: 4, Precision: 16}
	patch := func(at int, b ...byte) []byte {
		return slices.Concat(good[:at], b, good[at+len(b):])
	}
	for name, c := range map[string]struct {
		data     []byte
		im       codestream.Image
		mismatch bool
	}{
		"other rows":         {good, codestream.Image{Rows: 5, Columns: 4, Precision: 16}, true},
		"more bits":          {good, codestream.Image{Rows: 4, Columns: 4, Precision: 8}, true},
		"65535 x 65535":      {patch(7, 0xFF, 0xFF, 0xFF, 0xFF), im, true},
		"precision 17":       {patch(6, 17), im, false},
		"predictor 0":        {patch(60, 0), im, false},
		"predictor 8":        {patch(60, 8), im, false},
		"point transform":    {patch(62, 12), im, false},
		"no such table":      {patch(59, 0x30), im, false},
		"category 17":        {patch(52, 17), im, false},
		"codes overflow":     {patch(20, 3, 0, 0, 0, 14), im, false},
		"baseline frame":     {patch(3, 0xC0), im, false},
		"not a marker":       {patch(15, 0), im, false},
		"EOI before scan":    {patch(53, 0xFF, 0xD9), im, false},
		"nothing":            {nil, im, false},
		"marker length of 1": {patch(17, 0, 1), im, false},
	} {
		got, _, err := jpegll.Decode(c.data, c.im)
		var mismatch *codestream.Mismatch
		if err == nil || got != nil || errors.As(err, &mismatch) != c.mismatch {
			t.Errorf("%s: %v (%T), values %v", name, err, err, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for predictor := range 8 {
		o := options{rows: 5, columns: 6, precision: 12, predictor: max(predictor, 1), restart: predictor % 3}
		f.Add(encode(make([]int32, 30), o))
	}
	im := codestream.Image{Rows: 5, Columns: 6, Precision: 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := jpegll.Decode(data, im)
		if err == nil && len(got) != 30 {
			t.Fatalf("%d samples, want 30", len(got))
		}
		for _, v := range got {
			if v < 0 || v > 0xFFFF {
				t.Fatalf("sample %d", v)
			}
		}
	})
}
