package seg

import (
	"fmt"

	"jcsnode/findings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

// Attributes of the Segment Description and Algorithm Identification macros (PS3.3 C.8.20.4, 10.16) that the writer's dictionary
// lacks or whose names differ there.
var (
	tagSegmentationType        = tag.Tag{Group: 0x0062, Element: 0x0001}
	tagPropertyCategory        = tag.Tag{Group: 0x0062, Element: 0x0003}
	tagSegmentNumber           = tag.Tag{Group: 0x0062, Element: 0x0004}
	tagSegmentLabel            = tag.Tag{Group: 0x0062, Element: 0x0005}
	tagSegmentDescription      = tag.Tag{Group: 0x0062, Element: 0x0006}
	tagAlgorithmIdentification = tag.Tag{Group: 0x0062, Element: 0x0007}
	tagSegmentAlgorithmType    = tag.Tag{Group: 0x0062, Element: 0x0008}
	tagSegmentAlgorithmName    = tag.Tag{Group: 0x0062, Element: 0x0009}
	tagCIELab                  = tag.Tag{Group: 0x0062, Element: 0x000D}
	tagPropertyType            = tag.Tag{Group: 0x0062, Element: 0x000F}
	tagSegmentsOverlap         = tag.Tag{Group: 0x0062, Element: 0x0013}
	tagTrackingID              = tag.Tag{Group: 0x0062, Element: 0x0020}
	tagTrackingUID             = tag.Tag{Group: 0x0062, Element: 0x0021}
	tagAlgorithmFamily         = tag.Tag{Group: 0x0066, Element: 0x002F}
	tagAlgorithmVersion        = tag.Tag{Group: 0x0066, Element: 0x0031}
	tagAlgorithmParameters     = tag.Tag{Group: 0x0066, Element: 0x0032}
	tagAlgorithmName           = tag.Tag{Group: 0x0066, Element: 0x0036}
	tagAlgorithmSource         = tag.Tag{Group: 0x0024, Element: 0x0202}
)

var (
	codeAbnormalStructure      = object.Code{Value: "49755003", Scheme: "SCT", Meaning: "Morphologically Abnormal Structure"} // CID 7150
	codeArtificialIntelligence = object.Code{Value: "123110", Scheme: "DCM", Meaning: "Artificial Intelligence"}              // CID 7162
)

// lesionColor is RGB 255,64,0 as CIELab over D50 in the coding of PS3.3 C.10.7.1.1. Some viewers hang without a colour (OHIF 3939).
var lesionColor = [3]int{37358, 50727, 50556}

// segment returns the one item of the Segment Sequence. The property type names what is seen, never the disease.
func segment(s *object.Study, in Input) []*object.Element {
	property := in.PropertyType
	if property == (object.Code{}) {
		property = object.CodeLesion
	}
	trackingID, trackingUID := s.LesionTracking()
	return []*object.Element{
		object.Int(tagSegmentNumber, "US", 1),
		object.Text(tagSegmentLabel, "LO", "Lung lesion (JCS)"),
		object.Text(tagSegmentDescription, "ST", fmt.Sprintf("%s %s (%s), threshold %s. %s", object.ASCII(in.Model.Name, 64),
			object.ASCII(in.Model.Version, 64), in.Model.Weights(), object.Decimal(in.Threshold), findings.Notice)),
		object.Text(tagSegmentAlgorithmType, "CS", "AUTOMATIC"),
		object.Text(tagSegmentAlgorithmName, "LO", "JCS"),
		object.Sequence(tagAlgorithmIdentification, algorithm(in)),
		object.CodeSequence(tagPropertyCategory, codeAbnormalStructure),
		object.CodeSequence(tagPropertyType, property),
		object.CodeSequence(tag.AnatomicRegionSequence, object.CodeLung),
		object.Text(tagTrackingID, "UT", trackingID),
		object.Text(tagTrackingUID, "UI", trackingUID),
		object.Int(tagCIELab, "US", lesionColor[:]...),
	}
}

// algorithm identifies network, version, hash, threshold and the state of its weights.
func algorithm(in Input) []*object.Element {
	parameters := fmt.Sprintf("threshold=%s, weights=%s, window=%s..%s HU", object.Decimal(in.Threshold), in.Model.Weights(),
		object.Decimal(in.Window[0]), object.Decimal(in.Window[1]))
	if in.Parameters != "" {
		parameters += ", " + object.ASCII(in.Parameters, 4096)
	}
	hash := in.Model.SHA256[:min(12, len(in.Model.SHA256))]
	return []*object.Element{
		object.CodeSequence(tagAlgorithmFamily, codeArtificialIntelligence),
		object.Text(tagAlgorithmName, "LO", "JCS"),
		object.Text(tagAlgorithmVersion, "LO", object.ASCII(object.ASCII(in.Model.Version, 51)+" "+hash, 64)),
		object.Text(tagAlgorithmParameters, "LT", parameters),
		object.Text(tagAlgorithmSource, "LO", "jcsnode"),
	}
}
