package object

import "github.com/suyashkumar/dicom/pkg/tag"

// FrameOfReferenceElements returns the Frame of Reference module (PS3.3 C.7.4.1), for every object that has a plane.
func (s *Study) FrameOfReferenceElements() []*Element {
	uid, _ := s.FrameOfReference()
	return []*Element{
		Text(tag.FrameOfReferenceUID, "UI", uid),
		Empty(tag.PositionReferenceIndicator, "LO"),
	}
}

// reference returns class and instance of the slice, as Referenced Instance items begin.
func (sl SourceImage) reference() []*Element {
	return []*Element{
		Text(tag.ReferencedSOPClassUID, "UI", sl.SOPClassUID),
		Text(tag.ReferencedSOPInstanceUID, "UI", sl.SOPInstanceUID),
	}
}

// ImageReference returns class, instance and, of a multi-frame instance, frame (PS3.3 table 10-3), as Source Image items begin.
func (sl SourceImage) ImageReference() []*Element {
	elements := sl.reference()
	if sl.Frame > 0 {
		elements = append(elements, Number(tag.ReferencedFrameNumber, sl.Frame))
	}
	return elements
}

// ReferencedSeries returns the Referenced Series Sequence: the chosen CT series with the instances of the given slices, each once.
func (s *Study) ReferencedSeries(slices []SourceImage) *Element {
	instances := make([][]*Element, 0, len(slices))
	seen := make(map[string]bool, len(slices))
	for _, sl := range slices {
		if !seen[sl.SOPInstanceUID] {
			seen[sl.SOPInstanceUID] = true
			instances = append(instances, sl.reference())
		}
	}
	return Sequence(tag.ReferencedSeriesSequence, []*Element{
		Sequence(tag.ReferencedInstanceSequence, instances...),
		Text(tag.SeriesInstanceUID, "UI", s.SeriesInstanceUID),
	})
}

// SourceImages returns the Source Image Sequence over the slices, purpose "Source image for image processing operation". Spatial
// locations are declared preserved, without which some viewers do not place the object by its reference (Weasis 816).
func SourceImages(slices ...SourceImage) *Element {
	items := make([][]*Element, 0, len(slices))
	for _, sl := range slices {
		items = append(items, append(sl.ImageReference(),
			Text(tag.SpatialLocationsPreserved, "CS", "YES"),
			CodeSequence(tag.PurposeOfReferenceCodeSequence, CodeSourceImage)))
	}
	return Sequence(tag.SourceImageSequence, items...)
}

// Thickness returns the slice's own SliceThickness. A slice without one gets the distance of the planes, or how far it reaches where
// that is 0, since the attribute must be there.
func (sl SourceImage) Thickness(spacingBetweenSlices float64) string {
	switch {
	case sl.SliceThicknessDS != "":
		return sl.SliceThicknessDS
	case spacingBetweenSlices > 0:
		return Decimal(spacingBetweenSlices)
	}
	return Decimal(sl.Extent)
}

// PixelMeasures returns the functional group with the slice's own PixelSpacing, its Thickness and the measured distance of the planes
// in mm (PS3.3 C.7.6.16.2.1). The distance is 0 where it changes from plane to plane: then SpacingBetweenSlices is absent, as it may
// be where Dimension Organization Type is not 3D, and readers have the positions.
func PixelMeasures(sl SourceImage, spacingBetweenSlices float64) *Element {
	elements := []*Element{Text(tag.SliceThickness, "DS", sl.Thickness(spacingBetweenSlices))}
	if spacingBetweenSlices > 0 {
		elements = append(elements, Text(tag.SpacingBetweenSlices, "DS", Decimal(spacingBetweenSlices)))
	}
	return Sequence(tag.PixelMeasuresSequence, append(elements, Text(tag.PixelSpacing, "DS", sl.PixelSpacingDS)))
}

// PlaneOrientation returns the functional group with the slice's ImageOrientationPatient.
func PlaneOrientation(sl SourceImage) *Element {
	return Sequence(tag.PlaneOrientationSequence, []*Element{Text(tag.ImageOrientationPatient, "DS", sl.OrientationDS)})
}

// PlanePosition returns the functional group with the slice's ImagePositionPatient.
func PlanePosition(sl SourceImage) *Element {
	return Sequence(tag.PlanePositionSequence, []*Element{Text(tag.ImagePositionPatient, "DS", sl.PositionDS)})
}
