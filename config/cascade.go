package config

// Cascade is the decision and the segmentation (JCS IV-C).
type Cascade struct {
	Threshold   int     `toml:"threshold"`    // slices
	ThresholdMM float64 `toml:"threshold_mm"` // mm along the patient; 0: count slices only, as the paper does
	Segment     string  `toml:"segment"`      // "all" or "near"
	NearMM      float64 `toml:"near_mm"`      // for "near"
	OffLungs    string  `toml:"off_lungs"`    // "drop" or "keep": outlines that reach no lung
	// SmoothMM is the length of patient in mm over which probabilities are smoothed before slices are counted; 0: not, as in the paper
	SmoothMM float64 `toml:"smooth_mm"`
	// LeastLesionML is the volume in mL from which on a connected outline is a lesion; 0: any is
	LeastLesionML float64 `toml:"least_lesion_ml"`
}

// defaultThreshold is the paper's final setting (JCS table IV).
const defaultThreshold = 25

// defaultThresholdMM is the paper's 25 slices as a length of patient.
//
// The paper counts slices of its own scans, so the length that 25 of them stand for follows from the distance of their planes, which it
// does not give. It gives thicknesses of 0.75 to 1.25 mm, the commonest with 67 %. Most cases (272 of 400, 68 %) are from one scanner, a
// uCT 780, which reconstructs 1 mm. Thickness need not be the distance (overlapping reconstructions step by less), but the number of
// slices tells the same: the 400 test cases have 132,752 slices, 332 each, and a chest scan from above the apices to below the recesses
// is 300 to 350 mm long: 0.9 to 1.05 mm for each slice. So 25 slices are 25 mm of patient within a tenth. At 1 mm the rule is the
// paper's count; at 2 mm it takes 13 slices, at 5 mm 6, at 0.5 mm 51. It was not tuned on any study.
const defaultThresholdMM = 25

// defaultLeastLesionML is a ball 5.8 mm across, chosen on drawn masks (sets seg20 and seg20rp, networks 0.2.0). Of 258 connected
// outlines below it 91 touch a drawn lesion, of 124 from it on 107. Without those below it the mean Dice of a patient changes by
// 0.002 at most, up or down; at 0.2 mL it falls by 0.006. Drawn lesions below it hold less than 0.5 % of what was drawn in each of
// the eight patients of seg20.
const defaultLeastLesionML = 0.1

func defaultCascade() Cascade {
	return Cascade{Threshold: defaultThreshold, ThresholdMM: defaultThresholdMM, Segment: "all", NearMM: 10, OffLungs: "drop",
		LeastLesionML: defaultLeastLesionML}
}
