// Package sr builds the structured report of a study revision: Comprehensive 3D SR by template TID 1500 (PS3.3 A.35.13, PS3.16).
//
// Its content depends on the findings alone, its references on derived UIDs: it names the segmentation without seeing it. A study
// that was not processed has a report, too, which says why. No report is ever verified, and each one is preliminary.
// The room knows object for what every object shares, and nothing else of ours.
package sr
