package pmap

import (
	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

// Attributes that the writer's dictionary lacks or names otherwise.
var (
	tagFloatPixelData      = tag.Tag{Group: 0x7FE0, Element: 0x0008}
	tagFrameType           = tag.Tag{Group: 0x0008, Element: 0x9007}
	tagMapFrameType        = tag.Tag{Group: 0x0040, Element: 0x9092}
	tagRealWorldMapping    = tag.Tag{Group: 0x0040, Element: 0x9096}
	tagFirstValue          = tag.Tag{Group: 0x0040, Element: 0x9214}
	tagLastValue           = tag.Tag{Group: 0x0040, Element: 0x9213}
	tagQuantityDefinition  = tag.Tag{Group: 0x0040, Element: 0x9220}
	tagRealWorldIntercept  = tag.Tag{Group: 0x0040, Element: 0x9224}
	tagRealWorldSlope      = tag.Tag{Group: 0x0040, Element: 0x9225}
	tagLUTLabel            = tag.Tag{Group: 0x0040, Element: 0x9210}
	tagLUTExplanation      = tag.Tag{Group: 0x0028, Element: 0x3003}
	tagFrameVOILUT         = tag.Tag{Group: 0x0028, Element: 0x9132}
	tagPixelTransformation = tag.Tag{Group: 0x0028, Element: 0x9145}
)

// Codes of the quantity that the map holds.
var (
	codeQuantity          = object.Code{Value: "246205007", Scheme: "SCT", Meaning: "Quantity"}
	codeActivation        = object.Code{Value: "130402", Scheme: "DCM", Meaning: "Class activation"} // CID 217
	codeNoUnits           = object.Code{Value: "1", Scheme: "UCUM", Meaning: "no units"}
	codeUnspecifiedMethod = object.Code{Value: "112187", Scheme: "DCM", Meaning: "Unspecified method of calculation"} // CID 7203
)

// frameType is the value of Image Type and Frame Type.
var frameType = []string{"DERIVED", "PRIMARY", "VOLUME", "QUANTITY"}

// dimensions returns the Multi-frame Dimension module: the position.
func dimensions(s *object.Study) []*object.Element {
	uid := object.Text(tag.DimensionOrganizationUID, "UI", s.UID(object.ParametricMap.Name, "dimension organization"))
	return []*object.Element{
		object.Sequence(tag.DimensionOrganizationSequence, []*object.Element{uid}),
		object.Sequence(tag.DimensionIndexSequence, []*object.Element{
			uid,
			object.Pointer(tag.DimensionIndexPointer, tag.ImagePositionPatient),
			object.Pointer(tag.FunctionalGroupPointer, tag.PlanePositionSequence),
			object.Text(tag.DimensionDescriptionLabel, "LO", "ImagePositionPatient"),
		}),
	}
}

// groups returns the shared and the per-frame functional groups (PS3.3 A.75.4). Measures and orientation stand per frame: slices may
// differ in their texts.
func groups(slices []object.SourceImage, in Input) []*object.Element {
	shared := []*object.Element{
		object.Sequence(tagMapFrameType, []*object.Element{object.Text(tagFrameType, "CS", frameType...)}),
		object.Sequence(tagFrameVOILUT, []*object.Element{
			object.Text(tag.WindowCenter, "DS", "0.5"),
			object.Text(tag.WindowWidth, "DS", "1"),
		}),
		object.Sequence(tagPixelTransformation, []*object.Element{
			object.Text(tag.RescaleIntercept, "DS", "0"),
			object.Text(tag.RescaleSlope, "DS", "1"),
			object.Text(tag.RescaleType, "LO", "US"),
		}),
		object.Sequence(tagRealWorldMapping, []*object.Element{
			object.Text(tagLUTLabel, "SH", "ACTIVATION"),
			object.Text(tagLUTExplanation, "LO", object.ASCII("Class activation, 1 is "+object.Decimal(in.Max)+" of the network", 64)),
			object.Float(tagFirstValue, "FD", 0),
			object.Float(tagLastValue, "FD", 1),
			object.Float(tagRealWorldIntercept, "FD", 0),
			object.Float(tagRealWorldSlope, "FD", 1),
			object.CodeSequence(tag.MeasurementUnitsCodeSequence, codeNoUnits),
			object.Sequence(tagQuantityDefinition, []*object.Element{
				object.Text(tag.ValueType, "CS", "CODE"),
				object.CodeSequence(tag.ConceptNameCodeSequence, codeQuantity),
				object.CodeSequence(tag.ConceptCodeSequence, codeActivation),
			}),
		}),
	}
	perFrame := make([][]*object.Element, len(slices))
	for i, sl := range slices {
		perFrame[i] = []*object.Element{
			object.Sequence(tag.FrameContentSequence, []*object.Element{object.Int(tag.DimensionIndexValues, "UL", i+1)}),
			object.PlanePosition(sl),
			object.PlaneOrientation(sl),
			object.PixelMeasures(sl, in.SpacingBetweenSlices),
			object.Sequence(tag.DerivationImageSequence, []*object.Element{
				object.CodeSequence(tag.DerivationCodeSequence, codeUnspecifiedMethod),
				object.SourceImages(sl),
			}),
		}
	}
	return []*object.Element{
		object.Sequence(tag.SharedFunctionalGroupsSequence, shared),
		object.Sequence(tag.PerFrameFunctionalGroupsSequence, perFrame...),
	}
}
