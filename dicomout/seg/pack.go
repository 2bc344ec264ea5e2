package seg

// pack writes the frames as one stream of bits, the first pixel in the least significant bit, without padding between rows or
// frames, and with a zero byte at the end if that is needed for an even length (PS3.5 8.1.1, 8.2, PS3.3 C.8.20.2). Each mask
// holds a byte per pixel, zero for background.
func pack(masks [][]byte) []byte {
	bits := 0
	for _, m := range masks {
		bits += len(m)
	}
	packed := make([]byte, ((bits+7)/8+1)&^1)
	n := 0
	for _, m := range masks {
		for _, v := range m {
			if v != 0 {
				packed[n>>3] |= 1 << (n & 7)
			}
			n++
		}
	}
	return packed
}
