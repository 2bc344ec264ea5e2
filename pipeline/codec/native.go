package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"jcsnode/dataset"
)

// native reads a frame of pixel data that are not encapsulated (PS3.5 8.1.1). They may
// also lie under a transfer syntax of compressed pixels: some archives decompress and
// forget to say so, and describe has compared the length.
func (h header) native(f *dataset.File, pixels dataset.PixelData, frame int) ([]int32, error) {
	n := h.rows * h.columns
	size := n * h.allocated / 8
	at := int64(frame) * int64(size)
	big := f.TransferSyntax().BigEndian
	inWords := h.allocated == 8 && big && pixels.VR == "OW" // two pixels to a word, the first below
	before := 0
	if inWords {
		before = int(at & 1)
		size = (before + size + 1) &^ 1
	}
	raw := make([]byte, size) // in the file, see describe
	if got, err := pixels.Reader().ReadAt(raw, at-int64(before)); got < size {
		code := NotReadable
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, dataset.ErrTruncated) {
			code = Truncated
		}
		return nil, &Error{Code: code, Text: fmt.Sprintf("read frame %d", frame), Err: err}
	}
	values := make([]int32, n)
	switch {
	case inWords:
		for i := range values {
			values[i] = int32(raw[(before+i)^1])
		}
	case h.allocated == 8:
		for i, b := range raw {
			values[i] = int32(b)
		}
	case h.allocated == 16 && big:
		for i := range values {
			values[i] = int32(binary.BigEndian.Uint16(raw[2*i:]))
		}
	case h.allocated == 16:
		for i := range values {
			values[i] = int32(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case big:
		for i := range values {
			values[i] = int32(binary.BigEndian.Uint32(raw[4*i:]))
		}
	default:
		for i := range values {
			values[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	}
	h.finish(values)
	return values, nil
}
