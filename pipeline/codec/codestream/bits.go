package codestream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bits reads entropy-coded data: bytes up to the next marker, with the zero byte behind
// each FF removed (T.81 F.1.2.3).
type Bits struct {
	data []byte
	pos  int
	acc  uint64 // next bits, from the top
	n    int    // bits in acc
	pad  int    // bits at the end of what was put into acc that are not data
}

// NewBits reads from the beginning of data.
func NewBits(data []byte) *Bits { return &Bits{data: data} }

// fill brings at least 57 bits into acc, zeros where the data end.
func (b *Bits) fill() {
	for b.n <= 56 {
		if b.n <= 32 && len(b.data)-b.pos >= 4 {
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
		if c == 0xFF {
			if b.pos+1 >= len(b.data) || b.data[b.pos+1] != 0 {
				break
			}
			b.pos++
		}
		b.pos++
		b.acc |= uint64(c) << (56 - b.n)
		b.n += 8
	}
	if b.n <= 56 {
		b.pad += 64 - b.n
		b.n = 64
	}
}

// check returns an error once bits behind the data were used.
func (b *Bits) check() error {
	if b.n < b.pad {
		return fmt.Errorf("entropy-coded data end at byte %d: %w", b.pos, io.ErrUnexpectedEOF)
	}
	return nil
}

// Differences decodes one difference for each place of out (T.81 F.2.2.1 and H.2): a
// category from the table, then its additional bits. 32768 is given as -32768, the same
// modulo 65536.
func (b *Bits) Differences(t *Table, out []int32) error {
	acc, n := b.acc, b.n
	for i := range out {
		if n < 32 { // the longest code and the most additional bits
			b.acc, b.n = acc, n
			b.fill()
			acc, n = b.acc, b.n
		}
		e := &t.fast[acc>>(64-fastBits)]
		if e.total != 0 {
			out[i] = int32(e.value)
			acc <<= e.total & 63
			n -= int(e.total)
			continue
		}
		size, length := e.symbol, e.length
		if length == 0 {
			if size, length = t.long(acc); length == 0 {
				return b.noCode(acc, n)
			}
		}
		acc <<= length & 63
		n -= int(length)
		switch size {
		case 0:
			out[i] = 0
		case 16:
			out[i] = -32768
		default:
			out[i] = int32(extend(int(acc>>(64-size)), int(size)))
			acc <<= size & 63
			n -= int(size)
		}
	}
	b.acc, b.n = acc, n
	return b.check()
}

// noCode is the error of bits that are no code of the table.
func (b *Bits) noCode(acc uint64, n int) error {
	b.acc, b.n = acc, n
	if b.pad > 0 && n-b.pad < 16 {
		return fmt.Errorf("entropy-coded data end at byte %d: %w", b.pos, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("bits before byte %d are no Huffman code", b.pos)
}

// Block decodes the coefficients of one 8x8 block (T.81 F.2.2), in the order of the
// codestream (zig-zag), with the difference of the DC coefficient first. out must be
// zero. It returns the index of the last coefficient that is there.
func (b *Bits) Block(dc, ac *Table, out *[64]int32) (int, error) {
	if err := b.Differences(dc, out[:1]); err != nil {
		return 0, err
	}
	acc, n, last := b.acc, b.n, 0
	for k := 1; k < 64; k++ {
		if n < 32 {
			b.acc, b.n = acc, n
			b.fill()
			acc, n = b.acc, b.n
		}
		e := &ac.fast[acc>>(64-fastBits)]
		symbol, length := e.symbol, e.length
		if length == 0 {
			if symbol, length = ac.long(acc); length == 0 {
				return 0, b.noCode(acc, n)
			}
		}
		run, size := int(symbol>>4), int(symbol&15)
		acc <<= length & 63
		n -= int(length) + size
		if size == 0 {
			if run != 15 { // end of block
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return 0, errors.New("run of zeros behind the last coefficient")
		}
		out[k] = int32(extend(int(acc>>(64-size)), size))
		acc <<= size
		last = k
	}
	b.acc, b.n = acc, n
	return last, b.check()
}

// Restart passes a restart marker (T.81 F.2.2.3), which must be the i-th of the scan,
// counted from 0.
func (b *Bits) Restart(i int) error {
	p := b.pos
	for p+1 < len(b.data) && b.data[p] == 0xFF && b.data[p+1] == 0xFF {
		p++
	}
	if p+1 >= len(b.data) {
		return fmt.Errorf("restart marker %d expected at byte %d: %w", i, p, io.ErrUnexpectedEOF)
	}
	if b.data[p] != 0xFF || b.data[p+1] != byte(RST0+i%8) {
		return fmt.Errorf("%02X %02X at byte %d, restart marker %d expected", b.data[p], b.data[p+1], p, i)
	}
	*b = Bits{data: b.data, pos: p + 2}
	return nil
}
