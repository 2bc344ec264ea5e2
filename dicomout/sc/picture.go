package sc

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// Picture is what a picture of one slice shows.
type Picture struct {
	// Label names the slice as a reader finds it in the CT: "CT image 53".
	Label string
	// Left and Top are the patient's directions at the left and upper edge of the slice, "R" and "A" for a usual one; see [Edges].
	Left, Top string
	// Position is where the slice lies along the normal of the series, in mm.
	Position float64
	// AfterGap tells that planes are missing between this slice and the one before it.
	AfterGap bool
	// Rows and Columns are the slice's, RowSpacing and ColumnSpacing its pixel spacing in mm.
	Rows, Columns             int
	RowSpacing, ColumnSpacing float64
	// HU are Rows x Columns values, row by row.
	HU []int16
	// Mask is 1 in lesions, Rows x Columns, nil when the slice was not segmented.
	Mask []byte
	// Lung is not 0 in the lungs, Rows x Columns, nil when no lung was looked for.
	Lung []byte
	// Probability is the classifier's, 0..1, Smoothed what counts in its place, nil without smoothing; Positive whether what counts
	// reached the operating point.
	Probability float64
	Smoothed    *float64
	Positive    bool
	// LesionAreaMM2 is the area of Mask in mm2.
	LesionAreaMM2 float64
}

// Counted is the probability that counts: Smoothed, or without smoothing Probability.
func (s *Picture) Counted() float64 {
	if s.Smoothed != nil {
		return *s.Smoothed
	}
	return s.Probability
}

// check makes sure that the planes have the size that they claim.
func (s *Picture) check() error {
	n := s.Rows * s.Columns
	if s.Rows <= 0 || s.Columns <= 0 || !(s.RowSpacing > 0) || !(s.ColumnSpacing > 0) {
		return fmt.Errorf("%s: %d x %d pixels of %g x %g mm cannot be drawn", s.Label, s.Rows, s.Columns, s.RowSpacing, s.ColumnSpacing)
	}
	if len(s.HU) != n {
		return fmt.Errorf("%s: %d HU values for %d x %d pixels", s.Label, len(s.HU), s.Rows, s.Columns)
	}
	if s.Mask != nil && len(s.Mask) != n || s.Lung != nil && len(s.Lung) != n {
		return fmt.Errorf("%s: lesion mask of %d and lung mask of %d values for %d x %d pixels",
			s.Label, len(s.Mask), len(s.Lung), s.Rows, s.Columns)
	}
	return nil
}

func (s *Picture) grid() grid { return newGrid(s.Rows, s.Columns, s.RowSpacing, s.ColumnSpacing) }

// base returns the slice in grey on the grid g.
func (p *Painter) base(s *Picture, g grid) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, g.columns, g.rows))
	for i, hu := range bilinear(g, s.HU) {
		v := p.grey[int(hu)-math.MinInt16]
		px := dst.Pix[4*i : 4*i+4 : 4*i+4]
		px[0], px[1], px[2], px[3] = v, v, v, 255
	}
	return dst
}

// tint puts the activation, 0..1 after division by most, over the grey picture dst.
func (p *Painter) tint(dst *image.RGBA, g grid, activation []float32, most float64) {
	scale := float32(255 / most)
	for i, a := range bilinear(g, activation) {
		h := a*scale + 0.5
		if !(h >= 1) { // nothing, negative, or not a number
			continue
		}
		px := dst.Pix[4*i : 4*i+4 : 4*i+4]
		px[0], px[1], px[2] = p.tints[uint8(min(h, 255))].over(px[0])
	}
}

// outline draws the edge of the mask, which lies inside the lesion and is one pixel of the picture wide. Lesions at the border
// of the picture are closed there.
func outline(dst *image.RGBA, mask []byte, c color.RGBA) {
	columns, rows := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range rows {
		for x := range columns {
			i := y*columns + x
			if mask[i] == 0 {
				continue
			}
			if x > 0 && mask[i-1] != 0 && x < columns-1 && mask[i+1] != 0 &&
				y > 0 && mask[i-columns] != 0 && y < rows-1 && mask[i+columns] != 0 {
				continue
			}
			dst.SetRGBA(x, y, c)
		}
	}
}

// regions counts the separate lesions of a mask in its plane; pixels that touch at a corner belong together.
func regions(mask []byte, rows, columns int) int {
	seen := make([]bool, len(mask))
	var stack []int
	count := 0
	for start, v := range mask {
		if v == 0 || seen[start] {
			continue
		}
		count++
		seen[start] = true
		stack = append(stack[:0], start)
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for y := max(0, at/columns-1); y <= min(rows-1, at/columns+1); y++ {
				for x := max(0, at%columns-1); x <= min(columns-1, at%columns+1); x++ {
					if i := y*columns + x; mask[i] != 0 && !seen[i] {
						seen[i] = true
						stack = append(stack, i)
					}
				}
			}
		}
	}
	return count
}
