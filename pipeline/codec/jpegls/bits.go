package jpegls

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// bitReader reads the bits of a JPEG-LS scan: behind a byte FF the top bit of the next
// byte is 0 and no data; if it is 1, both are a marker and the data end (T.87 9.1).
type bitReader struct {
	data    []byte
	pos     int
	stuffed bool   // the last byte was FF
	acc     uint64 // next bits, from the top
	n       int    // bits in acc
	pad     int    // bits at the end of what was put into acc that are not data
}

// fill brings at least 57 bits into acc, zeros where the data end.
func (b *bitReader) fill() {
	for b.n <= 56 {
		if b.n <= 32 && !b.stuffed && len(b.data)-b.pos >= 4 {
			w := binary.BigEndian.Uint32(b.data[b.pos:])
			if x := ^w; (x-0x01010101)&^x&0x80808080 == 0 { // no byte is FF
				b.acc |= uint64(w) << (32 - b.n)
				b.n += 32
				b.pos += 4
				continue
			}
		}
		if b.pos >= len(b.data) {
			break
		}
		c := b.data[b.pos]
		if c == 0xFF && (b.pos+1 >= len(b.data) || b.data[b.pos+1] >= 0x80) {
			break
		}
		if b.stuffed {
			b.acc |= uint64(c) << (57 - b.n)
			b.n += 7
		} else {
			b.acc |= uint64(c) << (56 - b.n)
			b.n += 8
		}
		b.stuffed = c == 0xFF
		b.pos++
	}
	if b.n <= 56 {
		b.pad += 64 - b.n
		b.n = 64
	}
}

// check returns an error once bits behind the data were used.
func (b *bitReader) check() error {
	if b.n < b.pad {
		return fmt.Errorf("scan data end at byte %d: %w", b.pos, io.ErrUnexpectedEOF)
	}
	return nil
}

// bit reads one bit.
func (b *bitReader) bit() uint64 {
	if b.n < 1 {
		b.fill()
	}
	v := b.acc >> 63
	b.acc <<= 1
	b.n--
	return v
}

// bits reads k bits, 32 at most.
func (b *bitReader) bits(k int) int32 {
	if b.n < k {
		b.fill()
	}
	v := b.acc >> 32 >> (32 - k)
	b.acc <<= k & 63
	b.n -= k
	return int32(v)
}

// golomb reads a value of the limited-length Golomb code (T.87 A.5.3): a number of
// zeros, a one, and k bits; from limit zeros on, the value less 1 in qbpp bits.
func (b *bitReader) golomb(k, limit, qbpp int) int32 {
	zeros := bits.LeadingZeros64(b.acc)
	if zeros+1+k > b.n {
		b.fill()
		zeros = bits.LeadingZeros64(b.acc)
	}
	if zeros >= limit {
		b.acc <<= (limit + 1) & 63
		b.n -= limit + 1
		return b.bits(qbpp) + 1
	}
	b.acc <<= (zeros + 1) & 63
	b.n -= zeros + 1
	return int32(zeros)<<k | b.bits(k)
}
