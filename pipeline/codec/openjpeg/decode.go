//go:build cgo && !nojp2

package openjpeg

/*
#cgo pkg-config: libopenjp2
#include "decode.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"jcsnode/pipeline/codec/codestream"
)

// Available tells whether the program was built with OpenJPEG.
const Available = true

// decode hands a codestream that inspect has accepted to the library.
func decode(data []byte, im codestream.Image) ([]int32, error) {
	out := make([]int32, im.Samples())
	rc := C.jcs_decode((*C.uint8_t)(unsafe.Pointer(&data[0])), C.size_t(len(data)),
		(*C.int32_t)(unsafe.Pointer(&out[0])), C.uint32_t(im.Columns), C.uint32_t(im.Rows))
	switch rc {
	case C.JCS_OK:
		return out, nil
	case C.JCS_SETUP:
		return nil, errors.New("OpenJPEG could not be set up: out of memory")
	case C.JCS_HEADER:
		return nil, errors.New("OpenJPEG refuses the codestream header")
	case C.JCS_MISMATCH:
		return nil, &codestream.Mismatch{Text: "OpenJPEG finds another image size than the data set says"}
	case C.JCS_DATA:
		return nil, errors.New("OpenJPEG refuses the codestream: damaged or cut short")
	}
	return nil, fmt.Errorf("OpenJPEG wrapper returned %d", rc)
}
