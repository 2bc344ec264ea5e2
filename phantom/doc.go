// Package phantom draws a chest CT of nobody: a study of DICOM files of our own
// making, to try the node with when no patient's data may be used.
//
// A body is described by surfaces and tubes in mm: outline, fat and muscle, ribs,
// spine, heart and great vessels, airways, two lungs with a tree of vessels that
// is grown from the hila, and, if asked for, ground-glass lesions at the posterior
// periphery as pneumonia of COVID-19 shows them. Each slice is drawn from it, given
// the unsharpness and the noise of a scanner, and written as CT Image Storage in
// Explicit VR Little Endian.
//
// The same Options give the same files to the byte, UIDs included. The patient is
// PHANTOM^JCSNODE, and every file says that it is synthetic.
//
// Coordinates are the patient's (PS3.3 C.7.6.2.1.1): x to the left, y to the back,
// z to the head, in mm; z is 0 at the lowest recess of the lungs.
package phantom
