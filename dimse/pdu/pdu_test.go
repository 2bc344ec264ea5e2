package pdu

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeader_Check(t *testing.T) {
	tests := []struct {
		name    string
		header  Header
		maxData uint32
		bad     bool
	}{
		{"request at its shortest", Header{TypeAssociateRQ, 68}, 0, false},
		{"request too short", Header{TypeAssociateRQ, 67}, 0, true},
		{"request too long", Header{TypeAssociateRQ, MaxAssociateLength + 1}, 0, true},
		{"request of 4 GiB", Header{TypeAssociateRQ, 0xFFFFFFFF}, 0, true},
		{"data as long as announced", Header{TypePData, 4096}, 4096, false},
		{"data one byte longer", Header{TypePData, 4097}, 4096, true},
		{"data without limit", Header{TypePData, 0xFFFFFFFF}, 0, false},
		{"data without a value", Header{TypePData, 0}, 4096, true},
		{"release of 4", Header{TypeReleaseRQ, 4}, 0, false},
		{"release of 3", Header{TypeReleaseRQ, 3}, 0, true},
		{"abort of 5", Header{TypeAbort, 5}, 0, true},
		{"unknown type", Header{0x47, 0x54202F20}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.header.Check(test.maxData); (err != nil) != test.bad {
				t.Errorf("Check(%d) of %+v: %v, want an error: %v", test.maxData, test.header, err, test.bad)
			}
		})
	}
}

// request builds the bytes of an A-ASSOCIATE-RQ from its items, without the header.
func request(items ...string) []byte {
	fixed := "\x00\x01\x00\x00" + "CALLED          " + "\x00CALLING\x00\x00\x00\x00\x00\x00 \x00" + strings.Repeat("\x00", 32)
	return []byte(fixed + strings.Join(items, ""))
}

func item(itemType byte, content string) string {
	return string([]byte{itemType, 0xAA, byte(len(content) >> 8), byte(len(content))}) + content
}

func TestDecodeAssociateRQ_TakesWhatMustBeIgnored(t *testing.T) {
	got, err := DecodeAssociateRQ(request(
		item(0x10, ApplicationContext+"\x00"),
		item(0x77, "unknown item"),
		item(0x20, "\x03\xFF\xFF\xFF"+item(0x30, "1.2\x00")+item(0x41, "unknown")+item(0x40, "1.3 ")+item(0x40, "1.4")),
		item(0x20, "\x05\x00\x00\x00"),
		item(0x50, item(0x51, "\x00\x00\x40\x00")+item(0x60, "unknown")+item(0x52, "1.5\x00\x00")+item(0x55, "NAME \x00")+
			item(0x51, "\x00\x00\x80\x00")),
	))
	if err != nil {
		t.Fatal(err)
	}
	if got.CalledAE() != "CALLED" || got.CallingAE() != "CALLING" {
		t.Errorf("titles %q, %q", got.CalledAE(), got.CallingAE())
	}
	got.Titles = Titles{}
	want := &AssociateRQ{
		Version: 1, ApplicationContext: ApplicationContext,
		Contexts: []ContextRQ{{3, "1.2", []string{"1.3", "1.4"}}, {5, "", nil}},
		User:     UserInformation{MaxLength: 0x8000, ImplementationClassUID: "1.5", ImplementationVersion: "NAME"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeAssociateRQ_RefusesLies(t *testing.T) {
	tests := []struct {
		name   string
		body   []byte
		offset int
	}{
		{"fixed part cut", request()[:60], 6},
		{"item header cut", append(request(), 0x10), 74},
		{"item longer than the PDU", append(request(), "\x10\x00\x00\x09"...), 78},
		{"sub-item longer than the item", request(item(0x20, "\x01\x00\x00\x00\x30\x00\x00\x05abcd")), 86},
		{"context without its four bytes", request(item(0x20, "\x01\x00\x00")), 78},
		{"even context ID", request(item(0x20, "\x02\x00\x00\x00")), 82},
		{"context ID 0", request(item(0x20, "\x00\x00\x00\x00")), 82},
		{"repeated context ID", request(item(0x20, "\x01\x00\x00\x00"), item(0x20, "\x01\x00\x00\x00")), 90},
		{"second abstract syntax", request(item(0x20, "\x01\x00\x00\x00"+item(0x30, "1")+item(0x30, "2"))), 91},
		{"second application context", request(item(0x10, "1"), item(0x10, "2")), 83},
		{"second user information", request(item(0x50, ""), item(0x50, "")), 82},
		{"maximum length of 3 bytes", request(item(0x50, item(0x51, "abc"))), 82},
		{"role UID longer than the item", request(item(0x50, item(0x54, "\x00\x09abc"))), 84},
		{"roles missing", request(item(0x50, item(0x54, "\x00\x03abc"))), 87},
		{"identity cut", request(item(0x50, item(0x58, "\x02\x00\x00\x02ab"))), 88},
		{"related class longer than its list", request(item(0x50, item(0x57, "\x00\x011\x00\x012\x00\x04\x00\x05ab"))), 92},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := DecodeAssociateRQ(test.body)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want *Error", err)
			}
			if e.Offset != test.offset {
				t.Errorf("offset %d in %q, want %d", e.Offset, e, test.offset)
			}
		})
	}
}

func TestAssociateRQ_AppendRefusesWhatDoesNotFit(t *testing.T) {
	long := strings.Repeat("1", 0x10000)
	for name, rq := range map[string]*AssociateRQ{
		"abstract syntax": {Contexts: []ContextRQ{{1, long, nil}}},
		"syntaxes":        {Contexts: []ContextRQ{{1, "1", []string{long[:40000], long[:40000]}}}},
		"identity":        {User: UserInformation{Identity: &UserIdentity{Primary: long}}},
	} {
		if _, err := rq.Append(nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNewTitles(t *testing.T) {
	for title, good := range map[string]bool{
		"A": true, "ABCDEFGHIJKLMNOP": true, "A B": true, "": false, "   ": false,
		"ABCDEFGHIJKLMNOPQ": false, "A\\B": false, "Ä": false, "A\n": false,
	} {
		titles, err := NewTitles(title, "B")
		if (err == nil) != good {
			t.Errorf("title %q: %v, want it taken: %v", title, err, good)
		}
		if good && (titles.CalledAE() != title || !bytes.HasSuffix(titles.Calling[:], []byte("   "))) {
			t.Errorf("title %q became %q, %q", title, titles.Called, titles.Calling)
		}
	}
}

func TestDecodePDV(t *testing.T) {
	tests := []struct {
		name string
		b    string
		left uint32
		want PDV
		bad  bool
	}{
		{"last fragment of a command", "\x00\x00\x00\x06\x01\x03", 10, PDV{4, 1, true, true}, false},
		{"unused control bits", "\x00\x00\x00\x03\x05\xFC", 7, PDV{1, 5, false, false}, false},
		{"empty fragment", "\x00\x00\x00\x02\x05\x02", 6, PDV{0, 5, false, true}, false},
		{"length without control header", "\x00\x00\x00\x01\x05\x02", 6, PDV{}, true},
		{"length beyond the PDU", "\x00\x00\x00\x03\x05\x02", 6, PDV{}, true},
		{"length of 4 GiB", "\xFF\xFF\xFF\xFF\x05\x02", 6, PDV{}, true},
		{"cut", "\x00\x00\x00\x02\x05", 5, PDV{}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := DecodePDV([]byte(test.b), test.left)
			if got != test.want || (err != nil) != test.bad {
				t.Errorf("got %+v, %v, want %+v, an error: %v", got, err, test.want, test.bad)
			}
		})
	}
}

func TestFragmentLength(t *testing.T) {
	for maxLength, want := range map[uint32]int{
		0: 1018, 1: 1, 7: 1, 8: 2, 9: 2, 10: 4, 512: 506, 1024: 1018, 1025: 1018, 0xFFFFFFFF: 1018,
	} {
		if got := FragmentLength(maxLength, 1024); got != want {
			t.Errorf("FragmentLength(%d, 1024) = %d, want %d", maxLength, got, want)
		}
	}
}

const echoRQ = "\x00\x00\x00\x00\x04\x00\x00\x00\x38\x00\x00\x00" +
	"\x00\x00\x02\x00\x12\x00\x00\x001.2.840.10008.1.1\x00" +
	"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00" +
	"\x00\x00\x10\x01\x02\x00\x00\x00\x07\x00" +
	"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"

func TestDecodeCommand(t *testing.T) {
	echo := Command{Field: CEchoRQ, MessageID: 7, AffectedSOPClassUID: "1.2.840.10008.1.1"}
	tests := []struct {
		name   string
		b      string
		want   Command
		offset int // of the error, -1 for none
	}{
		{"C-ECHO-RQ", echoRQ, echo, -1},
		{"wrong group length", strings.Replace(echoRQ, "\x38", "\x99", 1), echo, -1},
		{"no group length", echoRQ[12:], echo, -1},
		{"unknown element of group 0000", echoRQ + "\x00\x00\x01\x50\x03\x00\x00\x00abc", echo, -1},
		{"empty optional element", echoRQ + "\x00\x00\x31\x10\x00\x00\x00\x00", echo, -1},
		{"empty", "", Command{}, 0},
		{"garbage", "GET / HTTP/1.1\r\n\r\n", Command{}, 8},
		{"other group", echoRQ + "\x08\x00\x05\x00\x00\x00\x00\x00", Command{}, 76},
		{"header cut", echoRQ[:len(echoRQ)-3], Command{}, 58},
		{"length beyond the end", echoRQ[:62] + "\xFF\xFF\xFF\xFF\x01\x01", Command{}, 66},
		{"number of four bytes", "\x00\x00\x00\x01\x04\x00\x00\x00\x30\x00\x00\x00", Command{}, 12},
		{"no message ID", strings.Replace(echoRQ, "\x00\x00\x10\x01\x02\x00\x00\x00\x07\x00", "", 1), Command{}, 58},
		{"no command field", strings.Replace(echoRQ, "\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00", "", 1), Command{}, 58},
		{"no data set type", echoRQ[:58], Command{}, 58},
		{"response without status",
			"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x80\x00\x00\x20\x01\x02\x00\x00\x00\x07\x00" + echoRQ[58:], Command{}, 30},
		{"cancel", "\x00\x00\x00\x01\x02\x00\x00\x00\xFF\x0F\x00\x00\x20\x01\x02\x00\x00\x00\x07\x00" + echoRQ[58:],
			Command{Field: CCancelRQ, RespondedTo: 7}, -1},
		{"too long", strings.Repeat("\x00", MaxCommandLength+1), Command{}, MaxCommandLength},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := DecodeCommand([]byte(test.b))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var e *Error
			switch {
			case test.offset < 0 && err != nil:
				t.Errorf("error %v", err)
			case test.offset >= 0 && !errors.As(err, &e):
				t.Errorf("error %v, want *Error", err)
			case test.offset >= 0 && e.Offset != test.offset:
				t.Errorf("offset %d in %q, want %d", e.Offset, e, test.offset)
			}
		})
	}
}
