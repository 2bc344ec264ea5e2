// Package dataset reads an encoded DICOM data set as it lies in a file or in a
// stream: a bounded walk over its elements (tag, VR, offset, length), the header
// values byte for byte, and the place of the pixel data.
//
// It promises: nothing is allocated because a length says so, only because the
// bytes arrived; depth, element count, inflated size and every length against the
// enclosing item and the file are checked; a data set that ends early is
// ErrTruncated, never a shorter data set. Values are not decoded, trimmed or
// reordered, so that they can be copied into other objects as they came.
//
// It knows nothing of images, networks or databases. Sources: PS3.5 section 7 (data
// set), 6.2 (value representations), A.4 (encapsulation), PS3.10 section 7 (file
// meta information), PS3.3 C.12.1.1.2 (character sets).
package dataset
