package sc

import (
	"errors"
	"fmt"
	"image"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
)

// Capture says what is written about a picture of one slice beside its pixels.
type Capture struct {
	// Index is the slice's in the study.
	Index int
	// Derivation is further text for DerivationDescription: class, thresholds, scale.
	Derivation string
	// Geometry places the picture where the slice lies, so that viewers scroll both together. Some archives refuse Secondary
	// Capture with a plane: off for them.
	Geometry bool
}

// Activation packs a picture of RenderActivation.
func Activation(s *object.Study, c Capture, picture *image.RGBA) (*object.Object, error) {
	return slicePicture(s, object.Activation, "ACTIVATION", "JCS activation map over source slice:", "Activation map", c, picture)
}

// Outline packs a picture of RenderOutline.
func Outline(s *object.Study, c Capture, picture *image.RGBA) (*object.Object, error) {
	return slicePicture(s, object.Outline, "OUTLINE", "JCS lesion outline over source slice:", "Lesion outline", c, picture)
}

// slicePicture packs a picture of one slice.
func slicePicture(
	s *object.Study, kind object.Kind, flavour, derivation, title string, c Capture, picture *image.RGBA,
) (*object.Object, error) {
	if c.Index < 0 || c.Index >= len(s.Slices) {
		return nil, fmt.Errorf("build %s: slice %d of %d", kind.Name, c.Index, len(s.Slices))
	}
	sl := s.Slices[c.Index]
	uid := s.InstanceUID(kind, nameOf(sl)...)
	number := s.InstanceNumber(c.Index)
	elements, err := pictureElements(s, kind, uid, picture)
	if err != nil {
		return nil, fmt.Errorf("build %s of slice %s: %w", kind.Name, sl.SOPInstanceUID, err)
	}
	elements = append(elements,
		object.Text(tag.ImageType, "CS", "DERIVED", "SECONDARY", "AXIAL", flavour),
		object.Number(tag.InstanceNumber, number),
		object.Text(tag.PatientOrientation, "CS", patientOrientation(sl.OrientationDS)...),
		derivationElement(derivation, c.Derivation, s.Supersedes()),
		object.SourceImages(sl),
		s.ReferencedSeries([]object.SourceImage{sl}),
	)
	if c.Geometry {
		plane, err := planeElements(sl, picture.Rect.Size())
		if err != nil {
			return nil, fmt.Errorf("build %s of slice %s: %w", kind.Name, sl.SOPInstanceUID, err)
		}
		elements = append(elements, plane...)
		elements = append(elements, s.FrameOfReferenceElements()...)
	}
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, fmt.Sprintf("%s, image %d", title, number), elements)
}

// nameOf returns what tells the slice from all others: its instance, and its frame if the instance has several.
func nameOf(sl object.SourceImage) []string {
	if sl.Frame > 0 {
		return []string{sl.SOPInstanceUID, strconv.Itoa(sl.Frame)}
	}
	return []string{sl.SOPInstanceUID}
}

// Summary packs a picture of RenderSummary. It has no plane; it refers to all slices of the chosen series, if there is one.
func Summary(s *object.Study, outcome Result, picture *image.RGBA) (*object.Object, error) {
	kind := object.Summary
	uid := s.InstanceUID(kind)
	elements, err := pictureElements(s, kind, uid, picture)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", kind.Name, err)
	}
	elements = append(elements,
		object.Text(tag.ImageType, "CS", "DERIVED", "SECONDARY", "OTHER", "SUMMARY"),
		object.Number(tag.InstanceNumber, 1),
		object.Empty(tag.PatientOrientation, "CS"),
		derivationElement("JCS summary of the study: "+strings.ToLower(outcome.String()), s.Supersedes()),
	)
	if len(s.Slices) > 0 {
		elements = append(elements, s.ReferencedSeries(s.Slices), summarySources(s.Slices))
	}
	return s.NewObject(kind, uid, dataset.ExplicitVRLittleEndian, "Summary page, "+strings.ToLower(outcome.String()), elements)
}

// summarySources returns the Source Image Sequence of a page: all slices, none of which lies where the page does.
func summarySources(slices []object.SourceImage) *object.Element {
	items := make([][]*object.Element, 0, len(slices))
	seen := map[string]bool{}
	for _, sl := range slices {
		if seen[sl.SOPInstanceUID] { // another frame of it
			continue
		}
		seen[sl.SOPInstanceUID] = true
		items = append(items, []*object.Element{
			object.Text(tag.ReferencedSOPClassUID, "UI", sl.SOPClassUID),
			object.Text(tag.ReferencedSOPInstanceUID, "UI", sl.SOPInstanceUID),
			object.Text(tag.SpatialLocationsPreserved, "CS", "NO"),
			object.CodeSequence(tag.PurposeOfReferenceCodeSequence, object.CodeSourceImage),
		})
	}
	return object.Sequence(tag.SourceImageSequence, items...)
}

// pictureElements returns what an object of one picture has beside its place.
func pictureElements(s *object.Study, kind object.Kind, uid string, picture *image.RGBA) ([]*object.Element, error) {
	size := picture.Rect.Size()
	return colourElements(s, kind, uid, size, colours(make([]byte, 0, 3*size.X*size.Y+1), picture))
}

// colourElements returns what all our Secondary Capture objects share (PS3.3 A.8.1): the common attributes, SC Equipment, and the
// pixels. Window and rescale are absent on purpose: viewers apply them to colour, too, and show black.
func colourElements(s *object.Study, kind object.Kind, uid string, size image.Point, pixels []byte) ([]*object.Element, error) {
	if size.X < 1 || size.Y < 1 || size.X > 0xffff || size.Y > 0xffff {
		return nil, errors.New("picture of " + size.String() + " pixels")
	}
	elements, err := s.Common(kind, uid)
	if err != nil {
		return nil, err
	}
	return append(elements,
		object.Text(tag.ConversionType, "CS", "WSD"),
		object.Text(tag.BurnedInAnnotation, "CS", "NO"),
		object.Text(tag.RecognizableVisualFeatures, "CS", "NO"),
		object.Int(tag.SamplesPerPixel, "US", 3),
		object.Text(tag.PhotometricInterpretation, "CS", "RGB"),
		object.Int(tag.PlanarConfiguration, "US", 0),
		object.Int(tag.Rows, "US", size.Y),
		object.Int(tag.Columns, "US", size.X),
		object.Int(tag.BitsAllocated, "US", 8),
		object.Int(tag.BitsStored, "US", 8),
		object.Int(tag.HighBit, "US", 7),
		object.Int(tag.PixelRepresentation, "US", 0),
		object.PixelData("OB", pixels),
	), nil
}

// colours appends R, G, B of each pixel.
func colours(out []byte, picture *image.RGBA) []byte {
	size := picture.Rect.Size()
	for y := range size.Y {
		row := picture.Pix[y*picture.Stride:][:4*size.X]
		for x := 0; x < len(row); x += 4 {
			out = append(out, row[x], row[x+1], row[x+2])
		}
	}
	return out
}

// derivationElement joins the texts that are not empty to a DerivationDescription.
func derivationElement(texts ...string) *object.Element {
	text := strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
	return object.Text(tag.DerivationDescription, "ST", object.ASCII(text, 1024))
}
