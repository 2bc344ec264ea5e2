package seg

import (
	"bytes"
	"fmt"
	"io"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// BinaryUID returns the SOP Instance UID of the BINARY form of a label map.
func BinaryUID(labelMapUID string) string { return object.OtherFormUID("binary", labelMapUID) }

// Binary returns a label map of BuildLabelMap as a BINARY segmentation file, for a peer that does not know label maps. Its UIDs
// are derived from those of the label map, so that a retry sends the same object.
func Binary(labelMap []byte) ([]byte, error) {
	f, err := dataset.Read(bytes.NewReader(labelMap), int64(len(labelMap)), dataset.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read label map: %w", err)
	}
	set := f.Set()
	uid := set.String(dataset.SOPInstanceUID)
	file, err := binary(f, BinaryUID(uid))
	if err != nil {
		return nil, fmt.Errorf("binary form of label map %s: %w", uid, err)
	}
	return file, nil
}

func binary(f *dataset.File, uid string) ([]byte, error) {
	set := f.Set()
	pixels, ok := f.PixelData()
	if !ok || set.String(dataset.SOPClassUID) != object.LabelMapSegmentationStorage {
		return nil, fmt.Errorf("of class %s", set.String(dataset.SOPClassUID))
	}
	value, err := io.ReadAll(pixels.Reader())
	if err != nil {
		return nil, err
	}
	rows, rowsErr := set.Int(dataset.Rows)
	columns, columnsErr := set.Int(dataset.Columns)
	frames, framesErr := set.Int(dataset.NumberOfFrames)
	number, numberErr := set.Int(dataset.SeriesNumber)
	if rowsErr != nil || columnsErr != nil || framesErr != nil || numberErr != nil || frames < 1 || rows*columns*frames > len(value) {
		return nil, fmt.Errorf("%d bytes of pixels for %d x %d x %d", len(value), frames, rows, columns)
	}
	elements, err := object.CopyAll(set)
	if err != nil {
		return nil, err
	}
	perFrame, err := binaryFrames(set)
	if err != nil {
		return nil, err
	}
	segments, err := binarySegments(set)
	if err != nil {
		return nil, err
	}
	indexes := set.Items(dataset.NewTag(0x0020, 0x9222))
	if len(indexes) != 1 {
		return nil, fmt.Errorf("with %d dimensions", len(indexes))
	}
	position, err := object.CopyAll(indexes[0])
	if err != nil {
		return nil, err
	}
	organization := indexes[0].String(dataset.NewTag(0x0020, 0x9164))
	description := bytes.Replace([]byte(set.String(dataset.SeriesDescription)), []byte(object.LabelMap.Description), []byte(object.Segmentation.Description), 1)
	return object.Encode(object.Segmentation, uid, dataset.ExplicitVRLittleEndian, replaced(elements,
		[]tag.Tag{tag.PixelPaddingValue},
		object.Text(tag.SOPClassUID, "UI", object.SegmentationStorage),
		object.Text(tag.SOPInstanceUID, "UI", uid),
		object.Text(tag.SeriesInstanceUID, "UI", object.OtherFormUID("binary", set.String(dataset.SeriesInstanceUID))),
		object.Number(tag.SeriesNumber, number+object.Segmentation.Number-object.LabelMap.Number),
		object.Text(tag.SeriesDescription, "LO", string(description)),
		object.Text(tagSegmentationType, "CS", "BINARY"),
		object.Int(tag.BitsAllocated, "US", 1),
		object.Int(tag.BitsStored, "US", 1),
		object.Int(tag.HighBit, "US", 0),
		object.Sequence(tag.SegmentSequence, segments...),
		object.Sequence(tag.DimensionIndexSequence, dimensionIndex(organization, tagReferencedSegment, tagSegmentIdentification, "ReferencedSegmentNumber"), position),
		object.Sequence(tag.PerFrameFunctionalGroupsSequence, perFrame...),
		object.PixelData("OB", pack([]frame{{mask: value[:rows*columns*frames]}})),
	))
}

// binaryFrames returns the functional groups with the segment that a label map leaves to its pixels.
func binaryFrames(set *dataset.Set) ([][]*object.Element, error) {
	var all [][]*object.Element
	for i, one := range set.Items(dataset.NewTag(0x5200, 0x9230)) {
		groups, err := object.CopyAll(one)
		if err != nil {
			return nil, err
		}
		all = append(all, replaced(groups, nil,
			object.Sequence(tag.FrameContentSequence, []*object.Element{object.Int(tag.DimensionIndexValues, "UL", 1, i+1)}),
			segmentIdentification(1)))
	}
	return all, nil
}

// binarySegments returns the segments without the background.
func binarySegments(set *dataset.Set) ([][]*object.Element, error) {
	var all [][]*object.Element
	for _, one := range set.Items(dataset.NewTag(0x0062, 0x0002)) {
		if number, err := one.Int(dataset.NewTag(0x0062, 0x0004)); err != nil || number == 0 {
			continue
		}
		segment, err := object.CopyAll(one)
		if err != nil {
			return nil, err
		}
		all = append(all, segment)
	}
	return all, nil
}

// replaced returns the elements without those to drop, and with each of the others in place of what had its tag.
func replaced(elements []*object.Element, drop []tag.Tag, others ...*object.Element) []*object.Element {
	out := map[tag.Tag]bool{}
	for _, t := range drop {
		out[t] = true
	}
	for _, e := range others {
		out[e.Tag] = true
	}
	for _, e := range elements {
		if !out[e.Tag] {
			others = append(others, e)
		}
	}
	return others
}
