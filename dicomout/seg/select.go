package seg

import (
	"bytes"
	"fmt"

	"jcsnode/dicomout/object"
)

// anyValue as the value of a segment takes every pixel of its mask that is not background.
const anyValue = 0

// frame is one slice in which a segment has pixels.
type frame struct {
	slice   object.SourceImage
	mask    []byte
	value   byte // of the mask, in the segment; or anyValue
	segment int  // from 1
	plane   int  // rank of the position among the planes of all segments, from 1
}

// has tells whether a pixel of this value belongs to the frame's segment.
func (f *frame) has(v byte) bool { return v != 0 && (f.value == anyValue || v == f.value) }

// selectFrames returns the slices with pixels of a segment: by segment, then by position rising, after checking that masks and
// slices fit together. Values has the value of each segment in the masks.
func selectFrames(slices []object.SourceImage, masks [][]byte, values ...byte) ([]frame, error) {
	if err := checkMasks(slices, masks); err != nil {
		return nil, err
	}
	var frames []frame
	used := make([]bool, len(masks))
	index := []int{} // of the slice of each frame
	for segment, value := range values {
		for i, m := range masks {
			empty := len(bytes.TrimLeft(m, "\x00")) == 0
			if value != anyValue {
				empty = bytes.IndexByte(m, value) < 0
			}
			if empty {
				continue
			}
			if sl, first := slices[i], slices[0]; sl.Rows != first.Rows || sl.Columns != first.Columns {
				return nil, fmt.Errorf("slice %s has %d x %d pixels, the series %d x %d",
					sl.SOPInstanceUID, sl.Rows, sl.Columns, first.Rows, first.Columns)
			}
			frames = append(frames, frame{slice: slices[i], mask: m, value: value, segment: segment + 1})
			index, used[i] = append(index, i), true
		}
	}
	if len(frames) == 0 {
		return nil, ErrEmpty
	}
	rank := make([]int, len(used))
	n := 0
	for i, u := range used {
		if u {
			n++
		}
		rank[i] = n
	}
	for i := range frames {
		frames[i].plane = rank[index[i]]
	}
	return frames, nil
}

// checkMasks makes sure that there is a mask of the right size, or none, for each slice, and that slices rise.
func checkMasks(slices []object.SourceImage, masks [][]byte) error {
	if len(masks) != len(slices) {
		return fmt.Errorf("%d masks for %d slices", len(masks), len(slices))
	}
	for i, m := range masks {
		sl := slices[i]
		if i > 0 && !(sl.Position > slices[i-1].Position) {
			return fmt.Errorf("slices are not sorted by position: %v mm follows %v mm (instance %s)",
				sl.Position, slices[i-1].Position, sl.SOPInstanceUID)
		}
		if m != nil && len(m) != sl.Rows*sl.Columns {
			return fmt.Errorf("mask has %d pixels, slice %s has %d x %d", len(m), sl.SOPInstanceUID, sl.Rows, sl.Columns)
		}
	}
	return nil
}

// planes counts the positions of the frames.
func planes(frames []frame) int {
	n := 0
	for i := range frames {
		n = max(n, frames[i].plane)
	}
	return n
}
