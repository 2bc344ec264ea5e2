package object

import "github.com/suyashkumar/dicom/pkg/tag"

// Code is a coded concept (PS3.3 8.8).
type Code struct{ Value, Scheme, Meaning string }

// Codes that several kinds use, from PS3.16 and SNOMED CT as DICOM quotes it.
var (
	CodeSourceImage          = Code{"121322", "DCM", "Source image for image processing operation"}
	CodeAcquisitionEquipment = Code{"109101", "DCM", "Acquisition Equipment"}
	CodeLung                 = Code{"39607008", "SCT", "Lung"}
	CodeLesion               = Code{"52988006", "SCT", "Lesion"}
)

var tagLongCodeValue = tag.Tag{Group: 0x0008, Element: 0x0119}

// Item returns the elements of the code as an item of a code sequence. A value of more than 16 characters goes to Long Code
// Value.
func (c Code) Item() []*Element {
	value := Text(tag.CodeValue, "SH", c.Value)
	if len(c.Value) > 16 {
		value = Text(tagLongCodeValue, "UC", c.Value)
	}
	return []*Element{
		value,
		Text(tag.CodingSchemeDesignator, "SH", c.Scheme),
		Text(tag.CodeMeaning, "LO", c.Meaning),
	}
}

// CodeSequence returns a code sequence with an item for each code.
func CodeSequence(t tag.Tag, codes ...Code) *Element {
	items := make([][]*Element, 0, len(codes))
	for _, c := range codes {
		items = append(items, c.Item())
	}
	return Sequence(t, items...)
}
