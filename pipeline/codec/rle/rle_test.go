package rle_test

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"jcsnode/pipeline/codec/codestream"
	"jcsnode/pipeline/codec/rle"
)

// encode writes one segment per byte of a sample (PS3.5 annex G): runs of two and more
// as runs, other bytes as literals of at most four.
func encode(samples []int32, bytesPerSample int) []byte {
	out := make([]byte, 64)
	binary.LittleEndian.PutUint32(out, uint32(bytesPerSample))
	for s := range bytesPerSample {
		binary.LittleEndian.PutUint32(out[4+4*s:], uint32(len(out)))
		plane := make([]byte, len(samples))
		for i, v := range samples {
			plane[i] = byte(v >> (8 * (bytesPerSample - 1 - s)))
		}
		for len(plane) > 0 {
			n := 1
			for n < len(plane) && n < 128 && plane[n] == plane[0] {
				n++
			}
			if n > 1 {
				out = append(out, byte(1-n), plane[0])
			} else {
				n = min(4, len(plane))
				out = append(append(out, byte(n-1)), plane[:n]...)
			}
			plane = plane[n:]
		}
		if len(out)%2 == 1 {
			out = append(out, 0)
		}
	}
	return out
}

func TestDecode_GivesBackWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		im := codestream.Image{
			Rows:      rapid.IntRange(1, 20).Draw(t, "rows"),
			Columns:   rapid.IntRange(1, 20).Draw(t, "columns"),
			Precision: rapid.SampledFrom([]int{8, 16, 32}).Draw(t, "precision"),
		}
		value := rapid.SampledFrom([]int32{0, 1, 255, 1<<(im.Precision-1) - 1})
		want := rapid.SliceOfN(value, im.Samples(), im.Samples()).Draw(t, "samples")
		if im.Precision == 8 {
			for i := range want {
				want[i] &= 255
			}
		}
		got, err := rle.Decode(encode(want, im.Precision/8), im)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%+v: %v\ngot  %v\nwant %v", im, err, got, want)
		}
	})
}

func TestDecode_EveryCutIsNoticed(t *testing.T) {
	data := encode([]int32{1, 2, 3, 300, 300, 300, 300, 7, 9}, 2)
	for n := range len(data) - 1 { // the last byte is padding
		if _, err := rle.Decode(data[:n], codestream.Image{Rows: 3, Columns: 3, Precision: 16}); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(data))
		}
	}
}

func TestDecode_Segment(t *testing.T) {
	im := codestream.Image{Rows: 1, Columns: 4, Precision: 8}
	for name, c := range map[string]struct {
		segment string
		want    []int32
		cut     bool
	}{
		"literal":                {"\x03abcd", []int32{'a', 'b', 'c', 'd'}, false},
		"run":                    {"\xfda", []int32{'a', 'a', 'a', 'a'}, false},
		"no operation":           {"\x80\xfda", []int32{'a', 'a', 'a', 'a'}, false},
		"padding":                {"\xfda\x00", []int32{'a', 'a', 'a', 'a'}, false},
		"run beyond the image":   {"\xf0a", nil, false},
		"literal beyond image":   {"\x04abcde", nil, false},
		"literal cut":            {"\x03abc", nil, true},
		"run without its byte":   {"\xfd", nil, true},
		"only half of the image": {"\xffa", nil, true},
		"empty":                  {"", nil, true},
	} {
		head := make([]byte, 64)
		head[0], head[4] = 1, 64
		got, err := rle.Decode(append(head, c.segment...), im)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || errors.Is(err, io.ErrUnexpectedEOF) != c.cut {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode([]int32{1, 2, 3, 300, 300, 300, 300, 7, 9, 4, 4, 4}, 2))
	im := codestream.Image{Rows: 3, Columns: 4, Precision: 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := rle.Decode(data, im)
		if err == nil && len(got) != 12 {
			t.Fatalf("%d samples, want 12", len(got))
		}
	})
}
