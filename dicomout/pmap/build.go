// Package pmap builds the Parametric Map of a study's class activation (PS3.3 A.75): the numbers behind the coloured overlays, for
// those who want to compute with them. It knows object for what every object shares, and nothing else of ours.
package pmap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Input is what the map shows.
type Input struct {
	// Indices are the slices of the study, rising, one for each frame.
	Indices []int
	// Values returns the activation of the slice with an index, Rows x Columns values from 0 to Max; it is called once for each, in
	// order. The map holds them divided by Max, so that it reads from 0 to 1 as the colour bar of the overlays does.
	Values func(index int) []float32
	Max    float64
	// SpacingBetweenSlices is the measured distance of neighbouring planes along the normal, in mm; 0 if that changes.
	SpacingBetweenSlices float64
}

// ErrEmpty says that there is no frame, so that there is nothing to make an object of.
var ErrEmpty = errors.New("no slice has an activation: there is no map to send")

// Build returns the map of the study revision. All values are in memory, 1 MB for a frame of 512 x 512.
func Build(s *object.Study, in Input) (*object.Object, error) {
	o, err := build(s, in, object.ParametricMap)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", object.ParametricMap.Name, err)
	}
	return o, nil
}

func build(s *object.Study, in Input, kind object.Kind) (*object.Object, error) {
	if len(in.Indices) == 0 {
		return nil, ErrEmpty
	}
	if !(in.Max > 0) || !(in.SpacingBetweenSlices >= 0) {
		return nil, fmt.Errorf("maximum %v must be positive, spacing %v mm too, or 0 where it changes", in.Max, in.SpacingBetweenSlices)
	}
	slices, err := in.slices(s)
	if err != nil {
		return nil, err
	}
	pixels, err := in.pixels(slices)
	if err != nil {
		return nil, err
	}
	uid := s.InstanceUID(kind)
	elements, err := s.Common(kind, uid)
	if err != nil {
		return nil, err
	}
	elements = append(elements, s.FrameOfReferenceElements()...)
	elements = append(elements,
		object.Text(tag.ImageType, "CS", frameType...),
		object.Number(tag.InstanceNumber, 1),
		object.Text(tag.ContentLabel, "CS", "JCS_ACTIVATION"),
		object.Text(tag.ContentDescription, "LO", s.ContentDescription("Class activation, 0 to 1. Research use only")),
		object.Text(tag.ContentCreatorName, "PN", "jcsnode^"),
		object.Text(tag.ContentQualification, "CS", "RESEARCH"),
		object.Text(tag.BurnedInAnnotation, "CS", "NO"),
		object.Text(tag.RecognizableVisualFeatures, "CS", "NO"),
		object.Text(tag.PresentationLUTShape, "CS", "IDENTITY"),
		object.Empty(tag.AcquisitionContextSequence, "SQ"),
		object.Int(tag.SamplesPerPixel, "US", 1),
		object.Text(tag.PhotometricInterpretation, "CS", "MONOCHROME2"),
		object.Int(tag.Rows, "US", slices[0].Rows),
		object.Int(tag.Columns, "US", slices[0].Columns),
		object.Int(tag.BitsAllocated, "US", 32),
		object.Number(tag.NumberOfFrames, len(slices)),
		s.ReferencedSeries(s.Slices),
		object.Raw(tagFloatPixelData, "OF", pixels),
	)
	elements = append(elements, dimensions(s)...)
	elements = append(elements, groups(slices, in)...)
	title := fmt.Sprintf("Parametric map of the activation, %d of %d slices", len(slices), len(s.Slices))
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, title, elements)
}

// slices returns the slices of the frames, which must have one size.
func (in *Input) slices(s *object.Study) ([]object.SourceImage, error) {
	slices := make([]object.SourceImage, len(in.Indices))
	for i, index := range in.Indices {
		if index < 0 || index >= len(s.Slices) || i > 0 && index <= in.Indices[i-1] {
			return nil, fmt.Errorf("frame %d shows slice %d of %d", i+1, index, len(s.Slices))
		}
		slices[i] = s.Slices[index]
		if sl, first := slices[i], slices[0]; sl.Rows != first.Rows || sl.Columns != first.Columns {
			return nil, fmt.Errorf("slice %s has %d x %d pixels, the first %d x %d",
				sl.SOPInstanceUID, sl.Rows, sl.Columns, first.Rows, first.Columns)
		}
	}
	return slices, nil
}

// pixels returns the values as Float Pixel Data (PS3.3 C.7.6.24): 32 bits each, little endian.
func (in *Input) pixels(slices []object.SourceImage) ([]byte, error) {
	size := slices[0].Rows * slices[0].Columns
	out := make([]byte, 0, 4*size*len(slices))
	for i, index := range in.Indices {
		values := in.Values(index)
		if len(values) != size {
			return nil, fmt.Errorf("slice %s: %d values for %d pixels", slices[i].SOPInstanceUID, len(values), size)
		}
		for _, v := range values {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(float64(v)/in.Max)))
		}
	}
	return out, nil
}
