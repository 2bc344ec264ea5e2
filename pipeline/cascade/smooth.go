package cascade

import (
	"slices"

	"jcsnode/pipeline/ct"
)

// toleranceMM is what sums and differences of decimals may be off by: they must not decide by their last bit.
const toleranceMM = 1e-6

// smooth calls the slices positive or not, by the probabilities that count: with SmoothMM those of their neighbourhood. The paper's
// network looks at single slices, and neighbours 2 mm apart can jump from one verdict to the other.
func (f *Findings) smooth(v *ct.Volume, set Settings) {
	probabilities, positions := make([]float64, len(f.Slices)), make([]float64, len(f.Slices))
	for i := range f.Slices {
		probabilities[i], positions[i] = f.Slices[i].Probability, v.Slices[i].Position
	}
	for i, p := range medians(probabilities, positions, set.SmoothMM) {
		f.Slices[i].Smoothed, f.Slices[i].Positive = p, p >= set.ClassifierOperatingPoint
	}
}

// medians gives for each slice the median of the probabilities within half of length of it, up and down: a running median over mm,
// not over slices. Positions are in mm and rise. Where the stack ends or has a gap, the other side alone is left; a slice without a
// neighbour that near keeps its own, as all do in stacks of thick slices. Of an even number it is the mean of the two in the middle.
// The networks' Python has the same (models/training/jcs/cascade.py), and testdata/smoothing.json holds cases for both.
func medians(probabilities, positions []float64, length float64) []float64 {
	if length == 0 {
		return slices.Clone(probabilities)
	}
	out := make([]float64, len(probabilities))
	reach := length/2 + toleranceMM
	var window []float64
	first, end := 0, 0
	for i, at := range positions {
		for positions[first] < at-reach {
			first++
		}
		for end < len(positions) && positions[end] <= at+reach {
			end++
		}
		window = append(window[:0], probabilities[first:end]...)
		out[i] = median(window)
	}
	return out
}

// median sorts at least one value, and gives the one in the middle; of an even number the mean of the two.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
