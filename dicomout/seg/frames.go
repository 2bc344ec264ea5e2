package seg

import (
	"math"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

var (
	tagSegmentIdentification = tag.Tag{Group: 0x0062, Element: 0x000A}
	tagReferencedSegment     = tag.Tag{Group: 0x0062, Element: 0x000B}
)

// codeSegmentation says how the frame was derived from its slice (CID 7203).
var codeSegmentation = object.Code{Value: "113076", Scheme: "DCM", Meaning: "Segmentation"}

// equidistanceMM is how far plane steps may differ and still count as equal: positions of real scanners are rounded to the
// hundredth of a millimetre or finer.
const equidistanceMM = 0.01

// dimensions returns the Multi-frame Dimension module: segment, then position (PS3.3 C.7.6.17).
func dimensions(s *object.Study, frames []frame, spacingBetweenSlices float64) []*object.Element {
	organization := s.UID(object.Segmentation.Name, "dimension organization")
	index := func(pointer, group tag.Tag, label string) []*object.Element {
		return []*object.Element{
			object.Text(tag.DimensionOrganizationUID, "UI", organization),
			object.Pointer(tag.DimensionIndexPointer, pointer),
			object.Pointer(tag.FunctionalGroupPointer, group),
			object.Text(tag.DimensionDescriptionLabel, "LO", label),
		}
	}
	elements := []*object.Element{
		object.Sequence(tag.DimensionOrganizationSequence, []*object.Element{
			object.Text(tag.DimensionOrganizationUID, "UI", organization),
		}),
		object.Sequence(tag.DimensionIndexSequence,
			index(tagReferencedSegment, tagSegmentIdentification, "ReferencedSegmentNumber"),
			index(tag.ImagePositionPatient, tag.PlanePositionSequence, "ImagePositionPatient")),
	}
	if equidistant(frames, spacingBetweenSlices) {
		elements = append(elements, object.Text(tag.DimensionOrganizationType, "CS", "3D"))
	}
	return elements
}

// functionalGroups returns the shared and the per-frame groups (PS3.3 A.51.5). Measures and orientation are shared when the
// slices say the same to the letter, and stand per frame otherwise, so that no slice gets another's text.
func functionalGroups(frames []frame, spacingBetweenSlices float64) []*object.Element {
	first := frames[0].slice
	sameMeasures, sameOrientation := true, true
	for _, f := range frames {
		sameMeasures = sameMeasures && f.slice.PixelSpacingDS == first.PixelSpacingDS && f.slice.SliceThicknessDS == first.SliceThicknessDS
		sameOrientation = sameOrientation && f.slice.OrientationDS == first.OrientationDS
	}
	var shared []*object.Element
	if sameMeasures {
		shared = append(shared, object.PixelMeasures(first, spacingBetweenSlices))
	}
	if sameOrientation {
		shared = append(shared, object.PlaneOrientation(first))
	}
	perFrame := make([][]*object.Element, len(frames))
	for i, f := range frames {
		groups := []*object.Element{
			object.Sequence(tag.FrameContentSequence, []*object.Element{
				object.Int(tag.DimensionIndexValues, "UL", 1, i+1),
			}),
			object.PlanePosition(f.slice),
			object.Sequence(tagSegmentIdentification, []*object.Element{object.Int(tagReferencedSegment, "US", 1)}),
			object.Sequence(tag.DerivationImageSequence, []*object.Element{
				object.CodeSequence(tag.DerivationCodeSequence, codeSegmentation),
				object.SourceImages(f.slice),
			}),
		}
		if !sameMeasures {
			groups = append(groups, object.PixelMeasures(f.slice, spacingBetweenSlices))
		}
		if !sameOrientation {
			groups = append(groups, object.PlaneOrientation(f.slice))
		}
		perFrame[i] = groups
	}
	return []*object.Element{
		object.Sequence(tag.SharedFunctionalGroupsSequence, shared),
		object.Sequence(tag.PerFrameFunctionalGroupsSequence, perFrame...),
	}
}

// equidistant tells whether the frames are parallel planes, SpacingBetweenSlices apart along their normal: what dimension
// organization type 3D promises. A single frame has no step, and slices without lesion leave gaps.
func equidistant(frames []frame, spacingBetweenSlices float64) bool {
	if len(frames) < 2 {
		return false
	}
	var step [3]float64
	for i := 1; i < len(frames); i++ {
		a, okA := position(frames[i-1].slice)
		b, okB := position(frames[i].slice)
		if !okA || !okB || frames[i].slice.OrientationDS != frames[0].slice.OrientationDS {
			return false
		}
		d := [3]float64{b[0] - a[0], b[1] - a[1], b[2] - a[2]}
		if i == 1 {
			step = d
		}
		for k := range d {
			if math.Abs(d[k]-step[k]) > equidistanceMM {
				return false
			}
		}
	}
	// A step longer than its part along the normal is that of planes shifted within themselves, as under a tilted gantry.
	length := math.Hypot(math.Hypot(step[0], step[1]), step[2])
	along := frames[1].slice.Position - frames[0].slice.Position
	return math.Abs(length-along) <= equidistanceMM && math.Abs(along-spacingBetweenSlices) <= equidistanceMM
}

// position reads the three numbers of ImagePositionPatient.
func position(sl object.Slice) (p [3]float64, ok bool) {
	texts := strings.Split(sl.PositionDS, `\`)
	if len(texts) != 3 {
		return p, false
	}
	for i, text := range texts {
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return p, false
		}
		p[i] = v
	}
	return p, true
}
