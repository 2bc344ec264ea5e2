// Package sc draws the findings of a study and packs the drawings as Secondary
// Capture images (PS3.3 A.8.1): one summary page for the study, and for single
// slices an activation overlay and a lesion outline.
//
// The drawings are functions over plain values ([Picture], [Page]); they read no
// file, no clock and no global, so the same values give the same pixels. The
// same picture becomes the pixel data of the object and the preview of the
// pages. A [Painter] holds fonts and scratch memory: one for each goroutine.
//
// A picture never holds patient data or dates: BurnedInAnnotation is NO.
// Every picture states that it is for research only and which models made it.
package sc
