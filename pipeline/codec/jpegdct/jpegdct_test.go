package jpegdct_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"jcsnode/pipeline/codec/codestream"
	"jcsnode/pipeline/codec/jpegdct"
)

// stream is a grey image of 9 x 9, 8 bits: four blocks that differ in their DC alone.
// The DC table has categories 0, 3 and 11 (codes 00, 01, 10), the AC table end of block
// and a run of 16 (codes 0, 10); the quantization is 1 throughout.
func stream(restart bool, entropy ...byte) []byte {
	out := slices.Concat([]byte("\xff\xd8\xff\xdb\x00\x43\x00"), slices.Repeat([]byte{1}, 64))
	out = append(out, "\xff\xc0\x00\x0b\x08\x00\x09\x00\x09\x01\x01\x11\x00"...)
	out = append(out, "\xff\xc4\x00\x16\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x0b"...)
	out = append(out, "\xff\xc4\x00\x15\x10\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0"...)
	if restart {
		out = append(out, "\xff\xdd\x00\x04\x00\x02"...)
	}
	out = append(out, "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"...)
	return append(append(out, entropy...), 0xFF, 0xD9)
}

var im = codestream.Image{Rows: 9, Columns: 9, Precision: 8}

func TestDecode_FlatBlocks(t *testing.T) {
	// Differences 0, +7, -7, -7 with an end of block each: 00 0, 01 111 0, 01 000 0, 01 000 0.
	whole := stream(false, 0b00001111, 0b00100000, 0b10000111)
	got, precision, err := jpegdct.Decode(whole, im)
	if err != nil || precision != 8 {
		t.Fatalf("%v, precision %d", err, precision)
	}
	for place, want := range map[int]int32{0: 128, 7: 128, 8: 129, 9*8 + 0: 128, 9*8 + 8: 127} {
		if got[place] != want {
			t.Errorf("sample %d is %d, want %d", place, got[place], want)
		}
	}
	// The same differences with a restart after two blocks: the third begins from 0.
	restarted := stream(true, 0b00001111, 0b01111111, 0xFF, 0xD0, 0b01000001, 0b00001111)
	got, _, err = jpegdct.Decode(restarted, im)
	if err != nil || got[0] != 128 || got[8] != 129 || got[9*8] != 127 || got[9*8+8] != 126 {
		t.Errorf("with restart: %v, %v", err, got)
	}
}

func TestDecode_EveryCutIsNoticed(t *testing.T) {
	whole := stream(false, 0b00001111, 0b00100000, 0b10000111)
	for n := range len(whole) - 2 {
		if _, _, err := jpegdct.Decode(whole[:n], im); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d of %d bytes: %v, want io.ErrUnexpectedEOF", n, len(whole), err)
		}
	}
}

func TestDecode_Refuses(t *testing.T) {
	good := stream(false, 0b00001111, 0b00100000, 0b10000111)
	patch := func(at int, b ...byte) []byte {
		return slices.Concat(good[:at], b, good[at+len(b):])
	}
	const sof, dht, ac = 71, 84, 108
	for name, data := range map[string][]byte{
		"quantization table 4":        patch(6, 4),
		"quantization of 16 bits cut": patch(6, 0x10),
		"no such quantization table":  patch(sof+12, 3),
		"quantization destination 9":  patch(sof+12, 9),
		"progressive frame":           patch(sof+1, 0xC2),
		"precision 9":                 patch(sof+4, 9),
		"three components":            patch(sof+9, 3),
		"other size":                  patch(sof+6, 8),
		"DC category 17":              patch(dht+23, 17),
		"run behind the block":        patch(ac+21, 0xF1, 0xF0),
		"bits that are no code":       stream(false, 0xF0, 0xF0, 0xF0, 0xF0),
		"restart marker missing":      stream(true, 0b00001111, 0b00100000, 0b10000111),
	} {
		if got, _, err := jpegdct.Decode(data, im); err == nil {
			t.Errorf("%s: decoded to %v", name, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(stream(false, 0b00001111, 0b00100000, 0b10000111))
	f.Add(stream(true, 0b00001111, 0b01111111, 0xFF, 0xD0, 0b01000001, 0b00001111))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, precision, err := jpegdct.Decode(data, im)
		if err == nil && len(got) != 81 {
			t.Fatalf("%d samples, want 81", len(got))
		}
		for _, v := range got {
			if v < 0 || v >= 1<<precision {
				t.Fatalf("sample %d at precision %d", v, precision)
			}
		}
	})
}

// A sequential scan is of all coefficients, whatever its header says: NEMA's WG-04 images have 0 to 0 there, and others decode them.
func TestDecode_ScanHeaderOfNoCoefficients(t *testing.T) {
	whole := stream(false, 0b00001111, 0b00100000, 0b10000111)
	want, _, err := jpegdct.Decode(whole, im)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"\x00\x00\x00", "\x01\x3f\x00", "\x00\x3f\x01"} {
		got, _, err := jpegdct.Decode([]byte(strings.Replace(string(whole), "\x01\x01\x00\x00\x3f\x00", "\x01\x01\x00"+said, 1)), im)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("% x: %v, other samples than without", said, err)
		}
	}
}
