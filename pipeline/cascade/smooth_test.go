package cascade

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The cases are those of the networks' Python, too (models/training/tests/test_cascade.py).
func TestMedians(t *testing.T) {
	var cases []struct {
		Name                               string
		Length                             float64 `json:"length_mm"`
		Positions, Probabilities, Smoothed []float64
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "smoothing.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			before := slices.Clone(c.Probabilities)
			got := medians(c.Probabilities, c.Positions, c.Length)
			near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
			if !slices.EqualFunc(got, c.Smoothed, func(a, b float64) bool { return near(a, b) }) {
				t.Errorf("smoothed %v, want %v", got, c.Smoothed)
			}
			if !slices.Equal(c.Probabilities, before) {
				t.Errorf("the probabilities themselves became %v", c.Probabilities)
			}
		})
	}
}

// Whatever the positions: half of what lies within reach is no more, and half no less, and nothing comes from beyond.
func TestMedians_StayWithinTheirReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		probabilities := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 30).Draw(t, "probabilities")
		length := rapid.Float64Range(0.1, 30).Draw(t, "length")
		positions := make([]float64, len(probabilities))
		at := rapid.Float64Range(-1000, 1000).Draw(t, "start")
		for i := range positions {
			at += rapid.Float64Range(0.2, 20).Draw(t, "step")
			positions[i] = at
		}
		for i, got := range medians(probabilities, positions, length) {
			var near []float64
			for k, z := range positions {
				if math.Abs(z-positions[i]) <= length/2+toleranceMM {
					near = append(near, probabilities[k])
				}
			}
			below, above := 0, 0
			for _, p := range near {
				if p <= got {
					below++
				}
				if p >= got {
					above++
				}
			}
			if 2*below < len(near) || 2*above < len(near) || got < slices.Min(near) || got > slices.Max(near) {
				t.Fatalf("slice %d: %v is no median of %v", i, got, near)
			}
		}
	})
}

// What is counted, segmented and shown follows the smoothed probabilities; the classifier's own stay.
func TestSmoothing_DecidesWhatIsPositive(t *testing.T) {
	// Of 60 slices 2 mm apart every third of the first 47 is negative, and one is positive among the others.
	classify := func(slice int) float32 {
		if slice < 47 && slice%3 != 2 || slice == 52 {
			return 0.9
		}
		return 0.1
	}
	for _, c := range []struct {
		mm       float64
		positive int
	}{{0, 33}, {3, 33}, {5, 47}, {10, 46}} {
		set := usual()
		set.SmoothMM, set.Segment, set.NearMM = c.mm, SegmentNear, 0
		n := &networks{probability: classify}
		f, err := diagnose(context.Background(), volume(60, 2), n, n, set, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := f.Decision
		if d.PositiveSlices != c.positive || d.PositiveMM != 2*float64(c.positive) || len(n.segmented) != c.positive {
			t.Errorf("%v mm: %d slices, %v mm are positive, %d segmented; want %d slices",
				c.mm, d.PositiveSlices, d.PositiveMM, len(n.segmented), c.positive)
		}
		for i, s := range f.Slices {
			kept := s.Probability == float64(classify(i)) && (c.mm > 0 || s.Smoothed == s.Probability)
			if !kept || s.Positive != (s.Smoothed >= 0.5) {
				t.Errorf("%v mm: slice %d: %+v", c.mm, i, s)
			}
		}
		if lone := f.Slices[52]; lone.Positive != (c.mm < 4) {
			t.Errorf("%v mm: the lone slice is positive: %v", c.mm, lone.Positive)
		}
	}
}
