package codestream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Markers of T.81 table B.1 and T.87 table C.1, second byte.
const (
	SOF0  = 0xC0 // baseline DCT
	SOF1  = 0xC1 // extended sequential DCT
	SOF3  = 0xC3 // lossless
	DHT   = 0xC4
	SOF55 = 0xF7 // JPEG-LS
	LSE   = 0xF8 // JPEG-LS parameters
	RST0  = 0xD0
	SOI   = 0xD8
	EOI   = 0xD9
	SOS   = 0xDA
	DQT   = 0xDB
	DRI   = 0xDD
)

// Segment is one marker with its parameters; Data is nil for markers without.
type Segment struct {
	Marker byte
	Data   []byte
}

// Reader steps through the marker segments of a JPEG or JPEG-LS codestream.
type Reader struct {
	data []byte
	pos  int
}

// NewReader begins behind the SOI marker, which must be the first thing in data.
func NewReader(data []byte) (*Reader, error) {
	if len(data) < 2 {
		return nil, fmt.Errorf("read SOI: %w", io.ErrUnexpectedEOF)
	}
	if data[0] != 0xFF || data[1] != SOI {
		return nil, fmt.Errorf("codestream begins with %02X %02X, not with SOI", data[0], data[1])
	}
	return &Reader{data: data, pos: 2}, nil
}

// Next returns the next marker segment. Fill bytes before a marker are passed over.
func (r *Reader) Next() (Segment, error) {
	if r.pos >= len(r.data) {
		return Segment{}, fmt.Errorf("marker expected at byte %d: %w", r.pos, io.ErrUnexpectedEOF)
	}
	if r.data[r.pos] != 0xFF {
		return Segment{}, fmt.Errorf("byte %d is %02X where a marker should be", r.pos, r.data[r.pos])
	}
	for r.pos < len(r.data) && r.data[r.pos] == 0xFF {
		r.pos++
	}
	if r.pos == len(r.data) {
		return Segment{}, fmt.Errorf("marker cut at byte %d: %w", r.pos, io.ErrUnexpectedEOF)
	}
	m := r.data[r.pos]
	r.pos++
	if m == 0x01 || m >= RST0 && m <= EOI {
		return Segment{Marker: m}, nil
	}
	if len(r.data)-r.pos < 2 {
		return Segment{}, fmt.Errorf("length of marker %02X at byte %d: %w", m, r.pos, io.ErrUnexpectedEOF)
	}
	n := int(binary.BigEndian.Uint16(r.data[r.pos:]))
	if n < 2 {
		return Segment{}, fmt.Errorf("marker %02X at byte %d has length %d", m, r.pos, n)
	}
	if n > len(r.data)-r.pos {
		return Segment{}, fmt.Errorf("marker %02X at byte %d has length %d: %w", m, r.pos, n, io.ErrUnexpectedEOF)
	}
	s := Segment{m, r.data[r.pos+2 : r.pos+n]}
	r.pos += n
	return s, nil
}

// Rest is what follows the last segment: behind SOS the entropy-coded data.
func (r *Reader) Rest() []byte { return r.data[r.pos:] }

// IsFrame tells whether m is one of the SOF markers.
func IsFrame(m byte) bool {
	return m == SOF55 || m >= SOF0 && m <= 0xCF && m != DHT && m != 0xC8 && m != 0xCC
}

// Kind returns the SOF marker of a JPEG or JPEG-LS codestream, which tells the process,
// whatever the transfer syntax says.
func Kind(data []byte) (byte, error) {
	r, err := NewReader(data)
	if err != nil {
		return 0, err
	}
	for {
		s, err := r.Next()
		if err != nil {
			return 0, err
		}
		if IsFrame(s.Marker) {
			return s.Marker, nil
		}
		if s.Marker == SOS || s.Marker == EOI {
			return 0, errors.New("codestream has no frame header")
		}
	}
}

// Frame is a frame header (T.81 B.2.2).
type Frame struct {
	Precision, Rows, Columns int
	Components               []Component
}

// Component is one component of a Frame.
type Component struct{ ID, H, V, Quantization byte }

// ParseFrame reads a frame header.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < 6 || len(b) != 6+3*int(b[5]) {
		return Frame{}, fmt.Errorf("frame header of %d bytes", len(b))
	}
	f := Frame{
		Precision: int(b[0]),
		Rows:      int(binary.BigEndian.Uint16(b[1:])),
		Columns:   int(binary.BigEndian.Uint16(b[3:])),
	}
	for c := b[6:]; len(c) > 0; c = c[3:] {
		f.Components = append(f.Components, Component{c[0], c[1] >> 4, c[1] & 15, c[2]})
	}
	return f, nil
}

// Scan is the header of a scan of one component (T.81 B.2.3, T.87 C.2.3).
type Scan struct {
	Component             byte
	DC, AC                byte // table destinations; DC alone in lossless
	Start, End, High, Low byte // Ss, Se, Ah, Al; Start is the predictor in lossless, NEAR in JPEG-LS
}

// ParseScan reads a scan header, which must be of one component.
func ParseScan(b []byte) (Scan, error) {
	if len(b) < 1 || len(b) != 4+2*int(b[0]) {
		return Scan{}, fmt.Errorf("scan header of %d bytes", len(b))
	}
	if b[0] != 1 {
		return Scan{}, &Mismatch{fmt.Sprintf("scan has %d components, one is expected", b[0])}
	}
	return Scan{Component: b[1], DC: b[2] >> 4, AC: b[2] & 15, Start: b[3], End: b[4], High: b[5] >> 4, Low: b[5] & 15}, nil
}

// ParseRestart reads the restart interval of a DRI segment, in MCUs.
func ParseRestart(b []byte) (int, error) {
	if len(b) != 2 {
		return 0, fmt.Errorf("restart interval of %d bytes", len(b))
	}
	return int(binary.BigEndian.Uint16(b)), nil
}
