// Package codec turns the pixel data of a data set, in any transfer syntax that
// dataset.LookupTransferSyntax knows, into stored values (PS3.5 section 8, annexes A, G).
//
// It promises: what the header says is compared with what is there before anything is
// allocated; a frame is whole or an error, never filled up; values are masked and
// sign-extended to Bits Stored, whatever stands in the bits above, or, from a lossy codec,
// clamped to what these can hold. Frames have one sample
// per pixel, as CT has; rescaling to Hounsfield units is the caller's.
//
// Which JPEG process a codestream is, its own frame header tells: streams that lie under
// the transfer syntax of another process are decoded all the same.
package codec

import (
	"errors"
	"fmt"
	"io"

	"jcsnode/dataset"
	"jcsnode/pipeline/codec/codestream"
	"jcsnode/pipeline/codec/openjpeg"
)

// maxSamples bounds one frame: 8192 x 8192, 256 MiB of samples. CT has 512 x 512 to
// 2048 x 2048.
const maxSamples = 1 << 26

// Samples are the stored values of one frame, row by row.
type Samples struct {
	Rows, Columns, SamplesPerPixel int // SamplesPerPixel is always 1
	Values                         []int32
}

// Codes of Error.
const (
	NoPixelData               = "no-pixel-data"
	UnsupportedTransferSyntax = "unsupported-transfer-syntax"
	UnsupportedImage          = "unsupported-image"
	BadHeader                 = "bad-header"
	HeaderMismatch            = "header-mismatch"
	BadCodestream             = "bad-codestream"
	Truncated                 = "truncated"
	NotReadable               = "not-readable"
)

// Error says why a frame gives no image.
type Error struct {
	Code string // one of the constants
	Text string
	Err  error // cause, may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Text, e.Err)
	}
	return e.Text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(code, format string, args ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// codestreamError classes the error of a codec.
func codestreamError(name string, err error) error {
	var mismatch *codestream.Mismatch
	code := BadCodestream
	switch {
	case errors.As(err, &mismatch):
		code = HeaderMismatch
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, dataset.ErrTruncated):
		code = Truncated
	case errors.Is(err, openjpeg.ErrNotBuilt):
		code = UnsupportedTransferSyntax
	}
	return &Error{Code: code, Text: "decode " + name, Err: err}
}

// preference lists the transfer syntaxes for negotiation. Native ones come first since
// every sender can send them, then the lossless ones by how cheaply they decode; lossy ones
// are last, so that nobody is led to compress for us.
var preference = []string{
	dataset.ExplicitVRLittleEndian,
	dataset.ImplicitVRLittleEndian,
	dataset.JPEGLosslessSV1,
	dataset.JPEGLossless,
	dataset.JPEGLSLossless,
	dataset.JPEG2000Lossless,
	dataset.HTJ2KLossless,
	dataset.HTJ2KLosslessRPCL,
	dataset.RLELossless,
	dataset.DeflatedExplicitVRLittleEndian,
	dataset.ExplicitVRBigEndian,
	dataset.JPEGLSNearLossless,
	dataset.JPEG2000,
	dataset.HTJ2K,
	dataset.JPEGExtended12Bit,
	dataset.JPEGBaseline8Bit,
}

// TransferSyntaxes returns the UIDs that Decode reads, in order of preference for
// negotiation. Those of JPEG 2000 are missing in a program built without OpenJPEG.
func TransferSyntaxes() []string {
	out := make([]string, 0, len(preference))
	for _, uid := range preference {
		if Supported(uid) {
			out = append(out, uid)
		}
	}
	return out
}

// Supported tells whether Decode reads a transfer syntax.
func Supported(transferSyntaxUID string) bool {
	ts, known := dataset.LookupTransferSyntax(transferSyntaxUID)
	switch ts.UID {
	case dataset.JPEG2000Lossless, dataset.JPEG2000, dataset.HTJ2KLossless, dataset.HTJ2KLosslessRPCL, dataset.HTJ2K:
		return openjpeg.Available
	}
	return known
}

// Decode returns the stored values of a frame, counted from 0. Its error is an *Error.
func Decode(f *dataset.File, frame int) (*Samples, error) {
	h, n, err := describe(f)
	if err != nil {
		return nil, err
	}
	if frame < 0 || frame >= n {
		return nil, refuse(BadHeader, "frame %d asked for, there are %d", frame, n)
	}
	if !Supported(f.TransferSyntax().UID) {
		return nil, refuse(UnsupportedTransferSyntax, "transfer syntax %s is not supported", f.TransferSyntax().UID)
	}
	pixels, _ := f.PixelData()
	var values []int32
	if pixels.Encapsulated {
		values, err = h.encapsulated(f, pixels, frame)
	} else {
		values, err = h.native(f, pixels, frame)
	}
	if err != nil {
		return nil, err
	}
	return &Samples{Rows: h.rows, Columns: h.columns, SamplesPerPixel: 1, Values: values}, nil
}
