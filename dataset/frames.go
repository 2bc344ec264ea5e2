package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// Frames is Number of Frames (0028,0008), 1 when absent or empty. A value that is no
// positive whole number is an error.
func (f *File) Frames() (int, error) {
	n, err := f.set.Int(NumberOfFrames)
	if errors.Is(err, ErrAbsent) {
		return 1, nil
	}
	if err == nil && n < 1 {
		err = valueError(NumberOfFrames, fmt.Sprint(n), "not a number of frames")
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// countTables tells how many of the items of pixel data are the Basic Offset Table. Old
// archives leave it out: then the first item begins like a codestream.
func (f *File) countTables() int {
	if len(f.fragments) == 0 {
		return 0
	}
	if fr := f.fragments[0]; fr.Length >= 4 {
		b, err := f.set.content.bytes(fr.ValueOffset, 4)
		if err == nil && (string(b) == "\xff\x4f\xff\x51" || string(b[:3]) == "\xff\xd8\xff" && b[3] >= 0xC0) {
			return 0
		}
	}
	return 1
}

// split assigns fragments to frames.
func (f *File) split(fragments []Fragment) ([][]Fragment, error) {
	frames, err := f.Frames()
	if err != nil {
		return nil, err
	}
	full := make([]Fragment, 0, len(fragments))
	for _, fr := range fragments {
		if fr.Length > 0 {
			full = append(full, fr)
		}
	}
	switch {
	case len(full) == 0:
		return nil, errors.New("encapsulated pixel data hold no fragment")
	case frames == 1:
		return [][]Fragment{full}, nil
	case frames > len(full):
		return nil, fmt.Errorf("%d frames stated, %d fragments present", frames, len(full))
	}
	for _, starts := range [][]uint64{f.extendedOffsets(frames), f.basicOffsets(frames)} {
		if list := splitAt(fragments, starts); list != nil {
			return list, nil
		}
	}
	if len(full) == frames {
		list := make([][]Fragment, frames)
		for i := range full {
			list[i] = full[i : i+1]
		}
		return list, nil
	}
	return f.splitAtMarkers(full, frames)
}

// extendedOffsets reads the Extended Offset Table (7FE0,0001) if it has an entry for
// every frame (PS3.3 C.7.6.3.1.8).
func (f *File) extendedOffsets(frames int) []uint64 {
	b, ok := f.set.Bytes(ExtendedOffsetTable)
	if !ok || len(b) != 8*frames {
		return nil
	}
	starts := make([]uint64, frames)
	for i := range starts {
		starts[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return starts
}

// basicOffsets reads the Basic Offset Table if it has an entry for every frame
// (PS3.5 A.4).
func (f *File) basicOffsets(frames int) []uint64 {
	if f.tables == 0 || f.fragments[0].Length != 4*int64(frames) {
		return nil
	}
	b, err := f.set.content.bytes(f.fragments[0].ValueOffset, f.fragments[0].Length)
	if err != nil {
		return nil
	}
	starts := make([]uint64, frames)
	for i := range starts {
		starts[i] = uint64(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return starts
}

// splitAt groups fragments by the offsets of the frames, which count from the tag of
// the first fragment. It returns nil when an offset is not that of a fragment.
func splitAt(fragments []Fragment, starts []uint64) [][]Fragment {
	if len(starts) == 0 || starts[0] != 0 {
		return nil
	}
	at := make([]int, len(starts)+1)
	at[len(starts)] = len(fragments)
	for i, start := range starts {
		offset := fragments[0].Offset + int64(start&(1<<62-1))
		k := sort.Search(len(fragments), func(k int) bool { return fragments[k].Offset >= offset })
		if k == len(fragments) || fragments[k].Offset != offset || i > 0 && k <= at[i-1] {
			return nil
		}
		at[i] = k
	}
	list := make([][]Fragment, len(starts))
	for i := range list {
		list[i] = fragments[at[i]:at[i+1]]
	}
	return list
}

// splitAtMarkers ends a frame with each fragment that ends with FF D9: EOI of JPEG and
// JPEG-LS, EOC of JPEG 2000, zero bytes of padding aside.
func (f *File) splitAtMarkers(fragments []Fragment, frames int) ([][]Fragment, error) {
	const tail = 16 // bytes looked at: the marker and some padding
	var list [][]Fragment
	from := 0
	for i, fr := range fragments {
		n := min(fr.Length, tail)
		b, err := f.set.content.bytes(fr.ValueOffset+fr.Length-n, n)
		if err != nil {
			return nil, err
		}
		if bytes.HasSuffix(bytes.TrimRight(b, "\x00"), []byte{0xFF, 0xD9}) {
			list = append(list, fragments[from:i+1])
			from = i + 1
		}
	}
	if len(list) != frames || from != len(fragments) {
		return nil, fmt.Errorf("%d fragments cannot be assigned to %d frames: no usable offset table, %d end-of-image markers",
			len(fragments), frames, len(list))
	}
	return list, nil
}
