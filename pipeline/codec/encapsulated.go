package codec

import (
	"bytes"
	"fmt"

	"jcsnode/dataset"
	"jcsnode/pipeline/codec/codestream"
	"jcsnode/pipeline/codec/jpegdct"
	"jcsnode/pipeline/codec/jpegll"
	"jcsnode/pipeline/codec/jpegls"
	"jcsnode/pipeline/codec/openjpeg"
	"jcsnode/pipeline/codec/rle"
)

// encapsulated decodes a frame that is one codestream.
func (h header) encapsulated(f *dataset.File, pixels dataset.PixelData, frame int) ([]int32, error) {
	ts := f.TransferSyntax()
	if !ts.Encapsulated {
		return nil, refuse(BadCodestream, "Pixel Data are encapsulated, though %s is a native transfer syntax", ts.Name)
	}
	data, err := pixels.Frame(frame)
	if err != nil {
		return nil, codestreamError(fmt.Sprintf("frame %d", frame), err)
	}
	if ts.UID == dataset.RLELossless {
		values, err := rle.Decode(data, h.image())
		if err != nil {
			return nil, codestreamError("RLE", err)
		}
		h.finish(values)
		return values, nil
	}
	name, decode, err := process(data)
	if err != nil {
		return nil, codestreamError("codestream", err)
	}
	values, precision, err := decode(data, h.image())
	if err != nil {
		return nil, codestreamError(name, err)
	}
	// A codestream of the full allocated width may have anything above the stored bits, as
	// native pixels may. One that states fewer bits means them all.
	if precision > h.stored && precision < h.allocated {
		if err := h.fits(values, precision); err != nil {
			return nil, codestreamError(name, err)
		}
	}
	h.shift = 0 // codestreams hold samples, not words
	h.finish(values)
	return values, nil
}

// process finds the codec of a codestream by what it says of itself.
func process(data []byte) (string, func([]byte, codestream.Image) ([]int32, int, error), error) {
	if bytes.HasPrefix(data, []byte("\xff\x4f\xff\x51")) || bytes.HasPrefix(data, []byte("\x00\x00\x00\x0cjP  ")) {
		return "JPEG 2000", openjpeg.Decode, nil
	}
	kind, err := codestream.Kind(data)
	if err != nil {
		return "", nil, err
	}
	switch kind {
	case codestream.SOF0, codestream.SOF1:
		return "JPEG", jpegdct.Decode, nil
	case codestream.SOF3:
		return "JPEG Lossless", jpegll.Decode, nil
	case codestream.SOF55:
		return "JPEG-LS", jpegls.Decode, nil
	}
	return "", nil, fmt.Errorf("JPEG process %02X is not one of DICOM's", kind)
}

// fits checks that values of so many bits lose nothing when cut to Bits Stored.
func (h header) fits(values []int32, precision int) error {
	wide, stored := 32-precision, 32-h.stored
	for i, v := range values {
		same := v<<wide>>wide == v<<stored>>stored
		if !h.signed {
			same = uint32(v)<<wide>>wide == uint32(v)<<stored>>stored
		}
		if !same {
			return &codestream.Mismatch{Text: fmt.Sprintf("pixel %d is %d, codestream of %d bits, which does not fit into Bits Stored %d", i, v, precision, h.stored)}
		}
	}
	return nil
}
