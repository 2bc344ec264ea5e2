package object

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// Encode returns the elements as a Part 10 file with file meta information of ours (PS3.10 7.1). Elements may come in any order,
// in sequences too; an attribute that stands twice in one data set is an error. The transfer syntax must be little endian and
// not deflated. Equal arguments give equal bytes.
func Encode(kind Kind, sopInstanceUID, transferSyntaxUID string, elements []*Element) ([]byte, error) {
	file, err := encode(kind.SOPClassUID, sopInstanceUID, transferSyntaxUID, elements)
	if err != nil {
		return nil, fmt.Errorf("encode %s object %s: %w", kind.Name, sopInstanceUID, err)
	}
	return file, nil
}

func encode(sopClassUID, sopInstanceUID, transferSyntaxUID string, elements []*Element) ([]byte, error) {
	syntax, ok := dataset.LookupTransferSyntax(transferSyntaxUID)
	if !ok || syntax.BigEndian || syntax.Deflated {
		return nil, fmt.Errorf("transfer syntax %q is not one that we write", transferSyntaxUID)
	}
	if err := sortElements(elements); err != nil {
		return nil, err
	}
	if err := checkIdentity(elements, sopClassUID, sopInstanceUID); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := writeMeta(&out, sopClassUID, sopInstanceUID, syntax.UID); err != nil {
		return nil, fmt.Errorf("file meta information: %w", err)
	}
	if err := writeElements(&out, !syntax.Explicit, elements); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// writeMeta writes preamble, prefix and group 0002, which is explicit little endian in every file.
func writeMeta(out *bytes.Buffer, sopClassUID, sopInstanceUID, transferSyntaxUID string) error {
	var group bytes.Buffer
	err := writeElements(&group, false, []*Element{
		Raw(tag.FileMetaInformationVersion, "OB", []byte{0, 1}),
		Text(tag.MediaStorageSOPClassUID, "UI", sopClassUID),
		Text(tag.MediaStorageSOPInstanceUID, "UI", sopInstanceUID),
		Text(tag.TransferSyntaxUID, "UI", transferSyntaxUID),
		Text(tag.ImplementationClassUID, "UI", ImplementationClassUID),
		Text(tag.ImplementationVersionName, "SH", ImplementationVersionName),
	})
	if err != nil {
		return err
	}
	out.Write(make([]byte, 128))
	out.WriteString("DICM")
	if err := writeElements(out, false, []*Element{Int(tag.FileMetaInformationGroupLength, "UL", group.Len())}); err != nil {
		return err
	}
	_, err = group.WriteTo(out)
	return err
}

// writeElements writes the elements in the given order. The checks of VR and value type are ours: the library's would refuse
// raw values.
func writeElements(out *bytes.Buffer, implicit bool, elements []*Element) error {
	w, err := dicom.NewWriter(out, dicom.SkipVRVerification(), dicom.SkipValueTypeVerification())
	if err != nil {
		return err
	}
	w.SetTransferSyntax(binary.LittleEndian, implicit)
	for _, e := range elements {
		if err := w.WriteElement(e); err != nil {
			return fmt.Errorf("write element %v: %w", e.Tag, err)
		}
	}
	return nil
}

// sortElements puts the elements of a data set, and those of its sequences, in the order of their tags.
func sortElements(elements []*Element) error {
	for _, e := range elements {
		if e == nil {
			return errors.New("one element is nil")
		}
		if e.Value == nil || len(e.RawValueRepresentation) != 2 {
			return fmt.Errorf("element %v has no value or no VR", e.Tag)
		}
		if e.RawValueRepresentation != "SQ" {
			continue
		}
		items, ok := e.Value.GetValue().([]*dicom.SequenceItemValue)
		if !ok {
			return fmt.Errorf("element %v is a sequence without items", e.Tag)
		}
		for _, item := range items {
			if err := sortElements(itemElements(item)); err != nil {
				return fmt.Errorf("in %v: %w", e.Tag, err)
			}
		}
	}
	slices.SortStableFunc(elements, func(a, b *Element) int {
		return cmp.Or(cmp.Compare(a.Tag.Group, b.Tag.Group), cmp.Compare(a.Tag.Element, b.Tag.Element))
	})
	for i := 1; i < len(elements); i++ {
		if elements[i].Tag == elements[i-1].Tag {
			return fmt.Errorf("element %v stands twice", elements[i].Tag)
		}
	}
	return nil
}

// itemElements returns the elements of an item; the slice is the item's own, so that sorting it sorts the item.
func itemElements(item *dicom.SequenceItemValue) []*Element {
	elements, _ := item.GetValue().([]*Element)
	return elements
}

// checkIdentity makes sure that class and instance of the data set are those of the file meta information.
func checkIdentity(elements []*Element, sopClassUID, sopInstanceUID string) error {
	for _, want := range []struct {
		t     tag.Tag
		value string
	}{{tag.SOPClassUID, sopClassUID}, {tag.SOPInstanceUID, sopInstanceUID}} {
		i := slices.IndexFunc(elements, func(e *Element) bool { return e.Tag == want.t })
		if i < 0 {
			return fmt.Errorf("element %v is missing", want.t)
		}
		values, _ := elements[i].Value.GetValue().([]string)
		if got := strings.TrimRight(strings.Join(values, `\`), "\x00 "); got != want.value {
			return fmt.Errorf("element %v is %q, the file meta information says %q", want.t, got, want.value)
		}
	}
	return nil
}
