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

// dimensions returns the Multi-frame Dimension module (PS3.3 C.7.6.17): segment, then position; of a label map, whose frames show
// all segments, position alone.
func (f *form) dimensions(s *object.Study) []*object.Element {
	organization := s.UID(f.kind.Name, "dimension organization")
	indexes := [][]*object.Element{dimensionIndex(organization,
		tag.ImagePositionPatient, tag.PlanePositionSequence, "ImagePositionPatient")}
	if !f.labelMap {
		indexes = append([][]*object.Element{dimensionIndex(organization, tagReferencedSegment,
			tagSegmentIdentification, "ReferencedSegmentNumber")}, indexes...)
	}
	elements := []*object.Element{
		object.Sequence(tag.DimensionOrganizationSequence, []*object.Element{
			object.Text(tag.DimensionOrganizationUID, "UI", organization),
		}),
		object.Sequence(tag.DimensionIndexSequence, indexes...),
	}
	if equidistant(f.frames, f.spacing) {
		elements = append(elements, object.Text(tag.DimensionOrganizationType, "CS", "3D"))
	}
	return elements
}

// dimensionIndex returns one item of the Dimension Index Sequence.
func dimensionIndex(organization string, pointer, group tag.Tag, label string) []*object.Element {
	return []*object.Element{
		object.Text(tag.DimensionOrganizationUID, "UI", organization),
		object.Pointer(tag.DimensionIndexPointer, pointer),
		object.Pointer(tag.FunctionalGroupPointer, group),
		object.Text(tag.DimensionDescriptionLabel, "LO", label),
	}
}

// functionalGroups returns the shared and the per-frame groups (PS3.3 A.51.5). Measures and orientation are shared when the
// slices say the same to the letter, and stand per frame otherwise, so that no slice gets another's text.
func (f *form) functionalGroups() []*object.Element {
	frames := f.frames
	first := frames[0].slice
	sameMeasures, sameOrientation := true, true
	for _, one := range frames {
		sameMeasures = sameMeasures && one.slice.PixelSpacingDS == first.PixelSpacingDS &&
			one.slice.Thickness(f.spacing) == first.Thickness(f.spacing)
		sameOrientation = sameOrientation && one.slice.OrientationDS == first.OrientationDS
	}
	var shared []*object.Element
	if sameMeasures {
		shared = append(shared, object.PixelMeasures(first, f.spacing))
	}
	if sameOrientation {
		shared = append(shared, object.PlaneOrientation(first))
	}
	perFrame := make([][]*object.Element, len(frames))
	for i, one := range frames {
		place := []int{one.plane}
		if !f.labelMap {
			place = []int{one.segment, one.plane}
		}
		groups := []*object.Element{
			object.Sequence(tag.FrameContentSequence, []*object.Element{object.Int(tag.DimensionIndexValues, "UL", place...)}),
			object.PlanePosition(one.slice),
			object.Sequence(tag.DerivationImageSequence, []*object.Element{
				object.CodeSequence(tag.DerivationCodeSequence, codeSegmentation),
				object.SourceImages(one.slice),
			}),
		}
		if !f.labelMap {
			groups = append(groups, segmentIdentification(one.segment))
		}
		if !sameMeasures {
			groups = append(groups, object.PixelMeasures(one.slice, f.spacing))
		}
		if !sameOrientation {
			groups = append(groups, object.PlaneOrientation(one.slice))
		}
		perFrame[i] = groups
	}
	return []*object.Element{
		object.Sequence(tag.SharedFunctionalGroupsSequence, shared),
		object.Sequence(tag.PerFrameFunctionalGroupsSequence, perFrame...),
	}
}

// segmentIdentification returns the functional group that names the segment of a frame. It stands in each frame even if there is
// one segment: older viewers look only there (OHIF 2252).
func segmentIdentification(number int) *object.Element {
	return object.Sequence(tagSegmentIdentification, []*object.Element{object.Int(tagReferencedSegment, "US", number)})
}

// equidistant tells whether the frames are parallel planes, SpacingBetweenSlices apart along their normal: what dimension
// organization type 3D promises, and never if that is 0. A single frame has no step, and slices without lesion leave gaps.
func equidistant(frames []frame, spacingBetweenSlices float64) bool {
	if len(frames) < 2 || spacingBetweenSlices == 0 || frames[len(frames)-1].segment != frames[0].segment {
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
func position(sl object.SourceImage) (p [3]float64, ok bool) {
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
