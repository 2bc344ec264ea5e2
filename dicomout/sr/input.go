package sr

import (
	"errors"
	"fmt"
	"math"

	"jcsnode/dicomout/object"
)

// Result is the study's decision.
type Result int

// The results. A study is undetermined, which is not processed, until something else is said.
const (
	Undetermined Result = iota
	Absent
	Present
)

// Side is the lung that holds most of a lesion.
type Side int

// The sides. Unknown is for a lesion outside both lungs, and for lungs that were not told apart.
const (
	Unknown Side = iota
	Right
	Left
)

// Input is what the report says.
type Input struct {
	Result Result
	// Reason and Remedy say why a study is Undetermined and what to do about it.
	Reason, Remedy string
	// Limits are sentences about what limits the result.
	Limits   []string
	Decision Basis
	// Classifier decided, Segmenter drew the lesions.
	Classifier, Segmenter object.Model
	// SegmenterPoint is the probability from which on a pixel is lesion.
	SegmenterPoint float64
	// Lesions are the measures of all lesions together; nil when there are none.
	Lesions *Lesions
	// Segmentation is the kind whose segment 1 shows the lesions; nil when no such object is made.
	Segmentation *object.Kind
}

// Basis is how the study was decided: positive when more than Threshold slices are, or slices of more than ThresholdMM (0 turns
// that rule off).
type Basis struct {
	Slices, PositiveSlices, Threshold int
	PositiveMM, ThresholdMM           float64
	OperatingPoint                    float64 // probability from which on a slice is positive
	// SmoothMM is the length in mm over which probabilities were smoothed before they were counted, 0 if they were not; the others say
	// what would be positive without.
	SmoothMM         float64
	UnsmoothedSlices int
	UnsmoothedMM     float64
}

// Lesions are the measures of all lesions together, and of each.
type Lesions struct {
	VolumeML, MeanHU float64
	// LungShare is the share of both lungs that is lesion, 0..1; negative when it was not measured.
	LungShare float64
	// Each is connected in space; the largest first.
	Each []Lesion
}

// Lesion is what was measured of one lesion.
type Lesion struct {
	VolumeML, MeanHU float64
	// LargestAreaMM2 is its area in the slice of the study with this index, whose probability is the classifier's.
	LargestAreaMM2   float64
	LargestSlice     int
	SliceProbability float64
	Side             Side
}

// check makes sure that every number is one and every slice is there, so that no report says NaN.
func (in *Input) check(s *object.Study) error {
	d := in.Decision
	numbers := []float64{d.PositiveMM, d.ThresholdMM, d.OperatingPoint, d.SmoothMM, d.UnsmoothedMM, in.SegmenterPoint}
	if in.Result == Undetermined && in.Reason == "" {
		return errors.New("a study is not processed without a reason")
	}
	if l := in.Lesions; l != nil {
		numbers = append(numbers, l.VolumeML, l.MeanHU, l.LungShare)
		for i, one := range l.Each {
			numbers = append(numbers, one.VolumeML, one.MeanHU, one.LargestAreaMM2, one.SliceProbability)
			if one.LargestSlice < 0 || one.LargestSlice >= len(s.Slices) {
				return fmt.Errorf("lesion %d is largest in slice %d of %d", i+1, one.LargestSlice, len(s.Slices))
			}
			if i > 0 && one.VolumeML > l.Each[i-1].VolumeML {
				return fmt.Errorf("lesion %d is larger than the one before it", i+1)
			}
		}
	}
	for _, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%v is no measure", v)
		}
	}
	return nil
}
