// Package seg builds the Segmentation object (BINARY, PS3.3 A.51) of a study's lesions.
//
// One frame is one CT slice: its rows, columns, position and orientation, as texts of the slice. Only slices with lesion pixels
// have a frame; when there is none, there is no object (ErrEmpty), since viewers hang on an empty segment (OHIF 3991).
// The room knows object for what every object shares, and nothing else of ours.
package seg
