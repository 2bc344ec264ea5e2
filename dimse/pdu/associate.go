package pdu

import (
	"encoding/binary"
	"fmt"
)

// ApplicationContext is the only DICOM application context name (PS3.7 annex A.2.1).
const ApplicationContext = "1.2.840.10008.3.1.1.1"

// ProtocolVersion is the version bit of PS3.8; receivers test this bit alone.
const ProtocolVersion uint16 = 0x0001

// Item types of PS3.8 sections 9.3.2 and 9.3.3.
const (
	itemApplicationContext = 0x10
	itemContextRQ          = 0x20
	itemContextAC          = 0x21
	itemAbstractSyntax     = 0x30
	itemTransferSyntax     = 0x40
	itemUserInformation    = 0x50
)

// Titles are bytes 11 to 74 of A-ASSOCIATE-RQ and -AC as they stand on the wire. An acceptor sends them back unchanged, the
// reserved 32 bytes included.
type Titles struct {
	Called, Calling [16]byte
	Reserved        [32]byte
}

// NewTitles pads both titles with spaces. Each has 1 to 16 printable ASCII characters without backslash that are
// not all spaces.
func NewTitles(called, calling string) (Titles, error) {
	var t Titles
	for _, f := range []struct {
		to          *[16]byte
		name, value string
	}{{&t.Called, "called", called}, {&t.Calling, "calling", calling}} {
		if len(f.value) > 16 || text([]byte(f.value)) == "" {
			return Titles{}, fmt.Errorf("%s AE title %q: want 1 to 16 characters", f.name, f.value)
		}
		for i := range f.value {
			if f.value[i] < ' ' || f.value[i] > '~' || f.value[i] == '\\' {
				return Titles{}, fmt.Errorf("%s AE title %q: character %q is not allowed", f.name, f.value, f.value[i])
			}
		}
		copy(f.to[:], f.value+"                ")
	}
	return t, nil
}

// CalledAE is the called title without its padding.
func (t *Titles) CalledAE() string { return text(t.Called[:]) }

// CallingAE is the calling title without its padding.
func (t *Titles) CallingAE() string { return text(t.Calling[:]) }

// AssociateRQ is an A-ASSOCIATE-RQ (PS3.8 section 9.3.2). Items that are absent leave empty values; only lengths that lie,
// repeated items and wrong context IDs are errors.
type AssociateRQ struct {
	Version uint16
	Titles
	ApplicationContext string
	Contexts           []ContextRQ
	User               UserInformation
}

// ContextRQ is a proposed presentation context (PS3.8 section 9.3.2.2).
type ContextRQ struct {
	ID               byte // odd
	AbstractSyntax   string
	TransferSyntaxes []string
}

// AssociateAC is an A-ASSOCIATE-AC (PS3.8 section 9.3.3).
type AssociateAC struct {
	Version uint16
	Titles
	ApplicationContext string
	Contexts           []ContextAC
	User               UserInformation
}

// ContextAC is the answer to a proposed presentation context (PS3.8 section 9.3.3.2). TransferSyntax is not significant
// unless Result is ResultAcceptance.
type ContextAC struct {
	ID             byte // odd
	Result         byte
	TransferSyntax string
}

// Results of a presentation context (PS3.8 table 9-18).
const (
	ResultAcceptance                   byte = 0
	ResultUserRejection                byte = 1
	ResultNoReason                     byte = 2
	ResultAbstractSyntaxNotSupported   byte = 3
	ResultTransferSyntaxesNotSupported byte = 4
)

// DecodeAssociateRQ decodes what follows the header.
func DecodeAssociateRQ(body []byte) (*AssociateRQ, error) {
	rq := &AssociateRQ{}
	var seen [256]bool
	user := false
	err := decodeAssociate(body, &rq.Version, &rq.Titles, func(itemType byte, c cursor) error {
		switch itemType {
		case itemApplicationContext:
			return applicationContext(&rq.ApplicationContext, c)
		case itemContextRQ:
			context, err := decodeContextRQ(c, &seen)
			rq.Contexts = append(rq.Contexts, context)
			return err
		case itemUserInformation:
			return userInformation(&rq.User, &user, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("decode A-ASSOCIATE-RQ: %w", err)
	}
	return rq, nil
}

// DecodeAssociateAC decodes what follows the header.
func DecodeAssociateAC(body []byte) (*AssociateAC, error) {
	ac := &AssociateAC{}
	var seen [256]bool
	user := false
	err := decodeAssociate(body, &ac.Version, &ac.Titles, func(itemType byte, c cursor) error {
		switch itemType {
		case itemApplicationContext:
			return applicationContext(&ac.ApplicationContext, c)
		case itemContextAC:
			context, err := decodeContextAC(c, &seen)
			ac.Contexts = append(ac.Contexts, context)
			return err
		case itemUserInformation:
			return userInformation(&ac.User, &user, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("decode A-ASSOCIATE-AC: %w", err)
	}
	return ac, nil
}

func decodeAssociate(body []byte, version *uint16, titles *Titles, item func(byte, cursor) error) error {
	c := cursor{rest: body, offset: HeaderLength}
	fixed, err := c.take(minAssociateLength, "fixed part")
	if err != nil {
		return err
	}
	*version = binary.BigEndian.Uint16(fixed)
	copy(titles.Called[:], fixed[4:])
	copy(titles.Calling[:], fixed[20:])
	copy(titles.Reserved[:], fixed[36:])
	for len(c.rest) > 0 {
		itemType, content, err := c.item()
		if err != nil {
			return err
		}
		if err := item(itemType, content); err != nil {
			return err
		}
	}
	return nil
}

func applicationContext(to *string, c cursor) error {
	if *to != "" {
		return c.fail("second application context item")
	}
	*to = uid(c.rest)
	return nil
}

func userInformation(to *UserInformation, seen *bool, c cursor) error {
	if *seen {
		return c.fail("second user information item")
	}
	*seen = true
	return to.decode(c)
}

// contextID takes the four bytes that open a presentation context item and returns the ID and the third byte (the result in
// an AC).
func contextID(c *cursor, seen *[256]bool) (id, result byte, err error) {
	fixed, err := c.take(4, "presentation context")
	if err != nil {
		return 0, 0, err
	}
	id = fixed[0]
	if id%2 == 0 || seen[id] {
		return 0, 0, c.fail("presentation context ID %d is even or repeated", id)
	}
	seen[id] = true
	return id, fixed[2], nil
}

func decodeContextRQ(c cursor, seen *[256]bool) (p ContextRQ, err error) {
	if p.ID, _, err = contextID(&c, seen); err != nil {
		return p, err
	}
	abstract := false
	for len(c.rest) > 0 {
		itemType, content, err := c.item()
		if err != nil {
			return p, err
		}
		switch itemType {
		case itemAbstractSyntax:
			if abstract {
				return p, content.fail("second abstract syntax in presentation context %d", p.ID)
			}
			abstract = true
			p.AbstractSyntax = uid(content.rest)
		case itemTransferSyntax:
			p.TransferSyntaxes = append(p.TransferSyntaxes, uid(content.rest))
		}
	}
	return p, nil
}

func decodeContextAC(c cursor, seen *[256]bool) (p ContextAC, err error) {
	if p.ID, p.Result, err = contextID(&c, seen); err != nil {
		return p, err
	}
	for len(c.rest) > 0 {
		itemType, content, err := c.item()
		if err != nil {
			return p, err
		}
		if itemType == itemTransferSyntax {
			p.TransferSyntax = uid(content.rest)
		}
	}
	return p, nil
}

// Append writes the PDU, header included.
func (p *AssociateRQ) Append(b []byte) ([]byte, error) {
	return appendAssociate(b, TypeAssociateRQ, p.Version, &p.Titles, p.ApplicationContext, &p.User, func(b []byte) (_ []byte, err error) {
		for _, c := range p.Contexts {
			b, err = appendItem(b, itemContextRQ, func(b []byte) (_ []byte, err error) {
				b = append(b, c.ID, 0, 0, 0)
				if b, err = appendText(b, itemAbstractSyntax, c.AbstractSyntax); err != nil {
					return b, err
				}
				for _, syntax := range c.TransferSyntaxes {
					if b, err = appendText(b, itemTransferSyntax, syntax); err != nil {
						return b, err
					}
				}
				return b, nil
			})
			if err != nil {
				return b, err
			}
		}
		return b, nil
	})
}

// Append writes the PDU, header included.
func (p *AssociateAC) Append(b []byte) ([]byte, error) {
	return appendAssociate(b, TypeAssociateAC, p.Version, &p.Titles, p.ApplicationContext, &p.User, func(b []byte) (_ []byte, err error) {
		for _, c := range p.Contexts {
			b, err = appendItem(b, itemContextAC, func(b []byte) ([]byte, error) {
				return appendText(append(b, c.ID, 0, c.Result, 0), itemTransferSyntax, c.TransferSyntax)
			})
			if err != nil {
				return b, err
			}
		}
		return b, nil
	})
}

func appendAssociate(b []byte, t Type, version uint16, titles *Titles, application string, user *UserInformation,
	contexts func([]byte) ([]byte, error)) ([]byte, error) {
	return appendPDU(b, t, func(b []byte) (_ []byte, err error) {
		b = binary.BigEndian.AppendUint16(b, version)
		b = append(b, 0, 0)
		b = append(b, titles.Called[:]...)
		b = append(b, titles.Calling[:]...)
		b = append(b, titles.Reserved[:]...)
		if b, err = appendText(b, itemApplicationContext, application); err != nil {
			return b, err
		}
		if b, err = contexts(b); err != nil {
			return b, err
		}
		return appendItem(b, itemUserInformation, user.append)
	})
}
