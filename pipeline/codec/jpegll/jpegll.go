// Package jpegll decodes JPEG Lossless, Huffman coded (ITU-T T.81 annex H, process 14):
// the transfer syntaxes .57 and, with predictor 1, .70. One component, 2 to 16 bits, all
// seven predictors, point transform and restart intervals.
package jpegll

import (
	"errors"
	"fmt"
	"io"

	"jcsnode/pipeline/codec/codestream"
)

// Decode returns rows x columns samples, unsigned and modulo 65536 as the process works
// (H.1.2.1), and the precision that the codestream states. The frame header is compared
// with im before anything is allocated; a stream without EOI is accepted when all
// samples are there.
func Decode(data []byte, im codestream.Image) (samples []int32, precision int, err error) {
	r, err := codestream.NewReader(data)
	if err != nil {
		return nil, 0, err
	}
	var tables codestream.Tables
	var frame *codestream.Frame
	restart := 0
	for {
		s, err := r.Next()
		if err != nil {
			return nil, 0, err
		}
		switch {
		case s.Marker == codestream.DHT:
			err = tables.Parse(s.Data)
		case s.Marker == codestream.DRI:
			restart, err = codestream.ParseRestart(s.Data)
		case s.Marker == codestream.SOF3:
			frame, err = header(s.Data, im)
		case codestream.IsFrame(s.Marker):
			err = fmt.Errorf("frame of process %02X in place of JPEG Lossless", s.Marker)
		case s.Marker == codestream.EOI:
			err = errors.New("codestream has no scan")
		case s.Marker == codestream.SOS:
			if frame == nil {
				return nil, 0, errors.New("scan without frame header")
			}
			sc, err := newScan(s.Data, frame.Precision, im, &tables, restart)
			if err != nil {
				return nil, 0, err
			}
			samples, err := sc.decode(r.Rest())
			return samples, frame.Precision, err
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// header reads the frame header and compares it with the data set.
func header(b []byte, im codestream.Image) (*codestream.Frame, error) {
	f, err := codestream.ParseFrame(b)
	if err != nil {
		return nil, err
	}
	if f.Precision < 2 || f.Precision > 16 {
		return nil, fmt.Errorf("precision %d, JPEG Lossless has 2 to 16", f.Precision)
	}
	if err := im.Check(f.Rows, f.Columns, len(f.Components), f.Precision); err != nil {
		return nil, err
	}
	return &f, nil
}

// scan is what the decoding of the one scan needs.
type scan struct {
	im        codestream.Image
	table     *codestream.Table
	predictor byte
	shift     byte  // point transform
	start     int32 // prediction of the first sample
	restart   int   // rows between restart markers, 0 for none
}

func newScan(b []byte, precision int, im codestream.Image, tables *codestream.Tables, restart int) (*scan, error) {
	h, err := codestream.ParseScan(b)
	if err != nil {
		return nil, err
	}
	if h.Start < 1 || h.Start > 7 {
		return nil, fmt.Errorf("predictor %d, JPEG Lossless has 1 to 7", h.Start)
	}
	if int(h.Low) >= precision {
		return nil, fmt.Errorf("point transform of %d bits at precision %d", h.Low, precision)
	}
	if h.DC > 3 || tables[0][h.DC] == nil {
		return nil, fmt.Errorf("scan uses Huffman table %d, which is not defined", h.DC)
	}
	if restart%im.Columns != 0 { // H.1.1: a whole number of rows
		return nil, fmt.Errorf("restart interval of %d samples is no whole number of rows", restart)
	}
	return &scan{
		im: im, table: tables[0][h.DC], predictor: h.Start, shift: h.Low,
		start: 1 << (precision - int(h.Low) - 1), restart: restart / im.Columns,
	}, nil
}

func (s *scan) decode(data []byte) ([]int32, error) {
	if s.im.Samples()/8 > len(data) { // every sample has a code of at least one bit
		return nil, fmt.Errorf("%d bytes cannot hold %d samples: %w", len(data), s.im.Samples(), io.ErrUnexpectedEOF)
	}
	w := s.im.Columns
	out := make([]int32, s.im.Samples())
	bits := codestream.NewBits(data)
	first := 0 // first row of the restart interval
	for y := range s.im.Rows {
		if s.restart > 0 && y > 0 && y%s.restart == 0 {
			if err := bits.Restart(y/s.restart - 1); err != nil {
				return nil, fmt.Errorf("row %d: %w", y, err)
			}
			first = y
		}
		row := out[y*w : (y+1)*w]
		if err := bits.Differences(s.table, row); err != nil {
			return nil, fmt.Errorf("row %d: %w", y, err)
		}
		if y == first {
			predictLeft(row, s.start)
		} else {
			s.predict(row, out[(y-1)*w:y*w])
		}
	}
	if s.shift > 0 {
		for i := range out {
			out[i] = out[i] << s.shift & 0xFFFF
		}
	}
	return out, nil
}
