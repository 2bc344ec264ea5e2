package seg

import (
	"fmt"

	"jcsnode/findings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

// Values of a lung mask: the patient's own sides.
const (
	RightLung byte = 1
	LeftLung  byte = 2
)

// LungInput is what the segmentation of the lungs shows.
type LungInput struct {
	// Masks has one mask per slice, as Input.Masks has, with the values RightLung and LeftLung.
	Masks [][]byte
	// SpacingBetweenSlices is the measured distance of neighbouring planes along the normal, in mm; 0 if that changes.
	SpacingBetweenSlices float64
}

// BuildLungs returns the segmentation of both lungs: segment 1 is the left lung, 2 the right. It is an object of its own, since
// lesions lie inside the lungs and segments of one object may not overlap. It returns ErrEmpty when there is no lung.
func BuildLungs(s *object.Study, in LungInput) (*object.Object, error) {
	f := form{
		kind: object.Lungs, label: "JCS_LUNGS", description: "Lungs found by jcsnode. Research use only", title: "Lung segmentation",
		segments: [][]*object.Element{
			lungSegment(s, 1, "Left lung", codeLeft, [3]int{42286, 33767, 18725}),
			lungSegment(s, 2, "Right lung", codeRight, [3]int{58629, 15639, 41218}),
		},
		spacing: in.SpacingBetweenSlices,
	}
	var err error
	if f.frames, err = selectFrames(s.Slices, in.Masks, LeftLung, RightLung); err != nil {
		return nil, fmt.Errorf("build %s: %w", f.kind.Name, err)
	}
	return f.object(s)
}

var (
	codeAnatomicalStructure = object.Code{Value: "91723000", Scheme: "SCT", Meaning: "Anatomical Structure"}   // CID 7150
	codeMorphological       = object.Code{Value: "123104", Scheme: "DCM", Meaning: "Morphological Operations"} // CID 7162
	codeLeft                = object.Code{Value: "7771000", Scheme: "SCT", Meaning: "Left"}
	codeRight               = object.Code{Value: "24028007", Scheme: "SCT", Meaning: "Right"}
)

// lungSegment returns the item of one lung.
func lungSegment(s *object.Study, number int, label string, side object.Code, colour [3]int) []*object.Element {
	lung := append(object.CodeLung.Item(), object.CodeSequence(tagPropertyTypeModifier, side))
	return []*object.Element{
		object.Int(tagSegmentNumber, "US", number),
		object.Text(tagSegmentLabel, "LO", label),
		object.Text(tagSegmentDescription, "ST", "Lung by threshold and morphology, lesions and vessels included. "+findings.Notice),
		object.Text(tagSegmentAlgorithmType, "CS", "AUTOMATIC"),
		object.Text(tagSegmentAlgorithmName, "LO", "jcsnode lung mask"),
		object.Sequence(tagAlgorithmIdentification, []*object.Element{
			object.CodeSequence(tagAlgorithmFamily, codeMorphological),
			object.Text(tagAlgorithmName, "LO", "jcsnode lung mask"),
			object.Text(tagAlgorithmVersion, "LO", object.ASCII(s.SoftwareVersion, 64)),
			object.Text(tagAlgorithmSource, "LO", "jcsnode"),
		}),
		object.CodeSequence(tagPropertyCategory, codeAnatomicalStructure),
		object.Sequence(tagPropertyType, lung),
		object.Text(tagTrackingID, "UT", "jcsnode "+object.ASCII(label, 32)),
		object.Text(tagTrackingUID, "UI", s.UID("tracking", label)),
		object.Int(tagCIELab, "US", colour[:]...),
	}
}

// backgroundSegment returns the item that describes the value 0 of a label map.
func backgroundSegment() []*object.Element {
	background := object.Code{Value: "125040", Scheme: "DCM", Meaning: "Background"}
	return []*object.Element{
		object.Int(tagSegmentNumber, "US", 0),
		object.Text(tagSegmentLabel, "LO", "Background"),
		object.Text(tagSegmentAlgorithmType, "CS", "AUTOMATIC"),
		object.Text(tagSegmentAlgorithmName, "LO", "JCS"),
		object.CodeSequence(tagPropertyCategory, background),
		object.CodeSequence(tagPropertyType, background),
		object.Int(tagCIELab, "US", 0, 0x8080, 0x8080),
	}
}

var tagPropertyTypeModifier = tag.Tag{Group: 0x0062, Element: 0x0011}
