// Package odd writes studies of phantoms that are not textbook, each with one thing wrong or unusual as scanners, archives and senders
// get it wrong: for tests of what a node makes of them.
//
// Files are Explicit VR Little Endian, 128 x 128 pixels, slices 4 mm apart in the middle of the lungs. The same call gives the same files.
package odd
