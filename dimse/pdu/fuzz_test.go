package pdu

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each target goes from bytes to a value, back to bytes and to a value again: what was understood must survive. Inputs close
// to the limits are left out, since elements that are always written may push them over.

func FuzzAssociateRQ(f *testing.F) {
	f.Add(request())
	f.Add(request(item(0x10, ApplicationContext),
		item(0x20, "\x01\x00\x00\x00"+item(0x30, "1.2.840.10008.1.1")+item(0x40, "1.2.840.10008.1.2")),
		item(0x50, item(0x51, "\x00\x00\x40\x00")+item(0x52, "1.2.3")+item(0x53, "\x00\x00\x00\x00")+item(0x54, "\x00\x011\x01\x00")+
			item(0x55, "NAME")+item(0x56, "\x00\x011abc")+item(0x57, "\x00\x011\x00\x012\x00\x05\x00\x033.4")+
			item(0x58, "\x02\x01\x00\x04user\x00\x04pass")+item(0x59, "\x00\x02ok"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := DecodeAssociateRQ(b)
		if err != nil || len(b) > 0xFF00 {
			return
		}
		packed, err := first.Append(nil)
		if err != nil {
			t.Fatalf("encode %+v: %v", first, err)
		}
		second, err := DecodeAssociateRQ(body(t, packed, TypeAssociateRQ))
		if diff := cmp.Diff(first, second); err != nil || diff != "" {
			t.Fatalf("error %v, -first +second:\n%s", err, diff)
		}
	})
}

func FuzzAssociateAC(f *testing.F) {
	f.Add(request(item(0x10, ApplicationContext),
		item(0x21, "\x01\x00\x03\x00"+item(0x40, "1.2.840.10008.1.2")), item(0x50, item(0x59, "\x00\x02ok"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := DecodeAssociateAC(b)
		if err != nil || len(b) > 0xFF00 {
			return
		}
		packed, err := first.Append(nil)
		if err != nil {
			t.Fatalf("encode %+v: %v", first, err)
		}
		second, err := DecodeAssociateAC(body(t, packed, TypeAssociateAC))
		if diff := cmp.Diff(first, second); err != nil || diff != "" {
			t.Fatalf("error %v, -first +second:\n%s", err, diff)
		}
	})
}

func FuzzPData(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x06\x01\x03abcd\x00\x00\x00\x02\x01\x00\x00\x00\x00\x03\x01\x02x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := fragments(b)
		if err != nil {
			return
		}
		var second []fragment
		for _, v := range first {
			header := make([]byte, PDataHeaderLength)
			PutPData(header, v.PDV)
			list, err := fragments(body(t, append(header, v.Data...), TypePData))
			if err != nil {
				t.Fatalf("fragment %+v: %v", v, err)
			}
			second = append(second, list...)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("-first +second:\n%s", diff)
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte(echoRQ))
	store := Command{Field: CStoreRQ, MessageID: 1, AffectedSOPClassUID: "1.2", AffectedSOPInstanceUID: "1.3", HasDataSet: true,
		MoveOriginatorAETitle: "AE", MoveOriginatorID: 2}
	f.Add(store.Append(nil))
	response := Command{Field: CStoreRSP, RespondedTo: 1, Status: 0xA700, ErrorComment: "full"}
	f.Add(response.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := DecodeCommand(b)
		if err != nil || len(b) > MaxCommandLength-100 {
			return
		}
		second, err := DecodeCommand(first.Append(nil))
		if diff := cmp.Diff(first, second); err != nil || diff != "" {
			t.Fatalf("error %v, -first +second:\n%s", err, diff)
		}
	})
}
