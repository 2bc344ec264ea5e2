package cascade

// usual are settings for tests: the paper's decision, with lengths beside counts.
func usual() Settings {
	return Settings{Threshold: 25, ThresholdMM: 25, Segment: SegmentAll, NearMM: 10, OffLungs: OffLungsDrop, LeastLesionML: 0.1,
		ClassifierOperatingPoint: 0.5, SegmenterOperatingPoint: 0.5, Workers: 1}
}
