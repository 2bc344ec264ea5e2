package jpegll_test

import "encoding/binary"

// options of the encoder of this test.
type options struct {
	rows, columns, precision, predictor, shift int
	restart                                    int // rows
}

// encode writes samples as JPEG Lossless (T.81 annex H), each difference with a code of
// 5 bits, which is its category.
func encode(samples []int32, o options) []byte {
	out := []byte{0xFF, 0xD8, 0xFF, 0xC3, 0, 11, byte(o.precision)}
	out = binary.BigEndian.AppendUint16(out, uint16(o.rows))
	out = binary.BigEndian.AppendUint16(out, uint16(o.columns))
	out = append(out, 1, 1, 0x11, 0)
	out = append(out, 0xFF, 0xC4, 0, 36, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for i := range 17 {
		out = append(out, byte(i))
	}
	if o.restart > 0 {
		out = append(out, 0xFF, 0xDD, 0, 4)
		out = binary.BigEndian.AppendUint16(out, uint16(o.restart*o.columns))
	}
	out = append(out, 0xFF, 0xDA, 0, 8, 1, 1, 0, byte(o.predictor), 0, byte(o.shift))
	w := bitWriter{out: out}
	at := func(y, x int) int { return int(samples[y*o.columns+x]) >> o.shift }
	first := 0
	for y := range o.rows {
		if o.restart > 0 && y > 0 && y%o.restart == 0 {
			w.flush()
			w.out = append(w.out, 0xFF, 0xD0+byte((y/o.restart-1)%8))
			first = y
		}
		for x := range o.columns {
			w.difference(int16(at(y, x) - predict(at, y, x, first, o)))
		}
	}
	w.flush()
	return append(w.out, 0xFF, 0xD9)
}

func predict(at func(y, x int) int, y, x, first int, o options) int {
	switch {
	case y == first && x == 0:
		return 1 << (o.precision - o.shift - 1)
	case y == first:
		return at(y, x-1)
	case x == 0:
		return at(y-1, x)
	}
	a, b, c := at(y, x-1), at(y-1, x), at(y-1, x-1)
	return [8]int{0, a, b, c, a + b - c, a + (b-c)>>1, b + (a-c)>>1, (a + b) >> 1}[o.predictor]
}

type bitWriter struct {
	out []byte
	acc uint32
	n   int
}

func (w *bitWriter) difference(d int16) {
	size := 0
	for v := max(int(d), -int(d)); v > 0; v >>= 1 {
		size++
	}
	w.bits(uint32(size), 5)
	v := int(d)
	if v < 0 {
		v += 1<<size - 1
	}
	if size < 16 {
		w.bits(uint32(v), size)
	}
}

func (w *bitWriter) bits(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		w.acc = w.acc<<1 | v>>i&1
		if w.n++; w.n == 8 {
			w.out = append(w.out, byte(w.acc))
			if byte(w.acc) == 0xFF {
				w.out = append(w.out, 0)
			}
			w.acc, w.n = 0, 0
		}
	}
}

// flush fills the last byte with ones.
func (w *bitWriter) flush() {
	for w.n > 0 {
		w.bits(1, 1)
	}
}
