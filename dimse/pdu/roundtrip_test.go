package pdu

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// padded strings lose their padding when they are decoded, so values are drawn without it.
func unpadded(limit int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Trim(string(rapid.SliceOfN(rapid.Byte(), 0, limit).Draw(t, "bytes")), "\x00 ")
	})
}

func uidText() *rapid.Generator[string] { return rapid.StringMatching(`([0-9]{1,6}\.){0,9}[0-9]`) }

func list[T any](t *rapid.T, g *rapid.Generator[T], limit int, name string) []T {
	s := rapid.SliceOfN(g, 0, limit).Draw(t, name)
	if len(s) == 0 {
		return nil
	}
	return s
}

func drawTitles(t *rapid.T) (titles Titles) {
	for _, field := range [][]byte{titles.Called[:], titles.Calling[:], titles.Reserved[:]} {
		copy(field, rapid.SliceOfN(rapid.Byte(), len(field), len(field)).Draw(t, "title"))
	}
	return titles
}

func drawUser(t *rapid.T) UserInformation {
	u := UserInformation{
		MaxLength:              rapid.Uint32().Draw(t, "max length"),
		ImplementationClassUID: uidText().Draw(t, "class"),
		ImplementationVersion:  unpadded(16).Draw(t, "version"),
		Roles: list(t, rapid.Custom(func(t *rapid.T) Role {
			return Role{uidText().Draw(t, "class"), rapid.Bool().Draw(t, "scu"), rapid.Bool().Draw(t, "scp")}
		}), 3, "roles"),
		Extended: list(t, rapid.Custom(func(t *rapid.T) ExtendedNegotiation {
			return ExtendedNegotiation{uidText().Draw(t, "class"), string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "information"))}
		}), 3, "extended"),
		CommonExtended: list(t, rapid.Custom(func(t *rapid.T) CommonExtendedNegotiation {
			return CommonExtendedNegotiation{uidText().Draw(t, "class"), uidText().Draw(t, "service"), list(t, uidText(), 3, "related")}
		}), 3, "common extended"),
	}
	if rapid.Bool().Draw(t, "async") {
		u.Async = &AsyncOperations{rapid.Uint16().Draw(t, "invoked"), rapid.Uint16().Draw(t, "performed")}
	}
	if rapid.Bool().Draw(t, "identity") {
		u.Identity = &UserIdentity{rapid.Byte().Draw(t, "type"), rapid.Bool().Draw(t, "response"),
			rapid.String().Draw(t, "primary"), rapid.String().Draw(t, "secondary")}
	}
	if rapid.Bool().Draw(t, "identity response") {
		response := rapid.String().Draw(t, "response")
		u.IdentityResponse = &response
	}
	return u
}

// drawIDs draws distinct odd context IDs.
func drawIDs(t *rapid.T) []byte {
	var ids []byte
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 127), 0, 128, rapid.ID[int]).Draw(t, "IDs") {
		ids = append(ids, byte(2*n+1))
	}
	return ids
}

func TestAssociateRQ_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &AssociateRQ{Version: rapid.Uint16().Draw(t, "version"), Titles: drawTitles(t),
			ApplicationContext: uidText().Draw(t, "application"), User: drawUser(t)}
		for _, id := range drawIDs(t) {
			want.Contexts = append(want.Contexts, ContextRQ{id, uidText().Draw(t, "abstract"), list(t, uidText(), 4, "syntaxes")})
		}
		packed, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeAssociateRQ(body(t, packed, TypeAssociateRQ))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("error %v, -want +got:\n%s", err, diff)
		}
	})
}

func TestAssociateAC_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &AssociateAC{Version: rapid.Uint16().Draw(t, "version"), Titles: drawTitles(t),
			ApplicationContext: uidText().Draw(t, "application"), User: drawUser(t)}
		for _, id := range drawIDs(t) {
			want.Contexts = append(want.Contexts, ContextAC{id, rapid.Byte().Draw(t, "result"), uidText().Draw(t, "syntax")})
		}
		packed, err := want.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeAssociateAC(body(t, packed, TypeAssociateAC))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("error %v, -want +got:\n%s", err, diff)
		}
	})
}

// body checks the header of a packed PDU and returns what follows it.
func body(t interface{ Fatalf(string, ...any) }, packed []byte, want Type) []byte {
	h, err := DecodeHeader(packed)
	if err != nil || h.Type != want || int(h.Length) != len(packed)-HeaderLength {
		t.Fatalf("header %+v, error %v, of %d bytes", h, err, len(packed))
	}
	return packed[HeaderLength:]
}

func TestCommand_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Command{
			Field:                  CommandField(rapid.Uint16().Draw(t, "field")),
			MessageID:              rapid.Uint16().Draw(t, "message ID"),
			RespondedTo:            rapid.Uint16().Draw(t, "responded to"),
			AffectedSOPClassUID:    uidText().Draw(t, "class"),
			AffectedSOPInstanceUID: uidText().Draw(t, "instance"),
			Priority:               rapid.Uint16().Draw(t, "priority"),
			HasDataSet:             rapid.Bool().Draw(t, "data set"),
			Status:                 rapid.Uint16().Draw(t, "status"),
			ErrorComment:           unpadded(64).Draw(t, "comment"),
			MoveOriginatorAETitle:  unpadded(16).Draw(t, "originator"),
			RequestedSOPClassUID:   uidText().Draw(t, "requested class"), RequestedSOPInstanceUID: uidText().Draw(t, "requested instance"),
			EventTypeID: rapid.Uint16().Draw(t, "event"), ActionTypeID: rapid.Uint16().Draw(t, "action"),
			MoveOriginatorID: rapid.Uint16().Draw(t, "originator ID"),
		}
		packed := want.Append(nil)
		got, err := DecodeCommand(packed)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("error %v, -want +got:\n%s", err, diff)
		}
		if length := int(packed[8]) | int(packed[9])<<8; length != len(packed)-12 {
			t.Fatalf("group length %d of %d bytes", length, len(packed))
		}
	})
}

func TestControl_RoundTrip(t *testing.T) {
	rj := AssociateRJ{1, 2, 3}
	if got, err := DecodeAssociateRJ(body(t, rj.Append(nil), TypeAssociateRJ)); err != nil || got != rj {
		t.Errorf("got %+v, %v, want %+v", got, err, rj)
	}
	abort := Abort{2, 6}
	if got, err := DecodeAbort(body(t, abort.Append(nil), TypeAbort)); err != nil || got != abort {
		t.Errorf("got %+v, %v, want %+v", got, err, abort)
	}
	body(t, AppendReleaseRQ(nil), TypeReleaseRQ)
	body(t, AppendReleaseRP(nil), TypeReleaseRP)
}

// fragment is a PDV with its content, as packed lists hold them.
type fragment struct {
	PDV
	Data string
}

// fragments takes the content of a P-DATA-TF apart.
func fragments(content []byte) (list []fragment, err error) {
	for len(content) > 0 {
		v, err := DecodePDV(content, uint32(len(content)))
		if err != nil {
			return nil, err
		}
		content = content[PDVHeaderLength:]
		list = append(list, fragment{v, string(content[:v.Length])})
		content = content[v.Length:]
	}
	return list, nil
}

func TestAppendPData_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "set")
		maxLength := rapid.Uint32Range(0, 300).Draw(t, "max length")
		command := rapid.Bool().Draw(t, "command")
		const limit = 256
		packed := AppendPData(nil, PDV{ContextID: 5, Command: command}, set, FragmentLength(maxLength, limit))
		var got strings.Builder
		last := false
		for len(packed) > 0 {
			h, err := DecodeHeader(packed)
			if err != nil || h.Type != TypePData {
				t.Fatalf("header %+v, error %v", h, err)
			}
			if maxLength >= 7 && h.Length > maxLength || h.Length > limit {
				t.Fatalf("PDU of %d bytes, the peer takes %d", h.Length, maxLength)
			}
			list, err := fragments(packed[HeaderLength : HeaderLength+h.Length])
			if err != nil || len(list) != 1 {
				t.Fatalf("%d fragments, error %v", len(list), err)
			}
			f := list[0]
			if last || f.ContextID != 5 || f.Command != command {
				t.Fatalf("fragment %+v, after the last one: %v", f, last)
			}
			if !f.Last && f.Length%2 == 1 && maxLength >= 8 {
				t.Fatalf("odd fragment of %d bytes for a peer that takes %d", f.Length, maxLength)
			}
			got.WriteString(f.Data)
			last = f.Last
			packed = packed[HeaderLength+h.Length:]
		}
		if !last || got.String() != string(set) {
			t.Fatalf("got %q, last %v, want %q", got.String(), last, set)
		}
	})
}
