package cascade

import (
	"context"
	"fmt"
	"math"
)

// Classifier tells COVID-19 slices from others. hu is a picture of rows x columns
// Hounsfield units, row by row. The activation is aRows x aColumns over the whole
// picture; it is kept, so a fresh slice for each call.
type Classifier interface {
	Classify(ctx context.Context, hu []float32, rows, columns int) (probability float32, activation []float32, aRows, aColumns int, err error)
}

// Segmenter finds lesions: a probability, 0..1, for each of the rows x columns pixels.
type Segmenter interface {
	Segment(ctx context.Context, hu []float32, rows, columns int) ([]float32, error)
}

// Values of Settings.Segment.
const (
	SegmentAll  = "all"  // every slice of a positive patient, as the paper does
	SegmentNear = "near" // slices within NearMM of a positive slice: ours, saves time
)

// Values of Settings.OffLungs.
const (
	OffLungsDrop = "drop" // they are no lesions: ours
	OffLungsKeep = "keep" // as the paper does, which knows no lungs
)

// Settings of a run.
type Settings struct {
	// Threshold is the paper's: a patient is positive when MORE than so many
	// slices are (Table IV, 25). It decides when ThresholdMM is 0.
	Threshold int

	// ThresholdMM, if over 0, decides instead of Threshold: a patient is positive
	// when the positive slices stand for MORE than so many mm of the patient.
	// Ours, for studies whose planes are not 1 mm apart; DefaultThresholdMM.
	ThresholdMM float64

	Segment string  // SegmentAll or SegmentNear
	NearMM  float64 // for SegmentNear, mm along the normal

	// OffLungs says what becomes of outlines that reach no lung. Where they are dropped, Findings.Segment asks only about slices that
	// lungs reach, and lesions from them; to take the others away is its caller's (Findings.Restrict).
	OffLungs string

	// LeastLesionML is the volume from which on a connected outline is a lesion, in mL; 0: any is, as in the paper. Run leaves it to
	// its caller, too, since only he removes what is off the lungs first. Ours; DefaultLeastLesionML.
	LeastLesionML float64

	ClassifierOperatingPoint float64 // a slice is positive from this probability on
	SegmenterOperatingPoint  float64 // a pixel is lesion from this probability on

	Workers int // slices in the networks at the same time; 0 is 1
}

// DefaultThreshold is the paper's final setting (Table IV).
const DefaultThreshold = 25

// DefaultThresholdMM is the paper's 25 slices as a length of patient.
//
// The paper counts slices of its own scans, so the length that 25 of them stand
// for follows from the distance of their planes, which it does not give. It gives
// thicknesses of 0.75 to 1.25 mm, the commonest with 67 %. Most cases (272 of 400,
// 68 %) are from one scanner, a uCT 780, which reconstructs 1 mm. Thickness need
// not be the distance (overlapping reconstructions step by less), but the number
// of slices tells the same: the 400 test cases have 132,752 slices, 332 each,
// and a chest scan from above the apices to below the recesses is 300 to 350 mm
// long: 0.9 to 1.05 mm for each slice. So 25 slices are 25 mm of patient within a
// tenth. At 1 mm the rule is the paper's count; at 2 mm it takes 13 slices, at 5 mm
// 6, at 0.5 mm 51. It was not tuned on any study.
const DefaultThresholdMM = 25

// DefaultLeastLesionML is a ball 5.8 mm across, chosen on drawn masks (sets seg20 and seg20rp, networks 0.2.0). Of 258 connected
// outlines below it 91 touch a drawn lesion, of 124 from it on 107. Without those below it the mean Dice of a patient changes by
// 0.002 at most, up or down; at 0.2 mL it falls by 0.006. Drawn lesions below it hold less than 0.5 % of what was drawn in each of
// the eight patients of seg20.
const DefaultLeastLesionML = 0.1

// DefaultSettings are the paper's decision with lengths in the place of counts.
func DefaultSettings() Settings {
	return Settings{
		Threshold: DefaultThreshold, ThresholdMM: DefaultThresholdMM,
		Segment: SegmentAll, NearMM: 10, OffLungs: OffLungsDrop, LeastLesionML: DefaultLeastLesionML,
		ClassifierOperatingPoint: 0.5, SegmenterOperatingPoint: 0.5,
		Workers: 1,
	}
}

// check returns an error that names the first setting that makes no sense.
func (s Settings) check() error {
	point := func(v float64) bool { return v > 0 && v < 1 }
	switch {
	case s.Threshold < 0:
		return fmt.Errorf("threshold is %d, must be 0 or more", s.Threshold)
	case s.ThresholdMM < 0 || math.IsNaN(s.ThresholdMM) || math.IsInf(s.ThresholdMM, 0):
		return fmt.Errorf("threshold in mm is %v, must be 0 (off) or more", s.ThresholdMM)
	case s.Segment != SegmentAll && s.Segment != SegmentNear:
		return fmt.Errorf("segment is %q, must be %q or %q", s.Segment, SegmentAll, SegmentNear)
	case s.Segment == SegmentNear && !(s.NearMM >= 0):
		return fmt.Errorf("near is %v mm, must be 0 or more", s.NearMM)
	case s.OffLungs != OffLungsDrop && s.OffLungs != OffLungsKeep:
		return fmt.Errorf("off lungs is %q, must be %q or %q", s.OffLungs, OffLungsDrop, OffLungsKeep)
	case !(s.LeastLesionML >= 0) || math.IsInf(s.LeastLesionML, 0):
		return fmt.Errorf("least lesion is %v mL, must be 0 or more", s.LeastLesionML)
	case !point(s.ClassifierOperatingPoint):
		return fmt.Errorf("classifier operating point is %v, must lie between 0 and 1", s.ClassifierOperatingPoint)
	case !point(s.SegmenterOperatingPoint):
		return fmt.Errorf("segmenter operating point is %v, must lie between 0 and 1", s.SegmenterOperatingPoint)
	}
	return nil
}
