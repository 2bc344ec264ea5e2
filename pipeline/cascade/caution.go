package cascade

import (
	"fmt"
	"math"

	"jcsnode/pipeline/ct"
)

// closeMM is how near to the threshold a decision is told to be close to it: two thick slices turn it.
const closeMM = 10

// Cautions are sentences about a decision that could easily be the other one; none as a rule. They change no decision.
func (d *Decision) Cautions() []string {
	var all []string
	if d.Unlike() {
		all = append(all, fmt.Sprintf("Unlike the training data: the slices look other than those that the classifier learned from "+
			"(median distance %.2f, usual up to %.2f); how often it is right on such is not known.", d.Distance, d.DistanceLimit))
	}
	if math.Abs(d.MarginMM) <= closeMM+toleranceMM {
		found := fmt.Sprintf("%.1f mm of positive slices, where more than %.1f mm are needed", d.PositiveMM, d.ThresholdMM)
		if d.Rule == RuleCount {
			found = fmt.Sprintf("%d positive slices, where more than %d are needed", d.PositiveSlices, d.Threshold)
		}
		all = append(all, fmt.Sprintf("Close to the threshold: %s; %s.", found, d.turning()))
	}
	return all
}

// Unlike tells whether the study looks like none that the classifier was trained on.
func (d *Decision) Unlike() bool { return d.DistanceLimit > 0 && d.Distance > d.DistanceLimit }

// distance is the median distance of the slices from those of the training, without those above and below the lungs: they are of no
// consequence, and scans of more than a chest have many. The training has the same median (models/training, jcs.distance).
func (f *Findings) distance(v *ct.Volume) float64 {
	var all []float64
	for i := range f.Slices {
		if !v.Slices[i].BeyondLungs {
			all = append(all, f.Slices[i].Distance)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return median(all)
}
