package openjpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/pipeline/codec/codestream"
)

var small = codestream.Image{Rows: 128, Columns: 128, Precision: 16}

// stream takes a codestream out of our own inputs.
func stream(t testing.TB, name string) []byte {
	t.Helper()
	f, err := dataset.Open(corpus.Own(t, "syntaxes", "ct_s16", name), dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, _ := f.PixelData()
	b, err := p.Frame(0)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(b)
}

func TestInspect(t *testing.T) {
	good := stream(t, "j2k-lossless.dcm")
	patch := func(at int, v uint32) []byte {
		b := slices.Clone(good)
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
	other := small
	other.Rows = 64
	for name, c := range map[string]struct {
		data     []byte
		im       codestream.Image
		mismatch bool
		cut      bool
	}{
		"header says other rows": {good, other, true, false},
		"2^31 columns":           {patch(8, 1<<31), small, true, false},
		"offset behind image":    {patch(16, 200), small, false, false},
		"no tile width":          {patch(24, 0), small, false, false},
		"16,384 tiles":           {patch(24, 1), small, false, false},
		"second tile missing":    {patch(24, 64), small, false, true},
		"two components":         {patch(40, 0x00020F01), small, false, false},
		"cut in the tile":        {good[:len(good)/2], small, false, true},
		"SOC alone":              {good[:2], small, false, true},
		"nothing":                {nil, small, false, true},
		"not a codestream":       {make([]byte, 200), small, false, false},
	} {
		_, _, err := inspect(c.data, c.im)
		var mismatch *codestream.Mismatch
		if err == nil || errors.As(err, &mismatch) != c.mismatch || errors.Is(err, io.ErrUnexpectedEOF) != c.cut {
			t.Errorf("%s: %v (%T)", name, err, err)
		}
	}
	if _, p, err := inspect(good, small); err != nil || p != 16 {
		t.Errorf("good stream: precision %d, %v", p, err)
	}
}

func TestUnwrap(t *testing.T) {
	jp2 := "\x00\x00\x00\x0cjP  \r\n\x87\n" + "\x00\x00\x00\x09abcd!"
	for name, c := range map[string]struct{ in, want string }{
		"raw":              {"\xff\x4f\xff\x51rest of stream", "\xff\x4f\xff\x51rest of stream"},
		"box to the end":   {jp2 + "\x00\x00\x00\x00jp2cSTREAM", "STREAM"},
		"box with length":  {jp2 + "\x00\x00\x00\x0ejp2cSTREAMmore", "STREAM"},
		"box of 64 bits":   {jp2 + "\x00\x00\x00\x01jp2c\x00\x00\x00\x00\x00\x00\x00\x16STREAMmore", "STREAM"},
		"no codestream":    {jp2, ""},
		"box of 3 bytes":   {jp2 + "\x00\x00\x00\x03jp2cSTREAM", ""},
		"box past the end": {jp2 + "\x00\x00\x01\x00jp2cSTREAM", ""},
		"64 bits past end": {jp2 + "\x00\x00\x00\x01jp2c\xff\xff\xff\xff\xff\xff\xff\xffSTREAM", ""},
	} {
		got, err := unwrap([]byte(c.in))
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

// TestDecode_EveryCutIsNoticed cuts at every tenth byte; the last two are EOC.
func TestDecode_EveryCutIsNoticed(t *testing.T) {
	if !Available {
		t.Skip("SKIPPED: built without OpenJPEG")
	}
	for _, name := range []string{"j2k-lossless.dcm", "htj2k-lossless.dcm", "j2k-lossy.dcm"} {
		t.Run(name, func(t *testing.T) {
			good := stream(t, name)
			for n := 0; n < len(good)-4; n += 10 {
				if _, _, err := Decode(good[:n], small); err == nil {
					t.Errorf("cut to %d of %d bytes: no error", n, len(good))
				}
			}
		})
	}
}

// FuzzInspect fuzzes what stands before the library.
func FuzzInspect(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x00jp2c\xff\x4f\xff\x51"))
	head := []byte("\xff\x4f\xff\x51\x00\x29\x00\x00" + // SOC, SIZ, its length, capabilities
		"\x00\x00\x00\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00" + // grid of 128 x 128
		"\x00\x00\x00\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00" + // one tile
		"\x00\x01\x0f\x01\x01") // one component of 16 bits
	f.Add(append(head, "\xff\x90\x00\x0a\x00\x00\x00\x00\x00\x10\x00\x01\xff\x93\x00\x00\xff\xd9"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := unwrap(data)
		if err != nil {
			return
		}
		if _, p, err := inspect(b, small); err == nil && (p < 1 || p > 16) {
			t.Fatalf("precision %d", p)
		}
	})
}

// FuzzDecode mutates whole streams through the library: no crash, no time beyond the
// deadline. It needs the corpus.
func FuzzDecode(f *testing.F) {
	if !Available {
		f.Skip("SKIPPED: built without OpenJPEG")
	}
	f.Add(stream(f, "j2k-lossy.dcm"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := Decode(data, small)
		if errors.Is(err, ErrDeadline) {
			t.Fatal(err)
		}
		if err == nil && len(got) != small.Samples() {
			t.Fatalf("%d samples", len(got))
		}
	})
}

// tilePart writes one, with a length that may lie, and a body of two bytes.
func tilePart(tile, length int) string {
	b := binary.BigEndian.AppendUint16([]byte("\xff\x90\x00\x0a"), uint16(tile))
	return string(binary.BigEndian.AppendUint32(b, uint32(length))) + "\x00\x01\xff\x93\x7f\x8f"
}

// Lengths of tile-parts that are wrong, as of encoders that count markers they do not write, are corrected where the markers tell; a cut
// is none of those.
func TestTileParts_WrongLengths(t *testing.T) {
	const eoc = "\xff\xd9"
	right := "\xff\x4f" + tilePart(0, 16) + tilePart(1, 16) + tilePart(1, 16) + eoc
	for name, c := range map[string]struct {
		in  string
		cut bool
	}{
		"right":                  {right, false},
		"first too long":         {"\xff\x4f" + tilePart(0, 22) + tilePart(1, 16) + tilePart(1, 16) + eoc, false},
		"all too long":           {"\xff\x4f" + tilePart(0, 24) + tilePart(1, 24) + tilePart(1, 24) + eoc, false},
		"first too short":        {"\xff\x4f" + tilePart(0, 14) + tilePart(1, 16) + tilePart(1, 16) + eoc, false},
		"beyond the end":         {"\xff\x4f" + tilePart(0, 16) + tilePart(1, 16) + tilePart(1, 1<<30) + eoc, false},
		"beyond the end, no EOC": {"\xff\x4f" + tilePart(0, 16) + tilePart(1, 16) + tilePart(1, 1<<30), true},
	} {
		got, err := tileParts([]byte(c.in), 2)
		if c.cut && !errors.Is(err, io.ErrUnexpectedEOF) || !c.cut && (err != nil || string(got) != right) {
			t.Errorf("%s: % x, %v", name, got, err)
		}
	}
}

// The library decodes a real codestream whose tile-part claims markers that were not written; cut, it stays refused.
func TestDecode_LengthCountsMarkersNotWritten(t *testing.T) {
	if !Available {
		t.Skip("SKIPPED: built without OpenJPEG")
	}
	for _, name := range []string{"j2k-lossless.dcm", "htj2k-lossless.dcm", "j2k-lossy.dcm"} {
		good := stream(t, name)
		want, _, err := Decode(good, small)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(good, []byte("\xff\x90\x00\x0a"))
		lying := slices.Clone(good)
		binary.BigEndian.PutUint32(lying[at+6:], binary.BigEndian.Uint32(good[at+6:])+6*8)
		lying[bytes.Index(good, []byte("\xff\x52"))+4] |= 6 // COD says that both are used
		got, _, err := Decode(lying, small)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, other samples than of the right length", name, err)
		}
		for _, n := range []int{len(good) / 3, len(good) - 40} {
			if _, _, err := Decode(lying[:n], small); err == nil {
				t.Errorf("%s cut to %d of %d bytes: no error", name, n, len(good))
			}
		}
	}
}
