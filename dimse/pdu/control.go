package pdu

// AssociateRJ is an A-ASSOCIATE-RJ (PS3.8 section 9.3.4, table 9-21).
type AssociateRJ struct{ Result, Source, Reason byte }

// Abort is an A-ABORT (PS3.8 section 9.3.8, table 9-26).
type Abort struct{ Source, Reason byte }

// Values of the fields of Abort.
const (
	AbortByUser     byte = 0 // Source
	AbortByProvider byte = 2 // Source

	AbortNotSpecified          byte = 0 // Reason, as are those below
	AbortUnrecognizedPDU       byte = 1
	AbortUnexpectedPDU         byte = 2
	AbortUnrecognizedParameter byte = 4
	AbortUnexpectedParameter   byte = 5
	AbortInvalidParameter      byte = 6
)

// DecodeAssociateRJ decodes what follows the header.
func DecodeAssociateRJ(body []byte) (AssociateRJ, error) {
	c := cursor{rest: body, offset: HeaderLength}
	b, err := c.take(ControlLength, "A-ASSOCIATE-RJ")
	if err != nil {
		return AssociateRJ{}, err
	}
	return AssociateRJ{b[1], b[2], b[3]}, nil
}

// Append writes the PDU, header included.
func (p AssociateRJ) Append(b []byte) []byte {
	return append(b, byte(TypeAssociateRJ), 0, 0, 0, 0, ControlLength, 0, p.Result, p.Source, p.Reason)
}

// DecodeAbort decodes what follows the header.
func DecodeAbort(body []byte) (Abort, error) {
	c := cursor{rest: body, offset: HeaderLength}
	b, err := c.take(ControlLength, "A-ABORT")
	if err != nil {
		return Abort{}, err
	}
	return Abort{b[2], b[3]}, nil
}

// Append writes the PDU, header included.
func (p Abort) Append(b []byte) []byte {
	return append(b, byte(TypeAbort), 0, 0, 0, 0, ControlLength, 0, 0, p.Source, p.Reason)
}

// AppendReleaseRQ writes an A-RELEASE-RQ (PS3.8 section 9.3.6). Its four bytes are reserved: nothing to decode.
func AppendReleaseRQ(b []byte) []byte {
	return append(b, byte(TypeReleaseRQ), 0, 0, 0, 0, ControlLength, 0, 0, 0, 0)
}

// AppendReleaseRP writes an A-RELEASE-RP (PS3.8 section 9.3.7). Its four bytes are reserved: nothing to decode.
func AppendReleaseRP(b []byte) []byte {
	return append(b, byte(TypeReleaseRP), 0, 0, 0, 0, ControlLength, 0, 0, 0, 0)
}
