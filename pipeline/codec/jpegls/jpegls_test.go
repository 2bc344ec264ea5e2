package jpegls_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"jcsnode/pipeline/codec/codestream"
	"jcsnode/pipeline/codec/jpegls"
)

// example is the codestream of T.87 H.3, a 4 x 4 image of 8 bits.
const example = "\xff\xd8\xff\xf7\x00\x0b\x08\x00\x04\x00\x04\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" +
	"\xc0\x00\x00\x6c\x80\x20\x8e\x01\xc0\x00\x00\x57\x40\x00\x00\x6e\xe6\x00\x00\x01\xbc\x18\x00\x00\x05\xd8\x00\x00\x91\x60\xff\xd9"

var im = codestream.Image{Rows: 4, Columns: 4, Precision: 8}

func TestDecode_ExampleOfTheStandard(t *testing.T) {
	want := []int32{0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145}
	got, precision, err := jpegls.Decode([]byte(example), im)
	if err != nil || precision != 8 || !slices.Equal(got, want) {
		t.Errorf("%v, precision %d, %v, want %v", err, precision, got, want)
	}
}

func TestDecode_EveryCutIsNoticed(t *testing.T) {
	for n := range len(example) - 2 {
		if _, _, err := jpegls.Decode([]byte(example[:n]), im); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d of %d bytes: %v, want io.ErrUnexpectedEOF", n, len(example), err)
		}
	}
}

func TestDecode_Refuses(t *testing.T) {
	patch := func(at int, b string) string { return example[:at] + b + example[at+len(b):] }
	lse := func(b string) string { return example[:15] + "\xff\xf8" + b + example[15:] }
	for name, c := range map[string]struct {
		data     string
		mismatch bool
	}{
		"other size":          {patch(8, "\x05"), true},
		"65535 x 65535":       {patch(7, "\xff\xff\xff\xff"), true},
		"three components":    {patch(11, "\x03"), false},
		"precision 1":         {patch(6, "\x01"), false},
		"precision 12":        {patch(6, "\x0c"), true},
		"NEAR 200":            {patch(22, "\xc8"), false},
		"point transform":     {patch(24, "\x01"), false},
		"mapping table":       {patch(21, "\x01"), false},
		"LSE of mapping":      {lse("\x00\x06\x02\x01\x01\x00"), false},
		"MAXVAL too large":    {lse("\x00\x0d\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), false},
		"thresholds disorder": {lse("\x00\x0d\x01\x00\xff\x00\x09\x00\x07\x00\x15\x00\x40"), false},
		"scan first":          {example[:2] + example[15:], false},
		"JPEG Lossless":       {patch(3, "\xc3"), false},
	} {
		got, _, err := jpegls.Decode([]byte(c.data), im)
		var mismatch *codestream.Mismatch
		if err == nil || got != nil || errors.As(err, &mismatch) != c.mismatch {
			t.Errorf("%s: %v (%T), values %v", name, err, err, got)
		}
	}
}

// FuzzDecode seeds the example with presets and NEAR, as they change every table.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(example[:22] + "\x02" + example[23:]))
	f.Add([]byte(example[:15] + "\xff\xf8\x00\x0d\x01\x00\xff\x00\x05\x00\x09\x00\x20\x00\x03" + example[15:]))
	f.Add([]byte(example[:6] + "\x10" + example[7:]))
	wide := codestream.Image{Rows: 4, Columns: 4, Precision: 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, precision, err := jpegls.Decode(data, wide)
		if err == nil && len(got) != 16 {
			t.Fatalf("%d samples, want 16", len(got))
		}
		for _, v := range got {
			if v < 0 || v >= 1<<precision {
				t.Fatalf("sample %d at precision %d", v, precision)
			}
		}
	})
}
