package seg

import (
	"bytes"
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
	// SpacingBetweenSlices is the measured distance of neighbouring planes along the normal, in mm.
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

// Build returns the segmentation of the study revision: segment 1 is the lesion. It returns ErrEmpty when all masks are.
func Build(s *object.Study, in Input) (*object.Object, error) {
	frames, err := selectFrames(s.Slices, in.Masks)
	if err != nil {
		return nil, fmt.Errorf("build segmentation: %w", err)
	}
	if !(in.SpacingBetweenSlices > 0) {
		return nil, fmt.Errorf("build segmentation: spacing between slices is %v mm, must be positive", in.SpacingBetweenSlices)
	}
	kind := object.Segmentation
	sopInstanceUID := s.InstanceUID(kind)
	elements, err := s.Common(kind, sopInstanceUID)
	if err != nil {
		return nil, fmt.Errorf("build segmentation: %w", err)
	}
	elements = append(elements, s.FrameOfReferenceElements()...)
	elements = append(elements, image(s, frames)...)
	elements = append(elements, s.ReferencedSeries(s.Slices))
	elements = append(elements, object.Sequence(tag.SegmentSequence, segment(s, in)))
	elements = append(elements, dimensions(s, frames, in.SpacingBetweenSlices)...)
	elements = append(elements, functionalGroups(frames, in.SpacingBetweenSlices)...)

	title := fmt.Sprintf("Lesion segmentation, %d of %d slices", len(frames), len(s.Slices))
	return s.NewObject(kind, sopInstanceUID, dataset.ExplicitVRLittleEndian, title, elements)
}

// frame is one slice with lesion pixels.
type frame struct {
	slice object.Slice
	mask  []byte
}

// selectFrames returns the slices with lesion pixels, by position rising, after checking that masks and slices fit together.
func selectFrames(slices []object.Slice, masks [][]byte) ([]frame, error) {
	if len(masks) != len(slices) {
		return nil, fmt.Errorf("%d masks for %d slices", len(masks), len(slices))
	}
	var frames []frame
	for i, m := range masks {
		sl := slices[i]
		if i > 0 && !(sl.Position > slices[i-1].Position) {
			return nil, fmt.Errorf("slices are not sorted by position: %v mm follows %v mm (instance %s)",
				sl.Position, slices[i-1].Position, sl.SOPInstanceUID)
		}
		if m == nil {
			continue
		}
		if len(m) != sl.Rows*sl.Columns {
			return nil, fmt.Errorf("mask has %d pixels, slice %s has %d x %d", len(m), sl.SOPInstanceUID, sl.Rows, sl.Columns)
		}
		if len(bytes.TrimLeft(m, "\x00")) == 0 {
			continue
		}
		if first := slices[0]; sl.Rows != first.Rows || sl.Columns != first.Columns {
			return nil, fmt.Errorf("slice %s has %d x %d pixels, the series %d x %d", sl.SOPInstanceUID, sl.Rows, sl.Columns, first.Rows, first.Columns)
		}
		frames = append(frames, frame{slice: sl, mask: m})
	}
	if len(frames) == 0 {
		return nil, ErrEmpty
	}
	return frames, nil
}

// image returns the Segmentation Image module (PS3.3 C.8.20.2) and the pixels.
func image(s *object.Study, frames []frame) []*object.Element {
	masks := make([][]byte, len(frames))
	for i, f := range frames {
		masks[i] = f.mask
	}
	return []*object.Element{
		object.Text(tag.ImageType, "CS", "DERIVED", "PRIMARY"),
		object.Number(tag.InstanceNumber, 1),
		object.Text(tag.ContentLabel, "CS", "JCS_LESION"),
		object.Text(tag.ContentDescription, "LO", contentDescription(s)),
		object.Text(tag.ContentCreatorName, "PN", "jcsnode^"), // without the caret dciodvfy warns of a name in one component
		object.Int(tag.SamplesPerPixel, "US", 1),
		object.Text(tag.PhotometricInterpretation, "CS", "MONOCHROME2"),
		object.Int(tag.Rows, "US", frames[0].slice.Rows),
		object.Int(tag.Columns, "US", frames[0].slice.Columns),
		object.Int(tag.BitsAllocated, "US", 1),
		object.Int(tag.BitsStored, "US", 1),
		object.Int(tag.HighBit, "US", 0),
		object.Int(tag.PixelRepresentation, "US", 0),
		object.Number(tag.NumberOfFrames, len(frames)),
		object.Text(tagSegmentationType, "CS", "BINARY"),
		object.Text(tagSegmentsOverlap, "CS", "NO"),
		object.PixelData("OB", pack(masks)),
	}
}

// contentDescription says what the object is and, from the second revision on, what it replaces, within 64 characters.
func contentDescription(s *object.Study) string {
	text := "Lung lesions found by JCS. Research use only"
	if s.Revision < 2 {
		return text
	}
	if long := fmt.Sprintf("%s (rev %d replaces %d)", text, s.Revision, s.Revision-1); len(long) <= 64 {
		return long
	}
	return fmt.Sprintf("%s (rev %d)", text, s.Revision)
}
