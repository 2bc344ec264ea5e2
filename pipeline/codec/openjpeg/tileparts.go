package openjpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Markers of T.800 table A.2.
const (
	cod = 0xFF52
	ppm = 0xFF60
	sot = 0xFF90
	sop = 0xFF91
	eph = 0xFF92
	eoc = 0xFFD9
)

// Bits of Scod (T.800 table A.13).
const (
	usesSOP = 2
	usesEPH = 4
)

// tileParts follows the tile-parts (T.800 A.4.2) and wants one of each tile. Some encoders count SOP and EPH markers into the length
// of a tile-part that they do not write: where no marker stands at the end of one, it is corrected to where the next one is. The bytes
// between cannot look like one.
func tileParts(data []byte, tiles int) ([]byte, error) {
	seen := make([]bool, tiles)
	left := tiles
	corrected := false
	for at := 2; at+4 <= len(data); {
		marker, length := binary.BigEndian.Uint16(data[at:]), int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == eoc {
			break
		}
		if left == 0 && marker != sot {
			break // padding
		}
		if marker < 0xFF00 || length < 2 {
			return nil, fmt.Errorf("%04X at byte %d of the codestream where a marker should be", marker, at)
		}
		if marker != sot {
			at += 2 + length
			continue
		}
		if at+12 > len(data) {
			break
		}
		index, part := int(binary.BigEndian.Uint16(data[at+4:])), int(binary.BigEndian.Uint32(data[at+6:]))
		if index >= tiles {
			return nil, fmt.Errorf("tile-part of tile %d, %d are announced", index, tiles)
		}
		if !seen[index] {
			seen[index] = true
			left--
		}
		if part == 0 { // up to the end
			break
		}
		if !endsAtMarker(data, at, part) {
			if next := nextMarker(data, at+12, sot, eoc); next > 0 {
				if !corrected {
					data, corrected = bytes.Clone(data), true
				}
				part = next - at
				binary.BigEndian.PutUint32(data[at+6:], uint32(part))
			}
		}
		if part < 14 || part > len(data)-at {
			return nil, fmt.Errorf("tile-part of %d bytes at byte %d of %d: %w", part, at, len(data), io.ErrUnexpectedEOF)
		}
		at += part
	}
	if left > 0 {
		return nil, fmt.Errorf("%d of %d tiles are missing: %w", left, tiles, io.ErrUnexpectedEOF)
	}
	return data, nil
}

// endsAtMarker says whether behind a tile-part there is another one, the end of the codestream, or nothing.
func endsAtMarker(data []byte, at, part int) bool {
	if part < 14 || part > len(data)-at {
		return false
	}
	if at += part; at+2 > len(data) {
		return true
	}
	marker := binary.BigEndian.Uint16(data[at:])
	return marker == sot || marker == eoc
}

// nextMarker finds the next of two markers; -1 if there is none. Coded data hold no code above FF8F (T.800 B.10.1, D.4.1).
func nextMarker(data []byte, from int, a, b uint16) int {
	for at := from; at+1 < len(data); at++ {
		if marker := binary.BigEndian.Uint16(data[at:]); marker == a || marker == b {
			return at
		}
	}
	return -1
}

// codingStyle finds the COD marker segment of the main header (T.800 A.6.1) and the end of that header; 0 if there is none, or if packet
// headers lie in the main header.
func codingStyle(data []byte) (at, end int) {
	found := 0
	for at := 2; at+4 <= len(data); {
		marker, length := binary.BigEndian.Uint16(data[at:]), int(binary.BigEndian.Uint16(data[at+2:]))
		switch {
		case marker == sot:
			return found, at
		case marker == ppm || length < 2:
			return 0, 0
		case marker == cod && length >= 12 && at+14 <= len(data):
			found = at
		}
		at += 2 + length
	}
	return 0, 0
}

// claimsOnlyWritten takes the use of SOP and EPH markers out of a header that claims it for a codestream without any: a decoder would
// miss them.
func claimsOnlyWritten(data []byte) []byte {
	at, end := codingStyle(data)
	if at == 0 {
		return data
	}
	style := data[at+4]
	for _, use := range []struct {
		bit    byte
		marker uint16
	}{{usesSOP, sop}, {usesEPH, eph}} {
		if style&use.bit != 0 && nextMarker(data, end, use.marker, use.marker) < 0 {
			style &^= use.bit
		}
	}
	if style != data[at+4] {
		data = bytes.Clone(data)
		data[at+4] = style
	}
	return data
}
