package codec

import (
	"bytes"
	"fmt"
	"slices"

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
	p, err := processOf(data)
	if err != nil {
		return nil, codestreamError("codestream", err)
	}
	values, precision, err := p.decode(data, h.image())
	if err != nil {
		return nil, codestreamError(p.name, err)
	}
	h.shift = 0 // codestreams hold samples, not words
	if p.lossy(data) || !ts.Lossless && f.Set().String(dataset.LossyImageCompression) == "01" && !embeddedOverlay(f.Set()) {
		if err := h.clamp(values, precision); err != nil {
			return nil, codestreamError(p.name, err)
		}
		return values, nil
	}
	// A codestream of the full allocated width may have anything above the stored bits, as
	// native pixels may. One that states fewer bits means them all.
	if precision > h.stored && precision < h.allocated {
		if err := h.fits(values, precision); err != nil {
			return nil, codestreamError(p.name, err)
		}
	}
	h.finish(values)
	return values, nil
}

// process is how a codestream is coded.
type process struct {
	name   string
	decode func([]byte, codestream.Image) ([]int32, int, error)
	lossy  func([]byte) bool // of a codestream that was decoded: values are not those that were encoded
}

// processOf finds the codec of a codestream by what it says of itself.
func processOf(data []byte) (process, error) {
	if bytes.HasPrefix(data, []byte("\xff\x4f\xff\x51")) || bytes.HasPrefix(data, []byte("\x00\x00\x00\x0cjP  ")) {
		return process{"JPEG 2000", openjpeg.Decode, openjpeg.Irreversible}, nil
	}
	kind, err := codestream.Kind(data)
	if err != nil {
		return process{}, err
	}
	switch kind {
	case codestream.SOF0, codestream.SOF1:
		return process{"JPEG", jpegdct.Decode, func([]byte) bool { return true }}, nil
	case codestream.SOF3:
		return process{"JPEG Lossless", jpegll.Decode, func([]byte) bool { return false }}, nil
	case codestream.SOF55:
		return process{"JPEG-LS", jpegls.Decode, jpegls.NearLossless}, nil
	}
	return process{}, fmt.Errorf("JPEG process %02X is not one of DICOM's", kind)
}

// embeddedOverlay tells of overlays in the bits above the stored ones (PS3.5 8.1.2, retired): no lossy codec keeps them.
func embeddedOverlay(s *dataset.Set) bool {
	for group := uint16(0x6000); group <= 0x601E; group += 2 {
		if n, err := s.Int(dataset.NewTag(group, 0x0100)); err == nil && n > 1 {
			return true
		}
	}
	return false
}

// clamp makes values of a lossy codec stored ones, in place. Where contrast is high, as at metal, they overshoot the range that was
// encoded, by less than half of it; whatever is further away is no such value.
func (h header) clamp(values []int32, precision int) error {
	low, high := int32(0), int32(1)<<h.stored-1
	if h.signed {
		low, high = -1<<(h.stored-1), 1<<(h.stored-1)-1
	}
	most := int32(1) << (h.stored - 1)
	if h.signed {
		h.extend(values, precision)
	}
	for i, v := range values {
		if v < low && low-v > most || v > high && v-high > most {
			return &codestream.Mismatch{Text: fmt.Sprintf("pixel %d is %d, codestream of %d bits, which does not fit into Bits Stored %d",
				i, v, precision, h.stored)}
		}
		values[i] = min(max(v, low), high)
	}
	return nil
}

// extend makes negative those values that an unsigned codestream has instead: words of its own width, or of the stored bits. The latter
// show by values that no overshoot reaches, such as those of air.
func (h header) extend(values []int32, precision int) {
	bits := precision
	least, most := slices.Min(values), slices.Max(values)
	if least >= 0 && most < 1<<h.stored && most>>(h.stored-1) == 1 && most>>(h.stored-2) == 3 {
		bits = h.stored
	}
	for i, v := range values {
		if v > 0 {
			values[i] = v << (32 - bits) >> (32 - bits)
		}
	}
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
			return &codestream.Mismatch{Text: fmt.Sprintf("pixel %d is %d, codestream of %d bits, which does not fit into Bits Stored %d",
				i, v, precision, h.stored)}
		}
	}
	return nil
}
