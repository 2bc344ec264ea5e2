// Package openjpeg decodes JPEG 2000 and High-Throughput JPEG 2000 codestreams (ITU-T
// T.800, T.814) with the OpenJPEG library: the transfer syntaxes .90, .91 and .201 to
// .203. It is the only codec that leaves Go. What can be checked before is checked in Go:
// the SIZ marker against the data set, and that every announced tile is there, which
// OpenJPEG does not mind. With the build tag nojp2, or without cgo, Decode always returns
// ErrNotBuilt.
//
// The library runs in processes of its own, which this package starts from the running
// executable: foreign bytes made it end its process by an assertion (ht_dec.c, mel_init in
// 2.5.0), and C code that does not end cannot be stopped otherwise. A process that dies, or
// is too slow, is an error of one frame. See worker.go and serve.go.
package openjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"jcsnode/pipeline/codec/codestream"
)

// ErrNotBuilt is the error of a program built without OpenJPEG.
var ErrNotBuilt = errors.New("this program was built without OpenJPEG (build tag nojp2 or no cgo)")

// ErrDeadline is the error of a decoding that took longer than it may.
var ErrDeadline = errors.New("JPEG 2000 decoding took too long")

const (
	// Deadline of one frame. A CT slice takes 30 to 100 ms; damaged streams of 64 x 64
	// were seen to take 1.7 s.
	Deadline = 10 * time.Second
	// maxTiles of a codestream; CT comes in one.
	maxTiles = 64
)

// Decode returns rows x columns samples, negative ones where the codestream is signed,
// and its precision. A raw codestream and one inside a JP2 file are read. It waits until
// the deadline at most.
func Decode(data []byte, im codestream.Image) (samples []int32, precision int, err error) {
	if !Available {
		return nil, 0, ErrNotBuilt
	}
	data, err = unwrap(data)
	if err != nil {
		return nil, 0, err
	}
	data, precision, err = inspect(data, im)
	if err != nil {
		return nil, 0, err
	}
	samples, err = decoders.decode(data, im, Deadline)
	if err != nil {
		return nil, 0, err
	}
	return samples, precision, nil
}

// unwrap takes the codestream out of a JP2 file (T.800 annex I); other data stay as they
// are.
func unwrap(data []byte) ([]byte, error) {
	if len(data) < 12 || string(data[4:8]) != "jP  " {
		return data, nil
	}
	for len(data) >= 8 {
		n, head := uint64(binary.BigEndian.Uint32(data)), 8
		switch {
		case n == 1 && len(data) >= 16:
			n, head = binary.BigEndian.Uint64(data[8:]), 16
		case n == 0:
			n = uint64(len(data))
		}
		if n < uint64(head) || n > uint64(len(data)) {
			return nil, fmt.Errorf("JP2 box of %d bytes, %d left: %w", n, len(data), io.ErrUnexpectedEOF)
		}
		if string(data[4:8]) == "jp2c" {
			return data[head:n], nil
		}
		data = data[n:]
	}
	return nil, errors.New("JP2 file without codestream")
}

// Irreversible tells whether the codestream was coded with the irreversible wavelet (T.800 table A.20).
func Irreversible(data []byte) bool {
	data, err := unwrap(data)
	if err != nil {
		return false
	}
	at, _ := codingStyle(data)
	return at > 0 && data[at+13] == 0
}

// inspect compares the SIZ marker (T.800 A.5.1) with the data set and looks for every
// tile that it announces. It returns the codestream, corrected where it claims
// what was not written, and the precision.
func inspect(data []byte, im codestream.Image) ([]byte, int, error) {
	if len(data) < 4+38+3 {
		return nil, 0, fmt.Errorf("JPEG 2000 codestream of %d bytes: %w", len(data), io.ErrUnexpectedEOF)
	}
	if string(data[:4]) != "\xff\x4f\xff\x51" {
		return nil, 0, fmt.Errorf("codestream begins with % X, not with SOC and SIZ", data[:4])
	}
	siz := func(at int) uint64 { return uint64(binary.BigEndian.Uint32(data[at:])) }
	width, height, x0, y0 := siz(8), siz(12), siz(16), siz(20)
	tileWidth, tileHeight, tileX0, tileY0 := siz(24), siz(28), siz(32), siz(36)
	components := int(binary.BigEndian.Uint16(data[40:]))
	if n := int(binary.BigEndian.Uint16(data[4:])); n != 38+3*components {
		return nil, 0, fmt.Errorf("SIZ of %d bytes for %d components", n, components)
	}
	if x0 >= width || y0 >= height || tileX0 > x0 || tileY0 > y0 || tileWidth == 0 || tileHeight == 0 {
		return nil, 0, errors.New("SIZ with image or tiles that have no extent")
	}
	precision := int(data[42]&0x7F) + 1
	if err := im.Check(int(height-y0), int(width-x0), components, precision); err != nil {
		return nil, 0, err
	}
	if data[43] != 1 || data[44] != 1 {
		return nil, 0, fmt.Errorf("component is subsampled by %d x %d", data[43], data[44])
	}
	tiles := ((width - tileX0 + tileWidth - 1) / tileWidth) * ((height - tileY0 + tileHeight - 1) / tileHeight)
	if tiles > maxTiles {
		return nil, 0, fmt.Errorf("codestream announces %d tiles, at most %d are accepted", tiles, maxTiles)
	}
	data, err := tileParts(data, int(tiles))
	return claimsOnlyWritten(data), precision, err
}
