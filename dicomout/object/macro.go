package object

import (
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// macro is what the items of a sequence must have.
type macro struct {
	one bool // there may be one item only
	// complete returns the elements of an item that is valid, with what it must have and lacks, or says why it is none.
	complete func(elements []*Element) (whole []*Element, why string)
}

// macroOf returns the macro of a sequence that is copied, by its name for those of codes.
func macroOf(t dataset.Tag) macro {
	switch t {
	case dataset.OtherPatientIDsSequence:
		return macro{complete: patientIDItem}
	case dataset.IssuerOfPatientIDQualifiersSequence:
		return macro{one: true, complete: func(elements []*Element) ([]*Element, string) { return entityPair(elements), "" }}
	case dataset.IssuerOfAccessionNumberSequence:
		return macro{one: true, complete: entityItem}
	}
	if info, err := tag.Find(libraryTag(t)); err == nil && strings.HasSuffix(info.Keyword, "CodeSequence") {
		return macro{complete: codeItem}
	}
	return macro{complete: func(elements []*Element) ([]*Element, string) { return elements, "" }}
}

var (
	urnCodeValue = tag.Tag{Group: 0x0008, Element: 0x0120}
	// contextGroup is what names the context group of a code: all of it or none (PS3.3 table 8.8-1b).
	contextGroup = []tag.Tag{{Group: 0x0008, Element: 0x0105}, {Group: 0x0008, Element: 0x0106}, {Group: 0x0008, Element: 0x010F}}
)

// codeItem is an item of the Code Sequence Macro (PS3.3 table 8.8-1): a code value, whose scheme is that, and what it means.
func codeItem(elements []*Element) ([]*Element, string) {
	switch {
	case !has(elements, tag.CodeValue) && !has(elements, tagLongCodeValue) && !has(elements, urnCodeValue):
		return nil, "a code without a value"
	case !has(elements, tag.CodingSchemeDesignator) && !has(elements, urnCodeValue):
		return nil, "a code without its scheme"
	case !has(elements, tag.CodeMeaning):
		return nil, "a code without its meaning"
	}
	if slices.ContainsFunc(contextGroup, func(t tag.Tag) bool { return !has(elements, t) }) {
		surplus := append(slices.Clone(contextGroup), tag.Tag{Group: 0x0008, Element: 0x010B},
			tag.Tag{Group: 0x0008, Element: 0x0107}, tag.Tag{Group: 0x0008, Element: 0x010D})
		elements = without(elements, surplus...)
	}
	return elements, ""
}

// patientIDItem is an item of Other Patient IDs Sequence (PS3.3 C.7.1.1). The type of an ID that is text is that.
func patientIDItem(elements []*Element) ([]*Element, string) {
	if !has(elements, tag.PatientID) {
		return nil, "another patient ID without the ID"
	}
	if !has(elements, tag.TypeOfPatientID) {
		elements = append(without(elements, tag.TypeOfPatientID), Text(tag.TypeOfPatientID, "CS", "TEXT"))
	}
	return elements, ""
}

// entityItem is an item of the HL7v2 Hierarchic Designator Macro (PS3.3 table 10-17).
func entityItem(elements []*Element) ([]*Element, string) {
	elements = entityPair(elements)
	if !has(elements, libraryTag(localNamespaceEntityID)) && !has(elements, libraryTag(universalEntityID)) {
		return nil, "an issuer without a name"
	}
	return elements, ""
}

// entityPair drops a Universal Entity ID without its type, and a type without its ID.
func entityPair(elements []*Element) []*Element {
	if !has(elements, libraryTag(universalEntityID)) || !has(elements, libraryTag(universalEntityIDType)) {
		return without(elements, libraryTag(universalEntityID), libraryTag(universalEntityIDType))
	}
	return elements
}

// has tells whether an element is there with a value.
func has(elements []*Element, t tag.Tag) bool {
	return slices.ContainsFunc(elements, func(e *Element) bool {
		if e.Tag != t {
			return false
		}
		values, ok := e.Value.GetValue().([]string)
		return !ok || strings.Trim(strings.Join(values, ""), " \x00") != ""
	})
}

func without(elements []*Element, tags ...tag.Tag) []*Element {
	return slices.DeleteFunc(slices.Clone(elements), func(e *Element) bool { return slices.Contains(tags, e.Tag) })
}
