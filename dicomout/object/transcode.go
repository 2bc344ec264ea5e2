package object

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"jcsnode/dataset"
)

// Transcode returns one of our objects, an uncompressed file in explicit VR, encoded in another uncompressed little endian
// syntax. Values keep their bytes. It exists for peers that take Implicit VR Little Endian alone.
func Transcode(file []byte, transferSyntaxUID string) ([]byte, error) {
	f, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
	if err != nil {
		return nil, fmt.Errorf("transcode to %s: %w", transferSyntaxUID, err)
	}
	from, set := f.TransferSyntax(), f.Set()
	to, known := dataset.LookupTransferSyntax(transferSyntaxUID)
	if !known || to.Encapsulated || from.Encapsulated || !from.Explicit {
		return nil, fmt.Errorf("transcode object %s: from %q to %q is not supported",
			set.String(dataset.SOPInstanceUID), from.UID, transferSyntaxUID)
	}
	elements, err := CopyAll(set)
	if err != nil {
		return nil, fmt.Errorf("transcode object %s: %w", set.String(dataset.SOPInstanceUID), err)
	}
	if pixels, ok := f.PixelData(); ok {
		value, err := io.ReadAll(pixels.Reader())
		if err != nil {
			return nil, fmt.Errorf("transcode object %s: read pixel data: %w", set.String(dataset.SOPInstanceUID), err)
		}
		elements = append(elements, PixelData(pixels.VR, value))
	}
	out, err := encode(set.String(dataset.SOPClassUID), set.String(dataset.SOPInstanceUID), to.UID, elements)
	if err != nil {
		return nil, fmt.Errorf("transcode object %s: %w", set.String(dataset.SOPInstanceUID), err)
	}
	return out, nil
}

// Body returns the data set of a Part 10 file of ours, which is what C-STORE sends: all behind the file meta information, found
// by its group length. The result shares the file's memory.
func Body(file []byte) ([]byte, error) {
	const head = 128 + 4 + 12 // preamble, DICM, (0002,0000) UL 4
	if len(file) < head || string(file[128:132]) != "DICM" || string(file[132:140]) != "\x02\x00\x00\x00UL\x04\x00" {
		return nil, errors.New("object file does not begin with preamble and file meta information group length")
	}
	length := uint64(binary.LittleEndian.Uint32(file[140:144]))
	if length > uint64(len(file)-head) {
		return nil, fmt.Errorf("file meta information of %d bytes is longer than the file", length)
	}
	return file[head+length:], nil
}
