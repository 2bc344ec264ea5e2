package seg

import (
	"errors"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// ErrEmpty says that no mask has a pixel, so that there is nothing to make an object of.
var ErrEmpty = errors.New("no mask has a lesion pixel: there is no segmentation to send")

// Input is what the segmentation shows.
type Input struct {
	// Masks has one mask per slice of the study, in its order: Rows x Columns bytes, row by row on the slice's own grid, zero for
	// background. A slice that was not segmented has nil.
	Masks [][]byte
	// SpacingBetweenSlices is the measured distance of neighbouring planes along the normal, in mm; 0 if that changes.
	SpacingBetweenSlices float64
	// Model is the network that drew the masks, Threshold the probability from which a pixel counts, Window its HU limits.
	Model     object.Model
	Threshold float64
	Window    [2]float64
	// PropertyType names what is seen; the zero value is "Lesion". A site may want 112120 DCM "Ground glass opacity".
	PropertyType object.Code
	// Parameters is further text for AlgorithmParameters, as "name=value, name=value".
	Parameters string
}

// Build returns the segmentation of the study revision as BINARY: segment 1 is the lesion. It returns ErrEmpty when all masks are.
func Build(s *object.Study, in Input) (*object.Object, error) {
	return build(s, in, form{
		kind: object.Segmentation, label: "JCS_LESION", description: lesionDescription, title: "Lesion segmentation",
		segments: [][]*object.Element{segment(s, in)},
	})
}

// BuildLabelMap returns the same as a LABELMAP: a byte for each pixel, 1 in lesions. Background describes the value 0 as a segment,
// which most readers expect; without it, some viewers get their colours right (cornerstone3D 2882).
func BuildLabelMap(s *object.Study, in Input, background bool) (*object.Object, error) {
	f := form{kind: object.LabelMapPlain, label: "JCS_LESION", description: lesionDescription, title: "Lesion label map", labelMap: true}
	if background {
		f.kind = object.LabelMap
		f.segments = append(f.segments, backgroundSegment())
	}
	f.segments = append(f.segments, segment(s, in))
	return build(s, in, f)
}

const lesionDescription = "Lung lesions found by JCS. Research use only"

func build(s *object.Study, in Input, f form) (*object.Object, error) {
	var err error
	if f.frames, err = selectFrames(s.Slices, in.Masks, anyValue); err != nil {
		return nil, fmt.Errorf("build %s: %w", f.kind.Name, err)
	}
	f.spacing = in.SpacingBetweenSlices
	return f.object(s)
}

// form is a segmentation object before it is written: what differs between the kinds.
type form struct {
	kind                      object.Kind
	label, description, title string // title without the count of slices
	labelMap                  bool
	segments                  [][]*object.Element
	frames                    []frame
	spacing                   float64 // between slices, mm; 0 if it changes
}

// object writes the form.
func (f *form) object(s *object.Study) (*object.Object, error) {
	if !(f.spacing >= 0) {
		return nil, fmt.Errorf("build %s: spacing between slices is %v mm, must be positive, or 0 where it changes", f.kind.Name, f.spacing)
	}
	uid := s.InstanceUID(f.kind)
	elements, err := s.Common(f.kind, uid)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", f.kind.Name, err)
	}
	elements = append(elements, s.FrameOfReferenceElements()...)
	elements = append(elements, f.image(s)...)
	elements = append(elements, s.ReferencedSeries(s.Slices))
	elements = append(elements, object.Sequence(tag.SegmentSequence, f.segments...))
	elements = append(elements, f.dimensions(s)...)
	elements = append(elements, f.functionalGroups()...)
	title := fmt.Sprintf("%s, %d of %d slices", f.title, planes(f.frames), len(s.Slices))
	return s.NewObject(f.kind, uid, dataset.ExplicitVRLittleEndian, title, elements)
}

// image returns the Segmentation Image module (PS3.3 C.8.20.2) and the pixels.
func (f *form) image(s *object.Study) []*object.Element {
	bits, segmentation := 1, "BINARY"
	if f.labelMap {
		bits, segmentation = 8, "LABELMAP"
	}
	elements := []*object.Element{
		object.Text(tag.ImageType, "CS", "DERIVED", "PRIMARY"),
		object.Number(tag.InstanceNumber, 1),
		object.Text(tag.ContentLabel, "CS", f.label),
		object.Text(tag.ContentDescription, "LO", s.ContentDescription(f.description)),
		object.Text(tag.ContentCreatorName, "PN", "jcsnode^"), // without the caret dciodvfy warns of a name in one component
		object.Int(tag.SamplesPerPixel, "US", 1),
		object.Text(tag.PhotometricInterpretation, "CS", "MONOCHROME2"),
		object.Int(tag.Rows, "US", f.frames[0].slice.Rows),
		object.Int(tag.Columns, "US", f.frames[0].slice.Columns),
		object.Int(tag.BitsAllocated, "US", bits),
		object.Int(tag.BitsStored, "US", bits),
		object.Int(tag.HighBit, "US", bits-1),
		object.Int(tag.PixelRepresentation, "US", 0),
		object.Number(tag.NumberOfFrames, len(f.frames)),
		object.Text(tagSegmentationType, "CS", segmentation),
		object.Text(tagSegmentsOverlap, "CS", "NO"),
	}
	if f.labelMap {
		return append(elements, object.Int(tag.PixelPaddingValue, "US", 0), object.PixelData("OB", labels(f.frames)))
	}
	return append(elements, object.PixelData("OB", pack(f.frames)))
}
