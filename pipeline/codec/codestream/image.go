// Package codestream holds what the codecs of compressed pixel data share: the image
// that the data set promises, JPEG marker segments, Huffman tables and the bits behind
// them (ITU-T T.81 annexes B, C, F). Everything here is a pure function of bytes.
//
// A stream that ends too early is io.ErrUnexpectedEOF throughout, so that a caller can
// tell a cut image from a damaged one. Bits past the end are never taken for data: the
// reader supplies zeros to keep its loops simple, and an error as soon as one was used.
package codestream

import "fmt"

// Image is what the data set says a frame holds. Codecs compare a codestream with it
// before they allocate.
type Image struct {
	Rows, Columns int
	// Precision is the largest number of bits per sample that the data set has room for.
	Precision int
}

// Samples is the number of samples of the frame, one per pixel.
func (im Image) Samples() int { return im.Rows * im.Columns }

// Mismatch is the error of a codestream that is not the image that was promised.
type Mismatch struct{ Text string }

// Error implements error.
func (m *Mismatch) Error() string { return m.Text }

// Check compares what a codestream says of itself with the data set.
func (im Image) Check(rows, columns, components, precision int) error {
	switch {
	case rows != im.Rows || columns != im.Columns:
		return &Mismatch{fmt.Sprintf("codestream has %d rows and %d columns, the data set says %d and %d",
			rows, columns, im.Rows, im.Columns)}
	case components != 1:
		return &Mismatch{fmt.Sprintf("codestream has %d components, one is expected", components)}
	case precision < 1 || precision > im.Precision:
		return &Mismatch{fmt.Sprintf("codestream has %d bits per sample, the data set has room for %d", precision, im.Precision)}
	}
	return nil
}
