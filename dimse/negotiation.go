package dimse

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"

	"jcsnode/dimse/pdu"
)

// Verification is the SOP class of C-ECHO.
const Verification = "1.2.840.10008.1.1"

// implicitVRLittleEndian is the transfer syntax that every peer knows (PS3.5 section 10.1).
const implicitVRLittleEndian = "1.2.840.10008.1.2"

// UserIdentity is what a requestor says about its user (PS3.7 D.3.3.7). It is recorded, not verified: no response is sent, even
// if one was asked for, so that the peer cannot take it for an authentication. Secondary may be a passcode.
type UserIdentity = pdu.UserIdentity

// Requestor is the requestor of an association as Server sees it. Titles are trimmed of spaces and NULs.
type Requestor struct {
	CallingAETitle, CalledAETitle string
	Addr                          net.Addr
	ImplementationClassUID        string
	ImplementationVersion         string
	MaxPDULength                  uint32               // that the peer takes; 0 is no limit
	Identity                      *UserIdentity        // nil if the peer names no user
	TLS                           *tls.ConnectionState // nil on a plain connection
	rawCalled, rawCalling         [16]byte             // as received, for the log
}

// host is the address without the port.
func host(addr net.Addr) string {
	name, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return name
}

func newRequestor(rq *pdu.AssociateRQ, addr net.Addr, state *tls.ConnectionState) Requestor {
	return Requestor{
		CallingAETitle: rq.CallingAE(), CalledAETitle: rq.CalledAE(),
		Addr:                   addr,
		ImplementationClassUID: rq.User.ImplementationClassUID,
		ImplementationVersion:  rq.User.ImplementationVersion,
		MaxPDULength:           rq.User.MaxLength,
		Identity:               rq.User.Identity,
		TLS:                    state,
		rawCalled:              rq.Called, rawCalling: rq.Calling,
	}
}

// PresentationContext is a pair of SOP class and transfer syntaxes, proposed and answered.
type PresentationContext struct {
	ID               byte // odd; Dial gives IDs out where it is 0
	AbstractSyntax   string
	TransferSyntaxes []string // proposed
	SCP              bool     // Dial asks that this side be SCP of the class, by role selection (PS3.7 D.3.3.4)

	Result         byte   // pdu.ResultAcceptance and so on, once answered
	TransferSyntax string // the accepted one, "" if none was
}

// acceptable is the part of the request that the service provider judges (AE-6), without a look at titles and classes.
func acceptable(rq *pdu.AssociateRQ) *Rejection {
	switch {
	case rq.Version&pdu.ProtocolVersion == 0:
		return &Rejection{Result: 1, Source: 2, Reason: 2, Detail: fmt.Sprintf("protocol version %04XH", rq.Version)}
	case rq.ApplicationContext != pdu.ApplicationContext:
		return &Rejection{Result: 1, Source: 1, Reason: 2, Detail: fmt.Sprintf("application context %q", rq.ApplicationContext)}
	case len(rq.Contexts) == 0:
		return &Rejection{Result: 1, Source: 1, Reason: 1, Detail: "the request proposes no presentation context"}
	}
	return nil
}

// negotiate answers each context. accept chooses a transfer syntax or a result other than acceptance.
func negotiate(proposed []pdu.ContextRQ, accept func(abstract string, proposed []string) (string, byte)) []PresentationContext {
	contexts := make([]PresentationContext, len(proposed))
	for i, p := range proposed {
		c := PresentationContext{ID: p.ID, AbstractSyntax: p.AbstractSyntax, TransferSyntaxes: p.TransferSyntaxes}
		switch {
		case p.AbstractSyntax == "":
			c.Result = pdu.ResultAbstractSyntaxNotSupported
		case len(p.TransferSyntaxes) == 0:
			c.Result = pdu.ResultTransferSyntaxesNotSupported
		default:
			c.TransferSyntax, c.Result = accept(p.AbstractSyntax, p.TransferSyntaxes)
			if c.Result != pdu.ResultAcceptance {
				c.TransferSyntax = ""
			} else if !slices.Contains(p.TransferSyntaxes, c.TransferSyntax) {
				// Only what was proposed may be accepted.
				c.TransferSyntax, c.Result = "", pdu.ResultTransferSyntaxesNotSupported
			}
		}
		contexts[i] = c
	}
	return contexts
}

// answer builds the A-ASSOCIATE-AC. The titles go back as they came (PS3.8 table 9-17); extended negotiation and the user
// identity get no answer.
func answer(
	rq *pdu.AssociateRQ, contexts []PresentationContext, grantSCP func(string) bool, maxLength uint32, classUID, version string,
) *pdu.AssociateAC {
	ac := &pdu.AssociateAC{
		Version: pdu.ProtocolVersion, Titles: rq.Titles, ApplicationContext: pdu.ApplicationContext,
		User: pdu.UserInformation{MaxLength: maxLength, ImplementationClassUID: classUID, ImplementationVersion: version},
	}
	if rq.User.Async != nil {
		// One operation at a time, whatever was proposed.
		ac.User.Async = &pdu.AsyncOperations{Invoked: 1, Performed: 1}
	}
	classes := make(map[string]bool)
	for _, c := range contexts {
		syntax := c.TransferSyntax
		if c.Result != pdu.ResultAcceptance {
			// Not significant, but the item has to be there.
			syntax = implicitVRLittleEndian
			if len(c.TransferSyntaxes) > 0 {
				syntax = c.TransferSyntaxes[0]
			}
		} else {
			classes[c.AbstractSyntax] = true
		}
		ac.Contexts = append(ac.Contexts, pdu.ContextAC{ID: c.ID, Result: c.Result, TransferSyntax: syntax})
	}
	for _, role := range rq.User.Roles {
		if classes[role.SOPClassUID] {
			delete(classes, role.SOPClassUID) // one answer for a class
			// This side is SCP of everything it accepts: the peer may be SCU if it asked to, and SCP where that is granted.
			ac.User.Roles = append(ac.User.Roles, pdu.Role{SOPClassUID: role.SOPClassUID, SCU: role.SCU,
				SCP: role.SCP && grantSCP(role.SOPClassUID)})
		}
	}
	return ac
}

// comment makes text fit for element (0000,0902): VR LO, 64 characters of the default repertoire, no backslash.
func comment(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '\\' {
			return '?'
		}
		return r
	}, text)
	return strings.TrimSpace(text[:min(len(text), 64)])
}
