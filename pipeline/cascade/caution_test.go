package cascade

import (
	"context"
	"math"
	"strings"
	"testing"
)

// A study is unlike the training data by the median of its slices, whatever lies above and below the lungs, and its decision stays.
func TestDecide_UnlikeTheTrainingData(t *testing.T) {
	for _, c := range []struct {
		name      string
		distances []float32
		off       int // of the first slices
		limit     float64
		median    float64
		unlike    bool
	}{
		{"as usual", []float32{1, 1, 1, 9, 1}, 0, 2, 1, false},
		{"unlike", []float32{3, 1, 3, 9, 3}, 0, 2, 3, true},
		{"on the limit", []float32{1, 2, 2, 9}, 0, 2, 2, false},
		{"the mean of the middle two", []float32{1, 3, 2, 9}, 0, 2, 2.5, true},
		{"below the lungs it does not matter", []float32{9, 9, 9, 1, 1}, 3, 2, 1, false},
		{"nothing but below the lungs", []float32{9, 9, 9}, 3, 2, 0, false},
		{"a classifier without a limit", []float32{0, 0, 0}, 0, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := usual()
			set.DistanceLimit = c.limit
			v := volume(len(c.distances), 1)
			for i := range c.off {
				v.Slices[i].BeyondLungs = true
			}
			n := &networks{distance: func(slice int) float32 { return c.distances[slice] }}
			f, err := Classify(context.Background(), v, n, set, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			f.Decide(v, set)
			d := f.Decision
			said := strings.HasPrefix(strings.Join(d.Cautions(), " "), "Unlike the training data: ")
			if d.Distance != c.median || d.Unlike() != c.unlike || said != c.unlike || d.Positive {
				t.Errorf("%+v says %q; want distance %v, unlike %v", d, d.Cautions(), c.median, c.unlike)
			}
		})
	}
	for _, distance := range []float32{-1, float32(math.NaN())} {
		n := &networks{distance: func(int) float32 { return distance }}
		_, err := Classify(context.Background(), volume(3, 1), n, usual(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), "no distance") {
			t.Errorf("distance %v: error %v", distance, err)
		}
	}
}
