package cascade

import (
	"context"
	"math"
	"strings"
	"testing"
)

// How far a decision is from turning, in mm and in the operating point of a slice.
func TestDecide_Margin(t *testing.T) {
	// Slices 5 mm apart; the first of 40 with these probabilities, the others with 0.1.
	for _, c := range []struct {
		name          string
		probabilities []float32
		off           int // of the first slices, that do not count
		mm            float64
		margin        float64
		turns         float64
		text, caution string
	}{
		{"nothing", nil, 0, 25, -25, 0.1,
			"25.0 mm below the threshold, it would be positive with an operating point up to 0.10 (set: 0.50)", ""},
		{"close below", []float32{0.9, 0.9, 0.8, 0.4375, 0.3125, 0.25}, 0, 25, -10, 0.25,
			"10.0 mm below the threshold, it would be positive with an operating point up to 0.25 (set",
			"Close to the threshold: 15.0 mm of positive slices, where more than 25.0 mm are needed; " +
				"it would be positive with an operating point up to 0.25 (set: 0.50)."},
		{"on it", []float32{0.9, 0.9, 0.8, 0.75, 0.75}, 0, 25, 0, 0.1, "0.0 mm below the threshold", "Close to the threshold: 25.0 mm of"},
		{"just above", []float32{0.9, 0.9, 0.8, 0.75, 0.75, 0.625}, 0, 25, 5, 0.625,
			"5.0 mm above the threshold, it stays positive with an operating point up to 0.62 (set: 0.50)",
			"Close to the threshold: 30.0 mm of"},
		{"far above", []float32{0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8}, 0, 25, 15, 0.9, "15.0 mm above", ""},
		{"some off the lungs", []float32{0.95, 0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.875}, 2, 25, 5, 0.875, "5.0 mm above",
			"Close to the threshold: 30.0 mm"},
		{"too little in the lungs", []float32{0.95, 0.95}, 36, 25, -25, 0,
			"25.0 mm below the threshold, no operating point would make it positive", ""},
		{"count, close", []float32{0.9, 0.9}, 0, 0, -5, 0.1,
			"1 slice below the threshold, it would be positive with an operating point up to 0.10",
			"Close to the threshold: 2 positive slices, where more than 3 are needed; it would be"},
		{"count, far", []float32{0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9}, 0, 0, 20, 0.9, "4 slices above the threshold", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := usual()
			set.Threshold, set.ThresholdMM = 3, c.mm
			v := volume(40, 5)
			for i := range c.off {
				v.Slices[i].BeyondLungs = true
			}
			n := &networks{probability: func(slice int) float32 {
				if slice < len(c.probabilities) {
					return c.probabilities[slice]
				}
				return 0.1
			}}
			f, err := Classify(context.Background(), v, n, set, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			f.Decide(v, set)
			d := f.Decision
			if d.MarginMM != c.margin || math.Abs(d.TurnsAt-c.turns) > 1e-6 || !strings.Contains(d.Text, c.text) {
				t.Errorf("margin %v mm, turns at %v, %q; want %v, %v, %q", d.MarginMM, d.TurnsAt, d.Text, c.margin, c.turns, c.text)
			}
			got := strings.Join(d.Cautions(), " ")
			if !strings.HasPrefix(got, c.caution) || c.caution == "" && got != "" {
				t.Errorf("cautions %q, want %q", got, c.caution)
			}
			// At the point where it turns the study is positive, and a little above it is not.
			for _, step := range []float64{0, 1e-3} {
				at := set
				at.ClassifierOperatingPoint = d.TurnsAt + step
				if at.check() != nil {
					continue
				}
				again, err := Classify(context.Background(), v, n, at, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				if again.Decide(v, at); again.Decision.Positive != (step == 0) && d.TurnsAt > 0 {
					t.Errorf("at operating point %v: %s", at.ClassifierOperatingPoint, again.Decision.Text)
				}
			}
		})
	}
}

// A smoothed decision says what each slice by itself would say.
func TestDecide_SaysWhatSmoothingChanged(t *testing.T) {
	// Every third of 90 slices 1 mm apart is positive: 30 mm. With a window of three none is.
	n := &networks{probability: func(slice int) float32 {
		if slice%3 == 1 {
			return 0.8
		}
		return 0.1
	}}
	for _, c := range []struct {
		smooth, mm float64
		positive   bool
		want       string
	}{
		{0, 25, true, "positive: 30 of 90 slices are positive, 30.0 of 90.0 mm; " +
			"rule: more than 25.0 mm; the paper's count (more than 25 slices) agrees; 5.0 mm above"},
		{2, 25, false, "negative: 0 of 90 slices are positive, 0.0 of 90.0 mm, smoothed over 2.0 mm (by themselves 30 slices, 30.0 mm); " +
			"rule: more than 25.0 mm; the paper's count (more than 25 slices) would say positive"},
		{2, 0, false, "rule: more than 25 slices, smoothed; the paper's count says positive; 25 slices below the threshold"},
		{0, 0, true, "rule: more than 25 slices (the paper's count); 5 slices above the threshold"},
	} {
		set := usual()
		set.SmoothMM, set.ThresholdMM = c.smooth, c.mm
		v := volume(90, 1)
		f, err := Classify(context.Background(), v, n, set, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.Decide(v, set)
		d := f.Decision
		if d.Positive != c.positive || !strings.Contains(d.Text, c.want) || d.UnsmoothedSlices != 30 || d.UnsmoothedMM != 30 {
			t.Errorf("smoothed over %v mm: %+v, want positive %v and %q", c.smooth, d, c.positive, c.want)
		}
	}
}
