package dataset

import (
	"fmt"
	"io"
)

// PixelData is the place of the pixel data of a File (PS3.5 8 and A.4).
type PixelData struct {
	VR string
	// Encapsulated: the value is a list of fragments, whatever the transfer syntax says.
	Encapsulated bool
	// Length in bytes: of the value when native, of all fragments when encapsulated.
	Length int64

	file   *File
	offset int64
}

// Fragment is one item of encapsulated pixel data.
type Fragment struct {
	Offset      int64 // of the item tag
	ValueOffset int64
	Length      int64
}

// PixelData returns the pixel data of the data set, false if there are none. An empty
// element counts as present.
func (f *File) PixelData() (PixelData, bool) { return f.pixels(PixelDataTag) }

// FloatPixels returns the pixel data of a data set whose pixels are numbers of 32 bits (PS3.3 C.7.6.24), which are never encapsulated.
func (f *File) FloatPixels() (PixelData, bool) {
	p, ok := f.pixels(FloatPixelData)
	return p, ok && !p.Encapsulated
}

func (f *File) pixels(t Tag) (PixelData, bool) {
	e, ok := f.set.find(t)
	if !ok {
		return PixelData{}, false
	}
	p := PixelData{VR: e.VR, Encapsulated: e.Length < 0, Length: max(e.Length, 0), file: f, offset: e.ValueOffset}
	if p.Encapsulated {
		p.Length = f.fragmentBytes
	}
	return p, true
}

// Reader reads native pixel data, bytes as in the file (big endian not converted). Of
// a deflated file it inflates as it goes: read it forwards.
func (p PixelData) Reader() *io.SectionReader {
	return io.NewSectionReader(p.file.set.content.at, p.offset, p.Length)
}

// Fragments lists the fragments of encapsulated pixel data, without the Basic Offset
// Table; nil when native.
func (p PixelData) Fragments() []Fragment {
	if !p.Encapsulated {
		return nil
	}
	return p.file.fragments[p.file.tables:]
}

// Frame returns the codestream of frame i of encapsulated pixel data, its fragments
// joined, padding included. Frames are told apart by the Extended Offset Table, the
// Basic Offset Table, one fragment per frame, or end-of-image markers, the first that
// fits Number of Frames.
func (p PixelData) Frame(i int) ([]byte, error) {
	if !p.Encapsulated {
		return nil, fmt.Errorf("frame %d: pixel data are not encapsulated", i)
	}
	f := p.file
	f.framing.once.Do(func() { f.framing.list, f.framing.err = f.split(p.Fragments()) })
	if f.framing.err != nil {
		return nil, f.framing.err
	}
	if i < 0 || i >= len(f.framing.list) {
		return nil, fmt.Errorf("frame %d of %d asked for", i, len(f.framing.list))
	}
	parts := f.framing.list[i]
	if len(parts) == 1 {
		return f.set.content.bytes(parts[0].ValueOffset, parts[0].Length)
	}
	n := int64(0)
	for _, fr := range parts {
		n += fr.Length
	}
	out := make([]byte, 0, n) // all inside the file, the walk has checked it
	for _, fr := range parts {
		b, err := f.set.content.bytes(fr.ValueOffset, fr.Length)
		if err != nil {
			return nil, fmt.Errorf("frame %d: %w", i, err)
		}
		out = append(out, b...)
	}
	return out, nil
}
