package object

import (
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// Copy returns an attribute of an object of ours with its raw value bytes, or nil when the set lacks it. VR is the one to use when
// the source does not name one (implicit VR, or UN). Sequences are copied item by item, their values raw as well; group lengths
// inside are left out, since they would be wrong after re-encoding. It fails when the value lies in a file that cannot be read
// any more.
func Copy(source *dataset.Set, t dataset.Tag, vr string) (*Element, error) {
	if !source.Has(t) {
		return nil, nil
	}
	if own := source.VR(t); own != "" && own != "UN" {
		vr = own
	}
	value, ok := source.Bytes(t)
	if !ok {
		return nil, fmt.Errorf("value of %v cannot be read from the source file", t)
	}
	items := source.Items(t)
	if vr != "SQ" && len(items) == 0 {
		return Raw(libraryTag(t), vr, value), nil
	}
	copied := make([][]*Element, 0, len(items))
	for _, item := range items {
		elements, err := CopyAll(item)
		if err != nil {
			return nil, fmt.Errorf("in %v: %w", t, err)
		}
		copied = append(copied, elements)
	}
	return Sequence(libraryTag(t), copied...), nil
}

// CopyAll returns every attribute of the set as Copy does, but group lengths and Pixel Data. VR unknown to the source becomes UN; an
// attribute that stands there again, against PS3.5 7.1, is taken once.
func CopyAll(source *dataset.Set) ([]*Element, error) {
	var elements []*Element
	taken := map[dataset.Tag]bool{}
	for _, e := range source.Elements() {
		if e.Tag.Element() == 0 || e.Tag == dataset.PixelDataTag || taken[e.Tag] {
			continue
		}
		taken[e.Tag] = true
		c, err := Copy(source, e.Tag, "UN")
		if err != nil {
			return nil, err
		}
		elements = append(elements, c)
	}
	return elements, nil
}

// libraryTag converts a tag to the writer's type.
func libraryTag(t dataset.Tag) tag.Tag {
	return tag.Tag{Group: t.Group(), Element: t.Element()}
}
