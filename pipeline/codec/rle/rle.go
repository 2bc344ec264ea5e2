// Package rle decodes RLE Lossless pixel data (PS3.5 annex G).
package rle

import (
	"encoding/binary"
	"fmt"
	"io"

	"jcsnode/pipeline/codec/codestream"
)

const headerSize = 64

// Decode returns rows x columns samples of one frame, unsigned, of im.Precision bits (8,
// 16, 24 or 32). A segment that ends early is io.ErrUnexpectedEOF.
func Decode(data []byte, im codestream.Image) ([]int32, error) {
	if len(data) < headerSize {
		return nil, fmt.Errorf("RLE header of %d bytes: %w", len(data), io.ErrUnexpectedEOF)
	}
	bytesPerSample := im.Precision / 8
	if n := binary.LittleEndian.Uint32(data); n != uint32(bytesPerSample) {
		return nil, fmt.Errorf("RLE frame has %d segments, %d bytes per sample need %d", n, bytesPerSample, bytesPerSample)
	}
	bounds := make([]int, bytesPerSample+1)
	bounds[bytesPerSample] = len(data)
	for i := range bytesPerSample {
		at := int64(binary.LittleEndian.Uint32(data[4+4*i:]))
		if at < headerSize || at > int64(len(data)) || i > 0 && at < int64(bounds[i-1]) {
			return nil, fmt.Errorf("RLE segment %d begins at byte %d of %d", i+1, at, len(data))
		}
		bounds[i] = int(at)
	}
	if n := len(data) - headerSize; im.Samples()/64 > n { // two bytes make at most 128
		return nil, fmt.Errorf("%d bytes of RLE cannot make %d samples: %w", n, im.Samples(), io.ErrUnexpectedEOF)
	}
	out := make([]int32, im.Samples())
	plane := make([]byte, im.Samples())
	for i := range bytesPerSample { // most significant byte first
		if err := unpack(plane, data[bounds[i]:bounds[i+1]]); err != nil {
			return nil, fmt.Errorf("RLE segment %d: %w", i+1, err)
		}
		for k, b := range plane {
			out[k] = out[k]<<8 | int32(b)
		}
	}
	return out, nil
}

// unpack fills dst from the runs of one segment (PS3.5 G.3.2). What follows in src is
// padding.
func unpack(dst, src []byte) error {
	at := 0
	for len(dst) > 0 {
		if at >= len(src) {
			return fmt.Errorf("%d bytes of the image are missing: %w", len(dst), io.ErrUnexpectedEOF)
		}
		control := int(int8(src[at]))
		at++
		switch {
		case control == -128: // no operation
		case control >= 0:
			n := control + 1
			if n > len(dst) {
				return fmt.Errorf("literal run at byte %d goes beyond the image", at-1)
			}
			if n > len(src)-at {
				return fmt.Errorf("literal run at byte %d: %w", at-1, io.ErrUnexpectedEOF)
			}
			copy(dst[:n], src[at:])
			dst, at = dst[n:], at+n
		default:
			n := 1 - control
			if n > len(dst) {
				return fmt.Errorf("run at byte %d goes beyond the image", at-1)
			}
			if at >= len(src) {
				return fmt.Errorf("run at byte %d: %w", at-1, io.ErrUnexpectedEOF)
			}
			v := src[at]
			at++
			run := dst[:n]
			for i := range run {
				run[i] = v
			}
			dst = dst[n:]
		}
	}
	return nil
}
