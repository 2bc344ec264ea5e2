package cascade

import (
	"context"
	"fmt"
	"math"
)

// Classification is what a classifier says of a slice.
type Classification struct {
	Probability   float32   // of COVID-19, 0..1
	Activation    []float32 // Rows x Columns over the whole picture, row by row; it is kept, so fresh for each slice
	Rows, Columns int
	Distance      float32 // from the slices of the training, about 1 for their like; 0 if the classifier tells none
}

// Classifier tells COVID-19 slices from others. hu is a picture of rows x columns Hounsfield units, row by row.
type Classifier interface {
	Classify(ctx context.Context, hu []float32, rows, columns int) (Classification, error)
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
	// Ours, for studies whose planes are not 1 mm apart.
	ThresholdMM float64

	// SmoothMM is the length of patient in mm over which the probability of a slice is smoothed before it is counted: the median of
	// the slices within half of it, up and down. 0: each slice counts by itself, as in the paper. Ours.
	SmoothMM float64

	Segment string  // SegmentAll or SegmentNear
	NearMM  float64 // for SegmentNear, mm along the normal

	// OffLungs says what becomes of outlines that reach no lung. Where they are dropped, Findings.Segment asks only about slices that
	// lungs reach, and lesions from them; to take the others away is its caller's (Findings.Restrict).
	OffLungs string

	// LeastLesionML is the volume from which on a connected outline is a lesion, in mL; 0: any is, as in the paper. Run leaves it to
	// its caller, too, since only he removes what is off the lungs first. Ours.
	LeastLesionML float64

	ClassifierOperatingPoint float64 // a slice is positive from this probability on
	DistanceLimit            float64 // what the distance from the training usually stays below; 0 if the classifier tells none
	SegmenterOperatingPoint  float64 // a pixel is lesion from this probability on

	Workers int // slices in the networks at the same time; 0 is 1
}

// check returns an error that names the first setting that makes no sense.
func (s Settings) check() error {
	point := func(v float64) bool { return v > 0 && v < 1 }
	switch {
	case s.Threshold < 0:
		return fmt.Errorf("threshold is %d, must be 0 or more", s.Threshold)
	case s.ThresholdMM < 0 || math.IsNaN(s.ThresholdMM) || math.IsInf(s.ThresholdMM, 0):
		return fmt.Errorf("threshold in mm is %v, must be 0 (off) or more", s.ThresholdMM)
	case !(s.SmoothMM >= 0) || math.IsInf(s.SmoothMM, 0):
		return fmt.Errorf("smoothing is %v mm, must be 0 (off) or more", s.SmoothMM)
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
