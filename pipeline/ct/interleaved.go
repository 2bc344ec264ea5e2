package ct

import (
	"fmt"
	"math"
	"slices"
)

// Two scans whose planes lie between each other, and that no element tells apart, look like one of half the step. Their pictures tell: in
// one scan a slice is more like its neighbour than like the one behind that, in two it is the other way round. Measured over three real
// chests in steps of 2 to 15 mm, by the median slice: the next but one differs 1.43 to 1.63 times as much as the next, 1.25 times at least;
// with a second breath between the planes, 3 to 75 mm off, 0.38 to 0.85 times.
const (
	alternates  = 0.9 // noise makes both differences alike where steps are small, which is 1
	leastPlanes = 8   // that the median is of some slices
)

// checkInterleaved refuses planes of two scans that lie between each other.
func checkInterleaved(planes []Slice, name string) *Refusal {
	if len(planes) < leastPlanes {
		return nil
	}
	var ratios []float64
	for i := range len(planes) - 2 {
		if next := difference(planes[i].means, planes[i+1].means); next > 0 {
			ratios = append(ratios, difference(planes[i].means, planes[i+2].means)/next)
		}
	}
	slices.Sort(ratios)
	if len(ratios) < leastPlanes-2 || ratios[len(ratios)/2] >= alternates {
		return nil
	}
	return refuse(CodeMixed, fmt.Sprintf("%s mixes scans: each slice is more like the next but one than like the next, so that every "+
		"second one is of another scan, and no element, from AcquisitionNumber (0020,0012) and AcquisitionTime (0008,0032) to "+
		"InstanceNumber (0020,0013), tells which", name), separateScans)
}

func difference(a, b []int16) float64 {
	var sum float64
	for i := range a {
		sum += math.Abs(float64(a[i]) - float64(b[i]))
	}
	return sum
}
