// Package dicomout turns the findings of one study into DICOM objects: a summary page, a segmentation of the lesions, and for
// each positive slice an activation overlay and a lesion outline.
//
// [Build] is a function of a [Study], which holds plain values only: no ledger, no pipeline, no network. The same study
// gives the same objects to the byte, however many workers build them, so that a retry is never a second object. Objects are
// handed out one by one and not kept.
package dicomout
