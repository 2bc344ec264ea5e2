package seg

// pack writes the frames as one stream of bits, the first pixel in the least significant bit, without padding between rows or
// frames, and with a zero byte at the end if that is needed for an even length (PS3.5 8.1.1, 8.2, PS3.3 C.8.20.2).
func pack(frames []frame) []byte {
	bits := 0
	for i := range frames {
		bits += len(frames[i].mask)
	}
	packed := make([]byte, ((bits+7)/8+1)&^1)
	n := 0
	for i := range frames {
		f := &frames[i]
		for _, v := range f.mask {
			if f.has(v) {
				packed[n>>3] |= 1 << (n & 7)
			}
			n++
		}
	}
	return packed
}

// labels writes the frames of a label map: the number of the segment in each of its pixels.
func labels(frames []frame) []byte {
	size := 0
	for i := range frames {
		size += len(frames[i].mask)
	}
	out := make([]byte, 0, size+1) // room for the byte that makes an odd length even
	for i := range frames {
		f := &frames[i]
		for _, v := range f.mask {
			label := byte(0)
			if f.has(v) {
				label = byte(f.segment)
			}
			out = append(out, label)
		}
	}
	return out
}
