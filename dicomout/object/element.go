package object

import (
	"fmt"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Element is an element of the writer underneath.
type Element = dicom.Element

// Text returns an element of any VR that holds text (CS, DA, DS, IS, LO, LT, PN, SH, ST, TM, UC, UI, UT). Values are joined
// by backslashes and padded by Encode; none at all gives an element of zero length.
func Text(t tag.Tag, vr string, values ...string) *Element {
	return element(t, vr, values)
}

// Empty returns an element of zero length, for attributes of type 2; for a sequence, one without items.
func Empty(t tag.Tag, vr string) *Element {
	if vr == "SQ" {
		return Sequence(t)
	}
	return Text(t, vr)
}

// Int returns an element of VR US, SS, UL, SL.
func Int(t tag.Tag, vr string, values ...int) *Element { return element(t, vr, values) }

// Float returns an element of VR FL or FD.
func Float(t tag.Tag, vr string, values ...float64) *Element { return element(t, vr, values) }

// Pointer returns an element of VR AT that names another attribute.
func Pointer(t, attribute tag.Tag) *Element {
	return Int(t, "AT", int(attribute.Group), int(attribute.Element))
}

// Number returns an Integer String (IS).
func Number(t tag.Tag, v int) *Element { return Text(t, "IS", fmt.Sprint(v)) }

// Sequence returns a sequence of the items, each a list of elements that Encode will sort.
func Sequence(t tag.Tag, items ...[]*Element) *Element {
	if items == nil {
		items = [][]*Element{} // a sequence without items still needs its delimiter, which a nil value would not get
	}
	return element(t, "SQ", items)
}

// Raw returns an element whose value is written byte for byte, of any VR but SQ; numbers must be little endian already. An odd
// value, which only broken files have, gets a byte of padding. A value that the VR cannot hold, and a VR that the writer does
// not know, become UN (PS3.5 6.2.2), bytes unchanged.
func Raw(t tag.Tag, vr string, value []byte) *Element {
	text := string(value)
	if len(text)%2 == 1 {
		text += padding(vr)
	}
	switch vr {
	case "OB", "OD", "OF", "OL", "OW", "UC", "UN", "UR", "UT": // length of 32 bits
	case "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US":
		if len(text) > 0xfffe { // the length field has 16 bits, and lengths are even
			vr = "UN"
		}
	default:
		vr = "UN"
	}
	return element(t, vr, []string{text})
}

// padding returns the byte that makes a value of the VR even: a space for text, NUL for UIDs and binary values.
func padding(vr string) string {
	switch vr {
	case "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT":
		return " "
	}
	return "\x00"
}

// PixelData returns native Pixel Data, VR OB or OW, padded to an even length. The slice is used, not copied, unless it is odd.
func PixelData(vr string, value []byte) *Element {
	if len(value)%2 == 1 {
		value = append(value[:len(value):len(value)], 0)
	}
	return element(tag.PixelData, vr, dicom.PixelDataInfo{IntentionallyUnprocessed: true, UnprocessedValueData: value})
}

// element wraps a value of one of the types that dicom.NewValue knows, which is every type used in this file.
func element(t tag.Tag, vr string, value any) *Element {
	v, err := dicom.NewValue(value)
	if err != nil { // a type that this file does not pass: leave the value out, Encode reports it
		return &Element{Tag: t, RawValueRepresentation: vr}
	}
	return &Element{Tag: t, RawValueRepresentation: vr, Value: v}
}
