package pdu

import (
	"encoding/binary"
	"fmt"
)

const (
	// PDVHeaderLength is the length of what stands before the fragment in a presentation data value: length, context ID,
	// message control header.
	PDVHeaderLength = 6

	// PDataHeaderLength is the length of what stands before the fragment in a P-DATA-TF that holds a single one.
	PDataHeaderLength = HeaderLength + PDVHeaderLength
)

// PDV is the beginning of a presentation data value (PS3.8 section 9.3.5.1, annex E.2). Its fragment follows.
type PDV struct {
	Length    uint32 // of the fragment in bytes, may be 0 or odd
	ContextID byte
	Command   bool // the fragment belongs to a command set, otherwise to a data set
	Last      bool // the fragment is the last one of its set
}

// DecodePDV reads the first PDVHeaderLength bytes of a presentation data value. left is what the P-DATA-TF still
// holds from there on. Bits 2 to 7 of the message control header are not tested.
func DecodePDV(b []byte, left uint32) (PDV, error) {
	if len(b) < PDVHeaderLength || left < PDVHeaderLength {
		return PDV{}, &Error{Offset: min(len(b), int(left)), What: "presentation data value is cut"}
	}
	length := binary.BigEndian.Uint32(b)
	if length < 2 || length > left-4 {
		return PDV{}, &Error{What: fmt.Sprintf("presentation data value of %d bytes where %d are left", length, left-4)}
	}
	return PDV{length - 2, b[4], b[5]&1 != 0, b[5]&2 != 0}, nil
}

// PutPData writes the header of a P-DATA-TF that holds this value alone into the first PDataHeaderLength bytes of b; the
// fragment follows behind it.
func PutPData(b []byte, v PDV) {
	b[0], b[1] = byte(TypePData), 0
	binary.BigEndian.PutUint32(b[2:], v.Length+PDVHeaderLength)
	binary.BigEndian.PutUint32(b[6:], v.Length+2)
	b[10], b[11] = v.ContextID, flag(v.Command)|flag(v.Last)<<1
}

// FragmentLength is the longest fragment, in bytes, of a P-DATA-TF for a peer that announced maxLength (0: no limit), and
// at most limit. It is even, as senders have to see to (PS3.8 annex E.1), unless the peer leaves room for a single byte.
func FragmentLength(maxLength, limit uint32) int {
	if maxLength == 0 || maxLength > limit {
		maxLength = limit
	}
	if maxLength < PDVHeaderLength+2 {
		return 1
	}
	return int(maxLength-PDVHeaderLength) &^ 1
}

// AppendPData writes set as P-DATA-TFs with fragments of at most fragment bytes; v.Length and v.Last are ignored.
func AppendPData(b []byte, v PDV, set []byte, fragment int) []byte {
	for {
		n := min(fragment, len(set))
		v.Length, v.Last = uint32(n), n == len(set)
		var header [PDataHeaderLength]byte
		PutPData(header[:], v)
		b = append(b, header[:]...)
		b = append(b, set[:n]...)
		set = set[n:]
		if v.Last {
			return b
		}
	}
}
