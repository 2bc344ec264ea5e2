package pdu

import "encoding/binary"

// Sub-item types of the user information item (PS3.7 annex D.3.3, PS3.8 annex D.1).
const (
	itemMaxLength             = 0x51
	itemImplementationClass   = 0x52
	itemAsyncOperations       = 0x53
	itemRole                  = 0x54
	itemImplementationVersion = 0x55
	itemExtended              = 0x56
	itemCommonExtended        = 0x57
	itemUserIdentityRQ        = 0x58
	itemUserIdentityAC        = 0x59
)

// UserInformation is the user information item of A-ASSOCIATE-RQ and -AC.
type UserInformation struct {
	// MaxLength is the longest P-DATA-TF, in bytes behind the header, that the sender of this item takes. 0 is no limit,
	// and also what an absent sub-item leaves.
	MaxLength              uint32
	ImplementationClassUID string
	ImplementationVersion  string // at most 16 characters
	Async                  *AsyncOperations
	Roles                  []Role
	Extended               []ExtendedNegotiation
	CommonExtended         []CommonExtendedNegotiation // A-ASSOCIATE-RQ only
	Identity               *UserIdentity               // A-ASSOCIATE-RQ only
	// IdentityResponse is the server's response to a user identity, nil if there is none. A-ASSOCIATE-AC only.
	IdentityResponse *string
}

// AsyncOperations is the asynchronous operations window (PS3.7 D.3.3.3); 0 is no limit.
type AsyncOperations struct{ Invoked, Performed uint16 }

// Role is an SCP/SCU role selection (PS3.7 D.3.3.4): what the requestor may be for the class.
type Role struct {
	SOPClassUID string
	SCU, SCP    bool
}

// ExtendedNegotiation is the application information of one SOP class (PS3.7 D.3.3.5).
type ExtendedNegotiation struct {
	SOPClassUID string
	Information string // bytes, meaning depends on the service class
}

// CommonExtendedNegotiation names the service class and the related general classes of a SOP class (PS3.7 D.3.3.6).
type CommonExtendedNegotiation struct {
	SOPClassUID, ServiceClassUID string
	RelatedGeneral               []string
}

// UserIdentity is what the requestor says about its user (PS3.7 D.3.3.7). Secondary is a passcode when Type is 2: keep it out
// of logs.
type UserIdentity struct {
	Type              byte // 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON web token
	ResponseRequested bool
	Primary           string
	Secondary         string
}

func (u *UserInformation) decode(c cursor) error {
	for len(c.rest) > 0 {
		itemType, content, err := c.item()
		if err != nil {
			return err
		}
		if err := u.decodeItem(itemType, content); err != nil {
			return err
		}
	}
	return nil
}

// decodeItem skips sub-items that it does not know, as PS3.8 section 9.3.1 asks.
func (u *UserInformation) decodeItem(itemType byte, c cursor) error {
	switch itemType {
	case itemMaxLength:
		b, err := c.take(4, "maximum length")
		if err != nil {
			return err
		}
		u.MaxLength = binary.BigEndian.Uint32(b)
	case itemImplementationClass:
		u.ImplementationClassUID = uid(c.rest)
	case itemImplementationVersion:
		u.ImplementationVersion = text(c.rest)
	case itemAsyncOperations:
		b, err := c.take(4, "asynchronous operations window")
		if err != nil {
			return err
		}
		u.Async = &AsyncOperations{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])}
	case itemRole:
		class, err := c.block("role SOP class")
		if err != nil {
			return err
		}
		roles, err := c.take(2, "roles")
		if err != nil {
			return err
		}
		u.Roles = append(u.Roles, Role{uid(class), roles[0] == 1, roles[1] == 1})
	case itemExtended:
		class, err := c.block("extended negotiation SOP class")
		if err != nil {
			return err
		}
		u.Extended = append(u.Extended, ExtendedNegotiation{uid(class), string(c.rest)})
	case itemCommonExtended:
		return u.decodeCommonExtended(c)
	case itemUserIdentityRQ:
		return u.decodeIdentity(c)
	case itemUserIdentityAC:
		b, err := c.block("user identity response")
		if err != nil {
			return err
		}
		response := string(b)
		u.IdentityResponse = &response
	}
	return nil
}

func (u *UserInformation) decodeCommonExtended(c cursor) error {
	var n CommonExtendedNegotiation
	class, err := c.block("common extended negotiation SOP class")
	if err != nil {
		return err
	}
	service, err := c.block("common extended negotiation service class")
	if err != nil {
		return err
	}
	n.SOPClassUID, n.ServiceClassUID = uid(class), uid(service)
	start := c.offset + 2
	related, err := c.block("related general SOP classes")
	if err != nil {
		return err
	}
	list := cursor{rest: related, offset: start}
	for len(list.rest) > 0 {
		general, err := list.block("related general SOP class")
		if err != nil {
			return err
		}
		n.RelatedGeneral = append(n.RelatedGeneral, uid(general))
	}
	u.CommonExtended = append(u.CommonExtended, n)
	return nil
}

func (u *UserInformation) decodeIdentity(c cursor) error {
	b, err := c.take(2, "user identity")
	if err != nil {
		return err
	}
	primary, err := c.block("user identity primary field")
	if err != nil {
		return err
	}
	secondary, err := c.block("user identity secondary field")
	if err != nil {
		return err
	}
	u.Identity = &UserIdentity{b[0], b[1] == 1, string(primary), string(secondary)}
	return nil
}

func (u *UserInformation) append(b []byte) (_ []byte, err error) {
	b = append(b, itemMaxLength, 0, 0, 4)
	b = binary.BigEndian.AppendUint32(b, u.MaxLength)
	if u.ImplementationClassUID != "" {
		if b, err = appendText(b, itemImplementationClass, u.ImplementationClassUID); err != nil {
			return b, err
		}
	}
	if u.Async != nil {
		b = append(b, itemAsyncOperations, 0, 0, 4)
		b = binary.BigEndian.AppendUint16(b, u.Async.Invoked)
		b = binary.BigEndian.AppendUint16(b, u.Async.Performed)
	}
	for _, r := range u.Roles {
		b, err = appendItem(b, itemRole, func(b []byte) ([]byte, error) {
			b, err := appendBlock(b, r.SOPClassUID, "role SOP class")
			return append(b, flag(r.SCU), flag(r.SCP)), err
		})
		if err != nil {
			return b, err
		}
	}
	if u.ImplementationVersion != "" {
		if b, err = appendText(b, itemImplementationVersion, u.ImplementationVersion); err != nil {
			return b, err
		}
	}
	if b, err = u.appendExtended(b); err != nil {
		return b, err
	}
	return u.appendIdentity(b)
}

func (u *UserInformation) appendExtended(b []byte) (_ []byte, err error) {
	for _, e := range u.Extended {
		b, err = appendItem(b, itemExtended, func(b []byte) ([]byte, error) {
			b, err := appendBlock(b, e.SOPClassUID, "extended negotiation SOP class")
			return append(b, e.Information...), err
		})
		if err != nil {
			return b, err
		}
	}
	for _, e := range u.CommonExtended {
		b, err = appendItem(b, itemCommonExtended, func(b []byte) (_ []byte, err error) {
			if b, err = appendBlock(b, e.SOPClassUID, "SOP class"); err != nil {
				return b, err
			}
			if b, err = appendBlock(b, e.ServiceClassUID, "service class"); err != nil {
				return b, err
			}
			var list []byte
			for _, general := range e.RelatedGeneral {
				if list, err = appendBlock(list, general, "related general SOP class"); err != nil {
					return b, err
				}
			}
			return appendBlock(b, string(list), "related general SOP classes")
		})
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

func (u *UserInformation) appendIdentity(b []byte) (_ []byte, err error) {
	if id := u.Identity; id != nil {
		b, err = appendItem(b, itemUserIdentityRQ, func(b []byte) (_ []byte, err error) {
			b = append(b, id.Type, flag(id.ResponseRequested))
			if b, err = appendBlock(b, id.Primary, "primary field"); err != nil {
				return b, err
			}
			return appendBlock(b, id.Secondary, "secondary field")
		})
		if err != nil {
			return b, err
		}
	}
	if u.IdentityResponse != nil {
		return appendItem(b, itemUserIdentityAC, func(b []byte) ([]byte, error) {
			return appendBlock(b, *u.IdentityResponse, "user identity response")
		})
	}
	return b, nil
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}
