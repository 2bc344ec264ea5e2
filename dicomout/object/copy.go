package object

import (
	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// Copy returns the attribute of the source with its raw value bytes, or nil when the source lacks it. VR is the one to use when
// the source does not name one (implicit VR, or UN). Sequences are copied item by item, their values raw as well; group lengths
// inside are left out, since they would be wrong after re-encoding.
func Copy(source *dataset.Set, t dataset.Tag, vr string) *Element {
	if !source.Has(t) {
		return nil
	}
	if own := source.VR(t); own != "" && own != "UN" {
		vr = own
	}
	if items := source.Items(t); vr == "SQ" || len(items) > 0 {
		copied := make([][]*Element, 0, len(items))
		for _, item := range items {
			copied = append(copied, CopyAll(item))
		}
		return Sequence(libraryTag(t), copied...)
	}
	value, _ := source.Bytes(t)
	return Raw(libraryTag(t), vr, value)
}

// CopyAll returns every attribute of the set as Copy does, but group lengths and Pixel Data. VR unknown to the source becomes UN.
func CopyAll(source *dataset.Set) []*Element {
	var elements []*Element
	for _, e := range source.Elements() {
		if e.Tag.Element() == 0 || e.Tag == dataset.PixelDataTag {
			continue
		}
		if c := Copy(source, e.Tag, "UN"); c != nil {
			elements = append(elements, c)
		}
	}
	return elements
}

// libraryTag converts a tag to the writer's type.
func libraryTag(t dataset.Tag) tag.Tag {
	return tag.Tag{Group: t.Group(), Element: t.Element()}
}
