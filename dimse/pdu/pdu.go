package pdu

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Type is the first byte of a PDU.
type Type byte

// The PDU types of PS3.8 section 9.3.1.
const (
	TypeAssociateRQ Type = 0x01
	TypeAssociateAC Type = 0x02
	TypeAssociateRJ Type = 0x03
	TypePData       Type = 0x04
	TypeReleaseRQ   Type = 0x05
	TypeReleaseRP   Type = 0x06
	TypeAbort       Type = 0x07
)

// String returns the name that PS3.8 gives to the type.
func (t Type) String() string {
	switch t {
	case TypeAssociateRQ:
		return "A-ASSOCIATE-RQ"
	case TypeAssociateAC:
		return "A-ASSOCIATE-AC"
	case TypeAssociateRJ:
		return "A-ASSOCIATE-RJ"
	case TypePData:
		return "P-DATA-TF"
	case TypeReleaseRQ:
		return "A-RELEASE-RQ"
	case TypeReleaseRP:
		return "A-RELEASE-RP"
	case TypeAbort:
		return "A-ABORT"
	}
	return fmt.Sprintf("PDU type %02XH", byte(t))
}

const (
	// HeaderLength is the length of what stands before every PDU: type, reserved byte, four bytes of length.
	HeaderLength = 6

	// ControlLength is the length field of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT.
	ControlLength = 4

	// MaxAssociateLength is the longest A-ASSOCIATE-RQ or -AC that is read, in bytes. 128 presentation contexts with 40
	// transfer syntaxes of 30 bytes each take 180 KB, which leaves room for a user identity of 64 KiB.
	MaxAssociateLength = 256 << 10

	// minAssociateLength is the fixed part of A-ASSOCIATE-RQ and -AC.
	minAssociateLength = 68
)

// Header is the beginning of every PDU. Length counts the bytes that follow the header.
type Header struct {
	Type   Type
	Length uint32
}

// DecodeHeader reads the first HeaderLength bytes of a PDU. Whether the type is known and the length can be is left to
// Check, since the answer to the peer depends on its state.
func DecodeHeader(b []byte) (Header, error) {
	if len(b) < HeaderLength {
		return Header{}, &Error{Offset: len(b), What: "PDU header is cut"}
	}
	return Header{Type: Type(b[0]), Length: binary.BigEndian.Uint32(b[2:])}, nil
}

// Check compares the length with what the type allows. maxData is the longest P-DATA-TF in bytes that this side
// announced, 0 for no limit. Unknown types pass.
func (h Header) Check(maxData uint32) error {
	bad := false
	switch h.Type {
	case TypeAssociateRQ, TypeAssociateAC:
		bad = h.Length < minAssociateLength || h.Length > MaxAssociateLength
	case TypePData:
		bad = h.Length < PDVHeaderLength || maxData > 0 && h.Length > maxData
	case TypeAssociateRJ, TypeReleaseRQ, TypeReleaseRP, TypeAbort:
		bad = h.Length != ControlLength
	}
	if bad {
		return &Error{Offset: 2, What: fmt.Sprintf("length %d of %v is not possible here", h.Length, h.Type)}
	}
	return nil
}

// Error says where bytes could not be decoded, or which value could not be encoded.
type Error struct {
	Offset int // from the first byte of the PDU, or of the command set
	What   string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (at byte %d)", e.What, e.Offset) }

// cursor walks over bytes and knows where they stand in the PDU.
type cursor struct {
	rest   []byte
	offset int
}

func (c *cursor) fail(format string, args ...any) error {
	return &Error{Offset: c.offset, What: fmt.Sprintf(format, args...)}
}

// take returns the next n bytes.
func (c *cursor) take(n int, what string) ([]byte, error) {
	if n > len(c.rest) {
		return nil, c.fail("%s wants %d bytes, %d are left", what, n, len(c.rest))
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	c.offset += n
	return b, nil
}

// block returns the next bytes behind their own length of two bytes.
func (c *cursor) block(what string) ([]byte, error) {
	length, err := c.take(2, what+" length")
	if err != nil {
		return nil, err
	}
	return c.take(int(binary.BigEndian.Uint16(length)), what)
}

// item returns the type and the content of the next item: type, reserved byte, length of two bytes, content.
func (c *cursor) item() (byte, cursor, error) {
	head, err := c.take(2, "item header")
	if err != nil {
		return 0, cursor{}, err
	}
	content, err := c.block(fmt.Sprintf("item %02XH", head[0]))
	if err != nil {
		return 0, cursor{}, err
	}
	return head[0], cursor{rest: content, offset: c.offset - len(content)}, nil
}

// uid takes the padding off that some senders put behind a UID: NUL (pynetdicom issue 240) or space.
func uid(b []byte) string { return strings.TrimRight(string(b), "\x00 ") }

// text takes padding off a title or a name: spaces are not significant (PS3.8 table 9-11), and some senders pad with NUL.
func text(b []byte) string { return strings.Trim(string(b), "\x00 ") }

// appendBlock writes content behind its length of two bytes.
func appendBlock(b []byte, content string, what string) ([]byte, error) {
	if len(content) > 0xFFFF {
		return b, &Error{Offset: len(b), What: fmt.Sprintf("%s has %d bytes, more than 65535", what, len(content))}
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(b, content...), nil
}

// appendItem writes the header of an item, lets fill append the content and puts the length in.
func appendItem(b []byte, itemType byte, fill func([]byte) ([]byte, error)) ([]byte, error) {
	b = append(b, itemType, 0, 0, 0)
	start := len(b)
	b, err := fill(b)
	if err != nil {
		return b, err
	}
	length := len(b) - start
	if length > 0xFFFF {
		return b, &Error{Offset: start, What: fmt.Sprintf("item %02XH has %d bytes, more than 65535", itemType, length)}
	}
	binary.BigEndian.PutUint16(b[start-2:], uint16(length))
	return b, nil
}

// appendText writes an item whose content is a plain string.
func appendText(b []byte, itemType byte, content string) ([]byte, error) {
	return appendBlock(append(b, itemType, 0), content, fmt.Sprintf("item %02XH", itemType))
}

// appendPDU writes the header of a PDU, lets fill append the rest and puts the length in.
func appendPDU(b []byte, t Type, fill func([]byte) ([]byte, error)) ([]byte, error) {
	b = append(b, byte(t), 0, 0, 0, 0, 0)
	start := len(b)
	b, err := fill(b)
	if err != nil {
		return b, fmt.Errorf("encode %v: %w", t, err)
	}
	binary.BigEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return b, nil
}
