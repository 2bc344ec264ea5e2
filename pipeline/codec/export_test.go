package codec

import "jcsnode/dataset"

// Frames is the number of frames that Decode knows of f.
func Frames(f *dataset.File) (int, error) {
	_, n, err := describe(f)
	return n, err
}
