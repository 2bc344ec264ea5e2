package pipeline

import "jcsnode/pipeline/cascade"

// usual are settings for tests: the paper's decision, with lengths beside counts.
func usual() cascade.Settings {
	return cascade.Settings{
		Threshold:                25,
		ThresholdMM:              25,
		Segment:                  cascade.SegmentAll,
		NearMM:                   10,
		OffLungs:                 cascade.OffLungsDrop,
		LeastLesionML:            0.1,
		ClassifierOperatingPoint: 0.5,
		SegmenterOperatingPoint:  0.5,
		Workers:                  1,
	}
}
