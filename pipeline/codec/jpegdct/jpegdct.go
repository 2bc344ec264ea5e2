// Package jpegdct decodes JPEG Baseline and Extended sequential, Huffman coded, 8 and 12
// bits (ITU-T T.81 annex F, processes 1, 2 and 4): the transfer syntaxes .50 and .51. One
// component; a float inverse DCT, so that results may differ by 1 from those of an
// integer one.
package jpegdct

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"jcsnode/pipeline/codec/codestream"
)

// zigzag is the place in the block of each coefficient in the order of the codestream.
var zigzag = [64]byte{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// decoder is what the marker segments before the scan have set up.
type decoder struct {
	im           codestream.Image
	tables       codestream.Tables
	quantization [4]*[64]float32 // in codestream order, scaled for idct
	frame        *codestream.Frame
	restart      int // blocks between restart markers, 0 for none
}

// Decode returns rows x columns samples, unsigned, and the precision that the codestream
// states (8 or 12). The frame header is compared with im before anything is allocated; a
// stream without EOI is accepted when all blocks are there.
func Decode(data []byte, im codestream.Image) (samples []int32, precision int, err error) {
	r, err := codestream.NewReader(data)
	if err != nil {
		return nil, 0, err
	}
	d := &decoder{im: im}
	for {
		s, err := r.Next()
		if err != nil {
			return nil, 0, err
		}
		if s.Marker == codestream.SOS {
			samples, err := d.scan(s.Data, r.Rest())
			if err != nil {
				return nil, 0, err
			}
			return samples, d.frame.Precision, nil
		}
		if err := d.segment(s); err != nil {
			return nil, 0, err
		}
	}
}

func (d *decoder) segment(s codestream.Segment) (err error) {
	switch {
	case s.Marker == codestream.DHT:
		return d.tables.Parse(s.Data)
	case s.Marker == codestream.DQT:
		return d.parseQuantization(s.Data)
	case s.Marker == codestream.DRI:
		d.restart, err = codestream.ParseRestart(s.Data)
		return err
	case s.Marker == codestream.SOF0 || s.Marker == codestream.SOF1:
		f, err := codestream.ParseFrame(s.Data)
		if err != nil {
			return err
		}
		if f.Precision != 8 && f.Precision != 12 {
			return fmt.Errorf("precision %d, JPEG with DCT has 8 or 12", f.Precision)
		}
		d.frame = &f
		return d.im.Check(f.Rows, f.Columns, len(f.Components), f.Precision)
	case codestream.IsFrame(s.Marker):
		return fmt.Errorf("frame of process %02X in place of sequential JPEG", s.Marker)
	case s.Marker == codestream.EOI:
		return errors.New("codestream has no scan")
	}
	return nil
}

// parseQuantization reads a DQT segment (T.81 B.2.4.1).
func (d *decoder) parseQuantization(b []byte) error {
	for len(b) > 0 {
		wide, destination := b[0]>>4, b[0]&15
		size := 64 << (wide & 1)
		if wide > 1 || destination > 3 || len(b) < 1+size {
			return fmt.Errorf("quantization table %02X of %d bytes", b[0], len(b)-1)
		}
		var t [64]float32
		for k := range t {
			q := float32(b[1+k])
			if wide == 1 {
				q = float32(binary.BigEndian.Uint16(b[1+2*k:]))
			}
			t[k] = q * idctScale[zigzag[k]>>3] * idctScale[zigzag[k]&7] / 8
		}
		d.quantization[destination] = &t
		b = b[1+size:]
	}
	return nil
}

// scan decodes the one scan. In a sequential frame that is all coefficients, whatever its header says of a part of them: some encoders
// write 0 to 0 in place of 0 to 63 (NEMA WG-04, JPLY). Of a single component the blocks lie row by row, whatever
// its sampling factors (T.81 A.2.2).
func (d *decoder) scan(header, data []byte) ([]int32, error) {
	h, err := codestream.ParseScan(header)
	if err != nil {
		return nil, err
	}
	if d.frame == nil {
		return nil, errors.New("scan without frame header")
	}
	if h.DC > 3 || h.AC > 3 || d.tables[0][h.DC] == nil || d.tables[1][h.AC] == nil {
		return nil, fmt.Errorf("scan uses Huffman tables %d and %d, which are not defined", h.DC, h.AC)
	}
	q := d.frame.Components[0].Quantization
	if q > 3 || d.quantization[q] == nil {
		return nil, fmt.Errorf("frame uses quantization table %d, which is not defined", q)
	}
	across, down := (d.im.Columns+7)/8, (d.im.Rows+7)/8
	if across*down/4 > len(data) { // a block has two codes of at least one bit
		return nil, fmt.Errorf("%d bytes cannot hold %d blocks: %w", len(data), across*down, io.ErrUnexpectedEOF)
	}
	out := make([]int32, d.im.Samples())
	bits := codestream.NewBits(data)
	dc := int32(0)
	for i := range across * down {
		if d.restart > 0 && i > 0 && i%d.restart == 0 {
			if err := bits.Restart(i/d.restart - 1); err != nil {
				return nil, fmt.Errorf("block %d: %w", i, err)
			}
			dc = 0
		}
		var coefficients [64]int32
		last, err := bits.Block(d.tables[0][h.DC], d.tables[1][h.AC], &coefficients)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		dc += coefficients[0]
		coefficients[0] = dc
		d.place(out, i/across*8, i%across*8, &coefficients, last, d.quantization[q])
	}
	return out, nil
}

// place puts the samples of one block into the image at row y, column x.
func (d *decoder) place(out []int32, y, x int, c *[64]int32, last int, q *[64]float32) {
	var b [64]float32
	b[0] = float32(c[0]) * q[0]
	for k := 1; k <= last; k++ {
		b[zigzag[k]] = float32(c[k]) * q[k]
	}
	if last == 0 {
		for i := range b {
			b[i] = b[0]
		}
	} else {
		idct(&b)
	}
	limit := float32(int32(1)<<d.frame.Precision - 1)
	half := float32(int32(1)<<(d.frame.Precision-1)) + 0.5
	w, h := min(8, d.im.Columns-x), min(8, d.im.Rows-y)
	for r := range h {
		row := out[(y+r)*d.im.Columns+x:][:w]
		for i := range row {
			v := b[8*r+i] + half // never NaN: coefficients are finite
			row[i] = int32(min(max(v, 0), limit))
		}
	}
}
