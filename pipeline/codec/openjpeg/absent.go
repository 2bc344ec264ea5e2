//go:build !cgo || nojp2

package openjpeg

import "jcsnode/pipeline/codec/codestream"

// Available tells whether the program was built with OpenJPEG.
const Available = false

func decode([]byte, codestream.Image) ([]int32, error) { return nil, ErrNotBuilt }
