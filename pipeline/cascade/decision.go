package cascade

import (
	"fmt"

	"jcsnode/pipeline/ct"
)

// Rules that can decide for the patient.
const (
	RuleCount  = "count"  // the paper's: more than Threshold positive slices
	RuleLength = "length" // ours: positive slices stand for more than ThresholdMM
)

// Decision is the verdict on the patient and the numbers behind it.
type Decision struct {
	Positive       bool
	Rule           string // RuleCount or RuleLength, the one that decided
	PositiveSlices int
	PositiveMM     float64 // sum of the extents of the positive slices
	OffLungs       int     // positive slices above or below the lungs, which do not count: ours
	OffLungsMM     float64 // sum of their extents
	Slices         int     // slices of the volume
	LengthMM       float64 // sum of the extents of all slices
	Threshold      int
	ThresholdMM    float64 // 0 when the length rule is off
	Text           string  // says what was counted, by which rule, and whether the other rule agrees
}

// Decide applies the rule of the settings to the positive slices.
func (f *Findings) Decide(v *ct.Volume, set Settings) {
	d := Decision{Slices: len(v.Slices), LengthMM: v.Length(), Threshold: set.Threshold, ThresholdMM: set.ThresholdMM}
	for i := range f.Slices {
		switch {
		case !f.Slices[i].Positive:
		case v.Slices[i].OffLungs:
			d.OffLungs++
			d.OffLungsMM += v.Slices[i].Extent
		default:
			d.PositiveSlices++
			d.PositiveMM += v.Slices[i].Extent
		}
	}
	count := d.PositiveSlices > set.Threshold
	d.Rule, d.Positive = RuleCount, count
	if set.ThresholdMM > 0 {
		// Extents are sums of decimals: 25 slices of 1.0 mm are not more than 25 mm
		// because of the last bit of a float.
		d.Rule, d.Positive = RuleLength, d.PositiveMM > set.ThresholdMM+1e-6
	}
	found := fmt.Sprintf("%d of %d slices are positive, %.1f of %.1f mm", d.PositiveSlices, d.Slices, d.PositiveMM, d.LengthMM)
	if d.OffLungs > 0 {
		found += fmt.Sprintf(", without %d more above or below the lungs (%.1f mm), which do not count", d.OffLungs, d.OffLungsMM)
	}
	verdict := map[bool]string{true: "positive", false: "negative"}
	switch {
	case d.Rule == RuleCount:
		d.Text = fmt.Sprintf("%s: %s; rule: more than %d slices (the paper's count)", verdict[d.Positive], found, set.Threshold)
	case count == d.Positive:
		d.Text = fmt.Sprintf("%s: %s; rule: more than %.1f mm; the paper's count (more than %d slices) agrees", verdict[d.Positive], found, set.ThresholdMM, set.Threshold)
	default:
		d.Text = fmt.Sprintf("%s: %s; rule: more than %.1f mm; the paper's count (more than %d slices) would say %s, but is made for slices 1 mm apart",
			verdict[d.Positive], found, set.ThresholdMM, set.Threshold, verdict[count])
	}
	f.Decision = d
}
