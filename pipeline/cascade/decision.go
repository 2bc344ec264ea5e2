package cascade

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"jcsnode/pipeline/ct"
)

// Rules that can decide for the patient.
const (
	RuleCount  = "count"  // the paper's: more than Threshold positive slices
	RuleLength = "length" // ours: positive slices stand for more than ThresholdMM
)

// Decision is the verdict on the patient and the numbers behind it.
type Decision struct {
	Positive        bool
	Rule            string // RuleCount or RuleLength, the one that decided
	PositiveSlices  int
	PositiveMM      float64 // sum of the extents of the positive slices
	UncountedSlices int     // positive slices above or below the lungs, which do not count: ours
	UncountedMM     float64 // sum of their extents
	Slices          int     // slices of the volume
	LengthMM        float64 // sum of the extents of all slices
	Threshold       int
	ThresholdMM     float64 // 0 when the length rule is off
	Text            string  // says what was counted, by which rule, whether the other rule agrees, and how far the decision is from turning

	SmoothMM         float64 // 0 when each slice counts by itself
	UnsmoothedSlices int     // PositiveSlices and PositiveMM if each did
	UnsmoothedMM     float64

	// MarginMM is how far PositiveMM lies above ThresholdMM, below if negative; by the count it is the slices above Threshold, each as
	// long as their mean.
	MarginMM float64
	// OperatingPoint is that of a slice, TurnsAt the highest at which the study is positive, 0 if it is at none.
	OperatingPoint, TurnsAt float64

	// Distance is the median distance of the slices of the lungs from those that the classifier was trained on, DistanceLimit what it
	// usually stays below; both 0 if the classifier tells none.
	Distance, DistanceLimit float64
}

// tally is what the rules look at: positive slices and the length that they stand for.
type tally struct {
	slices int
	mm     float64
}

func (t *tally) add(s *ct.Slice) {
	t.slices++
	t.mm += s.Extent
}

// beyond tells whether the tally makes a patient positive by the count, and by the rule that decides.
func (t tally) beyond(set Settings) (count, decides bool) {
	count = t.slices > set.Threshold
	if set.ThresholdMM > 0 {
		return count, t.mm > set.ThresholdMM+toleranceMM // 25 slices of 1.0 mm are not more than 25 mm
	}
	return count, count
}

// Decide applies the rule of the settings to the positive slices.
func (f *Findings) Decide(v *ct.Volume, set Settings) {
	var positive, alone, off tally
	for i := range f.Slices {
		s, slice := &f.Slices[i], &v.Slices[i]
		switch {
		case slice.BeyondLungs && s.Positive:
			off.add(slice)
		case s.Positive:
			positive.add(slice)
		}
		if !slice.BeyondLungs && s.Probability >= set.ClassifierOperatingPoint {
			alone.add(slice)
		}
	}
	d := Decision{Rule: RuleCount, Slices: len(v.Slices), LengthMM: v.Length(), Threshold: set.Threshold, ThresholdMM: set.ThresholdMM,
		PositiveSlices: positive.slices, PositiveMM: positive.mm, UncountedSlices: off.slices, UncountedMM: off.mm,
		SmoothMM: set.SmoothMM, UnsmoothedSlices: alone.slices, UnsmoothedMM: alone.mm,
		OperatingPoint: set.ClassifierOperatingPoint, TurnsAt: f.turnsAt(v, set),
		Distance: f.distance(v), DistanceLimit: set.DistanceLimit}
	_, d.Positive = positive.beyond(set)
	d.MarginMM = float64(d.PositiveSlices-d.Threshold) * d.LengthMM / float64(d.Slices)
	if set.ThresholdMM > 0 {
		d.Rule, d.MarginMM = RuleLength, d.PositiveMM-d.ThresholdMM
	}
	paper, _ := alone.beyond(set)
	d.Text = d.text(paper)
	f.Decision = d
}

// turnsAt is the highest operating point of a slice at which the study is positive: the probability that just more of the lungs reach than
// the threshold is. 0 if no operating point would do.
func (f *Findings) turnsAt(v *ct.Volume, set Settings) float64 {
	var order []int
	for i := range f.Slices {
		if !v.Slices[i].BeyondLungs {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(f.Slices[b].Smoothed, f.Slices[a].Smoothed) })
	var t tally
	for _, i := range order {
		t.add(&v.Slices[i])
		if _, positive := t.beyond(set); positive {
			return f.Slices[i].Smoothed
		}
	}
	return 0
}

// verdict is the decision in a word.
func verdict(positive bool) string {
	if positive {
		return "positive"
	}
	return "negative"
}

// text is the decision in a sentence; paper is what the paper's count of the slices by themselves says.
func (d *Decision) text(paper bool) string {
	found := fmt.Sprintf("%d of %d slices are positive, %.1f of %.1f mm", d.PositiveSlices, d.Slices, d.PositiveMM, d.LengthMM)
	if d.UncountedSlices > 0 {
		found += fmt.Sprintf(", without %d more above or below the lungs (%.1f mm), which do not count", d.UncountedSlices, d.UncountedMM)
	}
	if d.SmoothMM > 0 {
		found += fmt.Sprintf(", smoothed over %.1f mm (by themselves %d slices, %.1f mm)", d.SmoothMM, d.UnsmoothedSlices, d.UnsmoothedMM)
	}
	rule := fmt.Sprintf("rule: more than %.1f mm; the paper's count (more than %d slices)", d.ThresholdMM, d.Threshold)
	switch {
	case d.Rule == RuleCount && d.SmoothMM == 0:
		rule = fmt.Sprintf("rule: more than %d slices (the paper's count)", d.Threshold)
	case d.Rule == RuleCount:
		rule = fmt.Sprintf("rule: more than %d slices, smoothed; the paper's count says %s", d.Threshold, verdict(paper))
	case paper == d.Positive:
		rule += " agrees"
	default:
		rule += fmt.Sprintf(" would say %s, but is made for slices 1 mm apart", verdict(paper))
	}
	return fmt.Sprintf("%s: %s; %s; %s, %s", verdict(d.Positive), found, rule, d.margin(), d.turning())
}

// margin is how far what was found lies from the threshold.
func (d *Decision) margin() string {
	side := "below"
	if d.Positive {
		side = "above"
	}
	if d.Rule == RuleLength {
		return fmt.Sprintf("%.1f mm %s the threshold", math.Abs(d.MarginMM), side)
	}
	n, noun := d.PositiveSlices-d.Threshold, "slices"
	if n*n == 1 {
		noun = "slice"
	}
	return fmt.Sprintf("%d %s %s the threshold", max(n, -n), noun, side)
}

// turning says at which operating points of a slice the study is positive, rounded down, so that it stays true.
func (d *Decision) turning() string {
	at := math.Floor(100*d.TurnsAt+1e-5) / 100 // networks calculate with single precision
	switch {
	case d.Positive:
		return fmt.Sprintf("it stays positive with an operating point up to %.2f (set: %.2f)", max(at, d.OperatingPoint), d.OperatingPoint)
	case at > 0:
		return fmt.Sprintf("it would be positive with an operating point up to %.2f (set: %.2f)", at, d.OperatingPoint)
	}
	return "no operating point would make it positive"
}
