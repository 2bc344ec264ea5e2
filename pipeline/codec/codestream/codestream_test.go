package codestream_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"jcsnode/pipeline/codec/codestream"
)

// longTable has one code of every length up to 16 bits, 0, 10, 110 and so on, for the
// categories 0 to 15, and category 16 with the other code of 16 bits.
func longTable(t *testing.T) *codestream.Table {
	t.Helper()
	b := []byte{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}
	for i := range 17 {
		b = append(b, byte(i))
	}
	var tables codestream.Tables
	if err := tables.Parse(b); err != nil {
		t.Fatal(err)
	}
	return tables[0][0]
}

// TestBits_Differences: short, long and longest codes, FF with its zero byte, 32768.
func TestBits_Differences(t *testing.T) {
	// 0 | 10 1 | 10 0 | 1111 1111 1111 1110 + 15 bits | 1111 1111 1111 1111
	bits := "0" + "101" + "100" + "1111111111111110" + "100000000000001" + "1111111111111111"
	want := []int32{0, 1, -1, 16385, -32768}
	data := pack(bits)
	b := codestream.NewBits(data)
	got := make([]int32, len(want))
	if err := b.Differences(longTable(t), got); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for n := range len(data) {
		err := codestream.NewBits(data[:n]).Differences(longTable(t), make([]int32, len(want)))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d of %d bytes: %v, want io.ErrUnexpectedEOF", n, len(data), err)
		}
	}
}

// pack makes bytes of bits, filled up with ones, a zero byte behind each FF.
func pack(bits string) []byte {
	for len(bits)%8 != 0 {
		bits += "1"
	}
	var out []byte
	for ; bits != ""; bits = bits[8:] {
		c := byte(0)
		for _, bit := range bits[:8] {
			c = c<<1 | byte(bit-'0')
		}
		out = append(out, c)
		if c == 0xFF {
			out = append(out, 0)
		}
	}
	return out
}

func TestBits_Restart(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		i    int
		good bool
		cut  bool
	}{
		"first":           {"\xff\xd0\x7f", 0, true, false},
		"ninth is RST0":   {"\xff\xd0\x7f", 8, true, false},
		"fill byte":       {"\xff\xff\xd1\x7f", 1, true, false},
		"other number":    {"\xff\xd1\x7f", 0, false, false},
		"data in between": {"\x7f\xff\xd0\x7f", 0, false, false},
		"end":             {"", 0, false, true},
		"FF at the end":   {"\xff", 0, false, true},
	} {
		b := codestream.NewBits([]byte(c.data))
		err := b.Restart(c.i)
		if (err == nil) != c.good || errors.Is(err, io.ErrUnexpectedEOF) != c.cut {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if out := make([]int32, 1); c.good && b.Differences(longTable(t), out) != nil {
			t.Errorf("%s: nothing can be read behind the marker", name)
		}
	}
}

func TestTables_ParseRefuses(t *testing.T) {
	counts := func(c ...byte) []byte { return append([]byte{0}, append(c, make([]byte, 16-len(c))...)...) }
	for name, b := range map[string][]byte{
		"cut counts":        {0, 1, 2},
		"cut symbols":       append(counts(1, 1), 5),
		"more than 256":     append(counts(0, 0, 0, 0, 0, 0, 0, 255, 255), make([]byte, 600)...),
		"code space":        append(counts(3), 1, 2, 3),
		"category 17":       append(counts(1), 17),
		"class 2":           append([]byte{0x20}, counts(1)[1:]...),
		"destination 4":     append([]byte{4}, append(counts(1)[1:], 0)...),
		"second table is 1": append(append(counts(1), 3), 0),
	} {
		var tables codestream.Tables
		if err := tables.Parse(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestKind(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want byte
	}{
		"lossless":            {"\xff\xd8\xff\xe0\x00\x04ab\xff\xc3\x00\x02", codestream.SOF3},
		"JPEG-LS, fill bytes": {"\xff\xd8\xff\xff\xff\xf7\x00\x02", codestream.SOF55},
		"no frame":            {"\xff\xd8\xff\xda\x00\x02", 0},
		"segment past end":    {"\xff\xd8\xff\xe0\xff\xff", 0},
		"length 1":            {"\xff\xd8\xff\xe0\x00\x01", 0},
		"no marker":           {"\xff\xd8\x00", 0},
		"FF to the end":       {"\xff\xd8\xff\xff", 0},
		"no SOI":              {"\x00\x00", 0},
		"empty":               {"", 0},
	} {
		if got, err := codestream.Kind([]byte(c.data)); got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%s: %02X, %v, want %02X", name, got, err, c.want)
		}
	}
}
