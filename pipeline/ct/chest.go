package ct

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"jcsnode/pipeline/chest"
)

// How much of the body must be lung, in the slices of a stack (chest.Plane.LungShare). Measured: 0.12 to 0.40 in the middle of most
// chests, 0.04 to 0.07 where disease fills both lungs or at their ends; in an abdomen at most 0.01 (stool), in a head up to 0.05
// over some 30 mm (sinuses, mastoids).
const (
	// plainLungs cannot be anything else.
	plainLungs = 0.08
	// seenLungs show lungs if many slices do, and none has much more.
	seenLungs = 0.02
	// leastToGas: where nothing is plain, lungs are so many times as large as the gas in their slices, that of the airways. In bowel
	// and sinuses there is as much gas as looks like lung, or more.
	leastToGas = 3.0
	// anyLungs is more than a trachea or stool.
	anyLungs = 0.005

	// A stack that shows lungs over less than leastLungs mm and less than leastLungPart of its length is an examination of neck or
	// abdomen that touches the lungs. A short stack that lies within the lungs is none.
	leastLungs    = 80.0
	leastLungPart = 0.4
	// lungMargin is how far in mm a slice may lie from every slice through the lungs to be read: neck and abdomen at the ends of a
	// chest scan stay, a thigh does not.
	lungMargin = 100
	// tipMargin is how far in mm lungs go on, thinly, beyond the slices that show any.
	tipMargin = 10.0
)

// findLungs notes in the planes, which come by position along the normal n, how much lung they show.
func findLungs(planes []Slice, n [3]float64) {
	st := measuredStack(headersOf(planes), n)
	means := make([][]int16, len(planes))
	for i := range planes {
		means[i] = planes[i].means
		planes[i].means = nil
	}
	h := &planes[0].Header
	found := chest.Find(blocksOf(h), means, st.extents)
	for i := range planes {
		planes[i].LungShare, planes[i].gasShare = found.Planes[i].LungShare(), found.Planes[i].GasShare()
	}
	first, last := math.Inf(1), math.Inf(-1)
	for i := range planes {
		if planes[i].LungShare >= anyLungs {
			first, last = min(first, st.positions[i]), max(last, st.positions[i])
		}
	}
	for i := range planes {
		planes[i].BeyondLungs = st.positions[i] < first-tipMargin || st.positions[i] > last+tipMargin
	}
}

func blocksOf(h *Header) chest.Blocks {
	return chest.BlocksOf(h.Rows, h.Columns, h.PixelSpacing[0], h.PixelSpacing[1])
}

// nearLungs returns the slices that show lungs or lie within lungMargin of one that does, and the others. A scan of the trunk loses
// its abdomen here; a head, a thigh or an abdomen is refused.
func nearLungs(planes []Slice, n [3]float64, least int) (kept, far []Slice, r *Refusal) {
	st := measuredStack(headersOf(planes), n)
	var most float64
	for i := range planes {
		most = max(most, planes[i].LungShare)
	}
	seen := min(max(most/3, seenLungs), plainLungs) // less where disease leaves less
	var lungs []float64
	var length, lung, gas float64
	plain := 0
	for i := range planes {
		if planes[i].LungShare >= seen {
			lungs = append(lungs, st.positions[i])
			length += st.extents[i]
			lung += planes[i].LungShare
			gas += planes[i].gasShare
		}
		if planes[i].LungShare >= plainLungs {
			plain++
		}
	}
	whole := st.length()
	const remedy = "send a chest CT"
	likely := lung >= leastToGas*gas && (length >= leastLungs || len(lungs) >= least && chestBodyPart(planes[0].Header.BodyPart))
	switch {
	case len(lungs) == 0:
		return nil, nil, refuse(CodeNoLungs, fmt.Sprintf("no lungs found in %d slices", len(planes)),
			remedy+"; if it is one, see whether Rescale Intercept and Slope (0028,1052), (0028,1053) put air at -1000 HU and water at 0")
	case plain < least && !likely, length < leastLungs && length < leastLungPart*whole:
		return nil, nil, refuse(CodeNoLungs,
			fmt.Sprintf("not plainly a chest: what looks like lung is seen over %.0f of %.0f mm only", length, whole), remedy)
	}
	for i := range planes {
		at := st.positions[i]
		near := slices.ContainsFunc(lungs, func(l float64) bool { return math.Abs(at-l) <= lungMargin })
		if near {
			kept = append(kept, planes[i])
		} else {
			far = append(far, planes[i])
		}
	}
	return kept, far, nil
}

// chestBodyPart tells whether Body Part Examined (0018,0015) names the chest.
func chestBodyPart(s string) bool {
	return slices.Contains([]string{"CHEST", "THORAX", "LUNG"}, strings.ToUpper(strings.TrimSpace(s)))
}
