package codec

import (
	"errors"

	"jcsnode/dataset"
	"jcsnode/pipeline/codec/codestream"
)

// header is the Image Pixel module of a data set (PS3.3 C.7.6.3), checked.
type header struct {
	rows, columns            int
	allocated, stored, shift int
	signed                   bool
}

// describe reads and checks the header and the number of frames; nothing is allocated.
func describe(f *dataset.File) (header, int, error) {
	pixels, ok := f.PixelData()
	if !ok {
		return header{}, 0, refuse(NoPixelData, "the instance has no Pixel Data (7FE0,0010)")
	}
	if pixels.Length == 0 {
		return header{}, 0, refuse(NoPixelData, "Pixel Data (7FE0,0010) is empty")
	}
	h, err := readHeader(f.Set())
	if err != nil {
		return h, 0, err
	}
	frames, err := f.Frames()
	if err != nil {
		return h, 0, &Error{Code: BadHeader, Text: "number of frames", Err: err}
	}
	if pixels.Encapsulated {
		if most := len(pixels.Fragments()); frames > most {
			return h, 0, refuse(Truncated, "%d frames stated, %d fragments present", frames, most)
		}
		return h, frames, nil
	}
	need := int64(h.rows) * int64(h.columns) * int64(h.allocated/8)
	if pixels.Length/need < int64(frames) {
		return h, 0, refuse(Truncated, "%d frames of %d x %d need %d bytes each, Pixel Data has %d",
			frames, h.rows, h.columns, need, pixels.Length)
	}
	if pixels.Length/need > int64(frames) {
		return h, 0, refuse(HeaderMismatch, "Pixel Data has %d bytes, the header accounts for %d", pixels.Length, need*int64(frames))
	}
	return h, frames, nil
}

func readHeader(s *dataset.Set) (h header, err error) {
	var samples, representation, high int
	for _, field := range []struct {
		tag  dataset.Tag
		name string
		to   *int
		from int
		most int
	}{
		{dataset.Rows, "Rows", &h.rows, 1, 65535},
		{dataset.Columns, "Columns", &h.columns, 1, 65535},
		{dataset.BitsAllocated, "Bits Allocated", &h.allocated, 1, 32},
		{dataset.BitsStored, "Bits Stored", &h.stored, 1, 32},
		{dataset.PixelRepresentation, "Pixel Representation", &representation, 0, 1},
	} {
		*field.to, err = s.Int(field.tag)
		if errors.Is(err, dataset.ErrAbsent) {
			return h, refuse(BadHeader, "%s %v is missing", field.name, field.tag)
		}
		if err != nil {
			return h, &Error{Code: BadHeader, Text: field.name, Err: err}
		}
		if *field.to < field.from || *field.to > field.most {
			return h, refuse(BadHeader, "%s %v is %d, it must be %d to %d", field.name, field.tag, *field.to, field.from, field.most)
		}
	}
	h.signed = representation == 1
	if samples, err = s.Int(dataset.SamplesPerPixel); err == nil && samples != 1 {
		return h, refuse(UnsupportedImage, "Samples per Pixel is %d, only grey images are decoded", samples)
	}
	if h.allocated != 8 && h.allocated != 16 && h.allocated != 32 {
		return h, refuse(BadHeader, "Bits Allocated (0028,0100) is %d, it must be 8, 16 or 32", h.allocated)
	}
	if h.stored == 32 && !h.signed {
		return h, refuse(UnsupportedImage, "unsigned values of 32 bits are not decoded")
	}
	if h.stored > h.allocated {
		return h, refuse(BadHeader, "Bits Stored (0028,0101) is %d of %d allocated", h.stored, h.allocated)
	}
	if int64(h.rows)*int64(h.columns) > maxSamples {
		return h, refuse(UnsupportedImage, "%d x %d pixels are more than the %d that are decoded", h.rows, h.columns, maxSamples)
	}
	// Old images have the stored bits elsewhere than at the bottom.
	high = h.stored - 1
	if n, err := s.Int(dataset.HighBit); err == nil {
		high = n
	}
	h.shift = high + 1 - h.stored
	if h.shift < 0 || high >= h.allocated {
		return h, refuse(BadHeader, "High Bit (0028,0102) is %d with Bits Stored %d of %d", high, h.stored, h.allocated)
	}
	return h, nil
}

// image is what a codestream must be.
func (h header) image() codestream.Image {
	return codestream.Image{Rows: h.rows, Columns: h.columns, Precision: h.allocated}
}

// finish masks or sign-extends values to Bits Stored, in place.
func (h header) finish(values []int32) {
	up := 32 - h.stored
	down := up
	up -= h.shift
	if h.signed {
		for i, v := range values {
			values[i] = v << up >> down
		}
		return
	}
	for i, v := range values {
		values[i] = int32(uint32(v) << up >> down)
	}
}
