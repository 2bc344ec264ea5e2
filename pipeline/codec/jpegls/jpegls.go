// Package jpegls decodes JPEG-LS, lossless and near-lossless (ITU-T T.87): the transfer
// syntaxes .80 and .81. One component, 2 to 16 bits, preset coding parameters; neither
// mapping tables nor restart intervals, which DICOM encoders do not write.
package jpegls

import (
	"encoding/binary"
	"errors"
	"fmt"

	"jcsnode/pipeline/codec/codestream"
)

// Decode returns rows x columns samples, unsigned, and the precision that the codestream
// states. The frame header is compared with im before anything is allocated; a stream
// without EOI is accepted when all samples are there.
func Decode(data []byte, im codestream.Image) (samples []int32, precision int, err error) {
	r, err := codestream.NewReader(data)
	if err != nil {
		return nil, 0, err
	}
	var preset []byte
	for {
		s, err := r.Next()
		if err != nil {
			return nil, 0, err
		}
		switch {
		case s.Marker == codestream.SOF55:
			f, err := codestream.ParseFrame(s.Data)
			if err != nil {
				return nil, 0, err
			}
			if f.Precision < 2 || f.Precision > 16 {
				return nil, 0, fmt.Errorf("precision %d, JPEG-LS has 2 to 16", f.Precision)
			}
			if err := im.Check(f.Rows, f.Columns, len(f.Components), f.Precision); err != nil {
				return nil, 0, err
			}
			precision = f.Precision
		case s.Marker == codestream.LSE:
			if len(s.Data) != 11 || s.Data[0] != 1 {
				return nil, 0, errors.New("JPEG-LS with mapping table or oversize image is not supported")
			}
			preset = s.Data[1:]
		case s.Marker == codestream.DRI:
			if n, err := codestream.ParseRestart(s.Data); err != nil || n != 0 {
				return nil, 0, errors.New("JPEG-LS with restart intervals is not supported")
			}
		case codestream.IsFrame(s.Marker):
			return nil, 0, fmt.Errorf("frame of process %02X in place of JPEG-LS", s.Marker)
		case s.Marker == codestream.EOI:
			return nil, 0, errors.New("codestream has no scan")
		case s.Marker == codestream.SOS:
			if precision == 0 {
				return nil, 0, errors.New("scan without frame header")
			}
			samples, err := scan(s.Data, r.Rest(), im, precision, preset)
			return samples, precision, err
		}
	}
}

// NearLossless tells whether samples may differ from what was encoded (NEAR in the scan header, T.87 C.2.3).
func NearLossless(data []byte) bool {
	r, err := codestream.NewReader(data)
	for err == nil {
		var s codestream.Segment
		if s, err = r.Next(); err == nil && s.Marker == codestream.SOS {
			h, err := codestream.ParseScan(s.Data)
			return err == nil && h.Start > 0
		}
	}
	return false
}

func scan(header, data []byte, im codestream.Image, precision int, preset []byte) ([]int32, error) {
	h, err := codestream.ParseScan(header)
	if err != nil {
		return nil, err
	}
	if h.DC != 0 || h.AC != 0 {
		return nil, errors.New("JPEG-LS with mapping table is not supported")
	}
	if h.Low != 0 || h.High != 0 {
		return nil, errors.New("JPEG-LS with point transform is not supported")
	}
	p, err := newParameters(precision, int(h.Start), preset)
	if err != nil {
		return nil, err
	}
	d := newDecoder(p, data)
	w := im.Columns
	out := make([]int32, im.Samples())
	// Lines with a sample more on both sides (T.87 A.2.1).
	above, line := make([]int32, w+2), make([]int32, w+2)
	for y := range im.Rows {
		line[0], above[w+1] = above[1], above[w]
		if err := d.line(line, above); err != nil {
			return nil, fmt.Errorf("row %d: %w", y, err)
		}
		copy(out[y*w:], line[1:w+1])
		above, line = line, above
	}
	return out, nil
}

// parameters are the coding parameters of T.87 C.2.4.1.1 and what A.2.1 derives from them.
type parameters struct {
	maxval, near, t1, t2, t3, reset int
	step                            int // 2 x NEAR + 1
	span                            int // RANGE
	qbpp, limit                     int
}

func newParameters(precision, near int, preset []byte) (parameters, error) {
	p := parameters{maxval: 1<<precision - 1, near: near, reset: 64}
	var given [5]int
	for i := range given {
		if preset != nil {
			given[i] = int(binary.BigEndian.Uint16(preset[2*i:]))
		}
	}
	if given[0] > p.maxval {
		return p, fmt.Errorf("MAXVAL %d with %d bits per sample", given[0], precision)
	}
	if given[0] != 0 {
		p.maxval = given[0]
	}
	if near > min(255, p.maxval/2) {
		return p, fmt.Errorf("NEAR %d with MAXVAL %d", near, p.maxval)
	}
	p.thresholds()
	for i, field := range []*int{&p.t1, &p.t2, &p.t3, &p.reset} {
		if given[1+i] != 0 {
			*field = given[1+i]
		}
	}
	if p.t1 <= near || p.t1 > p.t2 || p.t2 > p.t3 || p.t3 > p.maxval || p.reset < 3 {
		return p, fmt.Errorf("thresholds %d, %d, %d, RESET %d are out of order", p.t1, p.t2, p.t3, p.reset)
	}
	p.step = 2*near + 1
	p.span = (p.maxval+2*near)/p.step + 1
	p.qbpp = bitsFor(p.span)
	bpp := max(2, bitsFor(p.maxval+1))
	p.limit = 2 * (bpp + max(8, bpp))
	return p, nil
}

// thresholds sets the default T1, T2, T3 (T.87 C.2.4.1.1.1).
func (p *parameters) thresholds() {
	clamp := func(v, low int) int {
		if v > p.maxval || v < low {
			return low
		}
		return v
	}
	n := p.near
	if p.maxval >= 128 {
		f := (min(p.maxval, 4095) + 128) / 256
		p.t1 = clamp(f*(3-2)+2+3*n, n+1)
		p.t2 = clamp(f*(7-3)+3+5*n, p.t1)
		p.t3 = clamp(f*(21-4)+4+7*n, p.t2)
		return
	}
	f := 256 / (p.maxval + 1)
	p.t1 = clamp(max(2, 3/f+3*n), n+1)
	p.t2 = clamp(max(3, 7/f+5*n), p.t1)
	p.t3 = clamp(max(4, 21/f+7*n), p.t2)
}

// bitsFor is the smallest number of bits that tells n values apart.
func bitsFor(n int) int {
	b := 0
	for 1<<b < n {
		b++
	}
	return b
}
