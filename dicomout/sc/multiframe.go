package sc

import (
	"errors"
	"fmt"
	"image"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Frames say what a multi-frame capture shows.
type Frames struct {
	// Indices are the slices of the study, rising, one for each frame.
	Indices []int
	// Render draws the slice with an index; it is called once for each, in order. All pictures must have one size.
	Render func(index int) (*image.RGBA, error)
	// Derivation is further text for DerivationDescription.
	Derivation string
	// Geometry places each frame where its slice lies.
	Geometry bool
}

// ActivationMultiFrame packs the pictures of the slices into one Multi-frame True Color Secondary Capture (PS3.3 A.8.5). The pixels
// of all frames are in memory, 0.8 MB for each of 512 x 512.
func ActivationMultiFrame(s *object.Study, f Frames) (*object.Object, error) {
	o, err := f.object(s, object.ActivationMultiFrame)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", object.ActivationMultiFrame.Name, err)
	}
	return o, nil
}

func (f *Frames) object(s *object.Study, kind object.Kind) (*object.Object, error) {
	if len(f.Indices) == 0 {
		return nil, errors.New("no frame")
	}
	uid := s.InstanceUID(kind)
	slices := make([]object.SourceImage, len(f.Indices))
	var size image.Point
	var pixels []byte
	for i, index := range f.Indices {
		if index < 0 || index >= len(s.Slices) || i > 0 && index <= f.Indices[i-1] {
			return nil, fmt.Errorf("frame %d shows slice %d of %d", i+1, index, len(s.Slices))
		}
		slices[i] = s.Slices[index]
		picture, err := f.Render(index)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			size = picture.Rect.Size()
			pixels = make([]byte, 0, 3*size.X*size.Y*len(f.Indices)+1) // room for the byte that makes an odd length even
		}
		if picture.Rect.Size() != size {
			return nil, fmt.Errorf("frame %d is a picture of %v, the first of %v", i+1, picture.Rect.Size(), size)
		}
		pixels = colours(pixels, picture)
	}
	elements, err := colourElements(s, kind, uid, size, pixels)
	if err != nil {
		return nil, err
	}
	elements = append(elements,
		object.Text(tag.ImageType, "CS", "DERIVED", "SECONDARY", "AXIAL", "ACTIVATION"),
		object.Number(tag.InstanceNumber, 1),
		object.Number(tag.NumberOfFrames, len(slices)),
		object.Text(tag.PatientOrientation, "CS", patientOrientation(slices[0].OrientationDS)...),
		derivationElement("JCS activation map over source slices:", f.Derivation, s.Supersedes()),
		object.SourceImages(slices...),
		s.ReferencedSeries(slices),
	)
	if len(slices) > 1 { // of type 1C, which one frame has not (PS3.3 C.7.6.6)
		elements = append(elements, object.Pointer(tag.FrameIncrementPointer, tag.PerFrameFunctionalGroupsSequence))
	}
	groups, err := f.groups(slices, size)
	if err != nil {
		return nil, err
	}
	elements = append(elements, groups...)
	if f.Geometry {
		elements = append(elements, s.FrameOfReferenceElements()...)
	}
	title := fmt.Sprintf("Activation map, %d frames", len(slices))
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, title, elements)
}

// groups returns the functional groups. What all slices say to the letter stands in the shared ones. The sequences are there
// without geometry, too, since the frame increment points at one of them.
func (f *Frames) groups(slices []object.SourceImage, size image.Point) ([]*object.Element, error) {
	perFrame := make([][]*object.Element, len(slices))
	if !f.Geometry {
		return []*object.Element{
			object.Sequence(tag.SharedFunctionalGroupsSequence, nil),
			object.Sequence(tag.PerFrameFunctionalGroupsSequence, perFrame...),
		}, nil
	}
	sameMeasures, sameOrientation := true, true
	measures, orientations := make([]*object.Element, len(slices)), make([]*object.Element, len(slices))
	for i, sl := range slices {
		position, spacing, err := place(sl, size)
		if err != nil {
			return nil, err
		}
		placed := sl
		placed.PositionDS, placed.PixelSpacingDS = position, spacing
		perFrame[i] = []*object.Element{object.PlanePosition(placed)}
		orientations[i] = object.PlaneOrientation(sl)
		measures[i] = object.Sequence(tag.PixelMeasuresSequence, []*object.Element{
			object.Text(tag.SliceThickness, "DS", sl.SliceThicknessDS),
			object.Text(tag.PixelSpacing, "DS", spacing),
		})
		sameMeasures = sameMeasures && sl.PixelSpacingDS == slices[0].PixelSpacingDS && sl.SliceThicknessDS == slices[0].SliceThicknessDS
		sameOrientation = sameOrientation && sl.OrientationDS == slices[0].OrientationDS
	}
	var shared []*object.Element
	put := func(same bool, each []*object.Element) {
		if same {
			shared = append(shared, each[0])
			return
		}
		for i := range perFrame {
			perFrame[i] = append(perFrame[i], each[i])
		}
	}
	put(sameMeasures, measures)
	put(sameOrientation, orientations)
	return []*object.Element{
		object.Sequence(tag.SharedFunctionalGroupsSequence, shared),
		object.Sequence(tag.PerFrameFunctionalGroupsSequence, perFrame...),
	}, nil
}
