package sc

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

// Spacing returns the row and column spacing of the slice in mm (PixelSpacing, row spacing first).
func Spacing(sl object.SourceImage) (row, column float64, err error) {
	v, err := decimals(sl.PixelSpacingDS, 2)
	if err != nil {
		return 0, 0, fmt.Errorf("PixelSpacing of %s: %w", sl.SOPInstanceUID, err)
	}
	if v[0] <= 0 || v[1] <= 0 {
		return 0, 0, fmt.Errorf("PixelSpacing of %s: %q is not positive", sl.SOPInstanceUID, sl.PixelSpacingDS)
	}
	return v[0], v[1], nil
}

// decimals reads n finite values of a Decimal String with backslashes.
func decimals(text string, n int) ([]float64, error) {
	parts := strings.Split(text, `\`)
	if len(parts) != n {
		return nil, fmt.Errorf("%q has %d values, want %d", text, len(parts), n)
	}
	values := make([]float64, n)
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("value %d of %q is not a number", i+1, text)
		}
		values[i] = v
	}
	return values, nil
}

// planeElements returns the Image Plane module (PS3.3 C.7.6.2) of a picture of the given size over the whole slice.
func planeElements(sl object.SourceImage, size image.Point) ([]*object.Element, error) {
	position, spacing, err := place(sl, size)
	if err != nil {
		return nil, err
	}
	return []*object.Element{
		object.Text(tag.ImagePositionPatient, "DS", position),
		object.Text(tag.ImageOrientationPatient, "DS", sl.OrientationDS),
		object.Text(tag.PixelSpacing, "DS", spacing),
		object.Text(tag.SliceThickness, "DS", sl.SliceThicknessDS),
	}, nil
}

// place returns ImagePositionPatient and PixelSpacing of a picture of the given size over the whole slice. A picture on the slice's
// own grid has the slice's own texts; otherwise the spacing shrinks with the pixels, and the position, which is the centre of the
// first pixel, moves towards the corner.
func place(sl object.SourceImage, size image.Point) (position, spacing string, err error) {
	if size == image.Pt(sl.Columns, sl.Rows) {
		return sl.PositionDS, sl.PixelSpacingDS, nil
	}
	row, column, err := Spacing(sl)
	if err != nil {
		return "", "", err
	}
	p, err := decimals(sl.PositionDS, 3)
	if err != nil {
		return "", "", fmt.Errorf("ImagePositionPatient of %s: %w", sl.SOPInstanceUID, err)
	}
	o, err := decimals(sl.OrientationDS, 6)
	if err != nil {
		return "", "", fmt.Errorf("ImageOrientationPatient of %s: %w", sl.SOPInstanceUID, err)
	}
	newRow := row * float64(sl.Rows) / float64(size.Y)
	newColumn := column * float64(sl.Columns) / float64(size.X)
	var texts [3]string
	for i := range texts {
		texts[i] = object.Decimal(p[i] + o[i]*(newColumn-column)/2 + o[3+i]*(newRow-row)/2)
	}
	return strings.Join(texts[:], `\`), object.Decimal(newRow) + `\` + object.Decimal(newColumn), nil
}

// patientOrientation returns the anatomical directions of the rows and of the columns (PS3.3 C.7.6.1.1.1), each with its
// letters by weight: "L" and "P" for a usual axial slice. It is empty for an orientation that cannot be read.
func patientOrientation(orientationDS string) []string {
	o, err := decimals(orientationDS, 6)
	if err != nil {
		return nil
	}
	return []string{directions([3]float64(o[:3])), directions([3]float64(o[3:]))}
}

// Edges returns the letters of the patient's directions at the left and at the upper edge of a slice: "R" and "A" for a usual axial
// one. They are empty for an orientation that cannot be read.
func Edges(orientationDS string) (left, top string) {
	o, err := decimals(orientationDS, 6)
	if err != nil {
		return "", ""
	}
	letter := func(x, y, z float64) string {
		name := directions([3]float64{-x, -y, -z})
		return name[:min(1, len(name))]
	}
	return letter(o[0], o[1], o[2]), letter(o[3], o[4], o[5])
}

// directions names the axes along v, the longest first, without those that v leans to by less than about 6 degrees.
func directions(v [3]float64) string {
	letters := [3][2]byte{{'R', 'L'}, {'A', 'P'}, {'F', 'H'}}
	var name []byte
	for {
		best := 0
		for i := range v {
			if math.Abs(v[i]) > math.Abs(v[best]) {
				best = i
			}
		}
		if math.Abs(v[best]) < 0.1 {
			return string(name)
		}
		side := 0
		if v[best] > 0 {
			side = 1
		}
		name = append(name, letters[best][side])
		v[best] = 0
	}
}
