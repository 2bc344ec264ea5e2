// Package cascade runs the joint diagnosis of the JCS paper (Wu et al., IEEE
// TIP 2021, section IV-C) on one volume: classify every slice, decide for the
// patient by the positive slices, and only if the decision is positive segment
// the slices: [Classify], [Findings.Decide], [Findings.Segment].
//
// It knows the networks as two interfaces over Hounsfield units and the volume
// as a value; which network, which window and which device is not its business.
// Networks get a physically square picture in the usual orientation (patient's
// right on the left, front up), see canvas; activation maps and masks come back
// on the grid of the slice, whatever its orientation and its pixels' shape.
//
// Ours, not the paper's, and named so: the length rule (Settings.ThresholdMM),
// probabilities smoothed along the patient (Settings.SmoothMM), leaving slices above
// and below the lungs out of the count (ct.Slice.BeyondLungs),
// segmentation of the slices near positive ones (Settings.Segment "near"), and
// the measures of lesions.
package cascade
