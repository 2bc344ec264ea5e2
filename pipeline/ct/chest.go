package ct

import "math"

// The check that a stack shows lungs, on a coarse grid of block means: noise is
// averaged away and a study costs some milliseconds.
const (
	chestBlock = 3.0 // mm, side of a block, to the nearest pixel

	// Air around the patient: everything below outsideHU that reaches the border.
	// Healthy lung lies at -880..-820 HU in inspiration, foam of a head holder at
	// -950..-900; a lung that touches the border of a narrow field of view is not
	// washed away by this limit.
	outsideHU = -880
	// Enclosed blocks between the two are lung-like: pure gas (bowel, trachea,
	// sinuses) lies below, fat above. Ground glass lies at -700..-350 HU.
	lungLowHU  = -980
	lungHighHU = -300
	// lungAround of the 25 blocks around one (15 mm) must be lung-like: the edge of
	// the body and of gas and the foam of a table are thinner. Vessels, and lesions
	// all over a lung, take some.
	lungAround = 20
	// A body is at least leastTissue of soft tissue and bone, above tissueHU. With a wrong rescale its skin, fat and muscle look
	// like lung, and it has none.
	tissueHU    = -200
	leastTissue = 0.2

	// MinLungShare of the body in a slice makes it a slice through the lungs.
	// Measured: 0.12 to 0.40 in the middle of a chest, the lowest where ground glass
	// fills both lungs; up to 0.05 in heads, abdomens and thighs (foam and air
	// between table, legs and blankets).
	MinLungShare = 0.08
	// A stack that shows lungs over less than leastLungs mm and less than
	// leastLungPart of its length is an examination of neck or abdomen that touches
	// the lungs. A short stack that lies within the lungs is none.
	leastLungs    = 80.0
	leastLungPart = 0.4
	// lungMargin is how far in mm a slice may lie from every slice through the
	// lungs: neck and abdomen at the ends of a chest scan stay, a thigh does not.
	lungMargin = 100
)

// lungShare returns the share of lung-like blocks among the blocks of the body
// in a slice of Hounsfield units with the given distances of rows and columns.
func lungShare(hu []int16, rows, columns int, rowMM, columnMM float64) float64 {
	high, wide := blockSide(rowMM), blockSide(columnMM)
	br, bc := rows/high, columns/wide
	if br < 5 || bc < 5 {
		return 0
	}
	mean := make([]int16, br*bc)
	for r := range br {
		for c := range bc {
			sum := 0
			for y := range high {
				row := hu[(r*high+y)*columns+c*wide:]
				for _, v := range row[:wide] {
					sum += int(v)
				}
			}
			mean[r*bc+c] = int16(sum / (high * wide))
		}
	}
	outside := floodBorder(mean, br, bc)
	lungLike := make([]bool, len(mean))
	for i, v := range mean {
		lungLike[i] = !outside[i] && v >= lungLowHU && v <= lungHighHU
	}
	body, lung, tissue := 0, 0, 0
	for r := 2; r < br-2; r++ {
		for c := 2; c < bc-2; c++ {
			i := r*bc + c
			if outside[i] {
				continue
			}
			body++
			if mean[i] > tissueHU {
				tissue++
			}
			// A block at the edge of the body is a mixture and looks like lung: only
			// blocks among their like count.
			if lungLike[i] && around(lungLike, i, bc) >= lungAround {
				lung++
			}
		}
	}
	if body < br*bc/100 {
		return 0 // nothing but table and air
	}
	if float64(tissue) < leastTissue*float64(body) {
		return 0
	}
	return float64(lung) / float64(body)
}

func blockSide(mm float64) int { return max(1, int(math.Round(chestBlock/mm))) }

// around counts the blocks that are set among those up to two away from block i.
func around(set []bool, i, columns int) int {
	n := 0
	for _, r := range []int{i - 2*columns, i - columns, i, i + columns, i + 2*columns} {
		for _, v := range set[r-2 : r+3] {
			if v {
				n++
			}
		}
	}
	return n
}

// floodBorder marks the blocks below outsideHU that are connected to the border
// through such blocks.
func floodBorder(mean []int16, rows, columns int) []bool {
	outside := make([]bool, len(mean))
	var stack []int
	push := func(i int) {
		if !outside[i] && mean[i] < outsideHU {
			outside[i] = true
			stack = append(stack, i)
		}
	}
	for c := range columns {
		push(c)
		push((rows-1)*columns + c)
	}
	for r := range rows {
		push(r * columns)
		push(r*columns + columns - 1)
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		r, c := i/columns, i%columns
		if r > 0 {
			push(i - columns)
		}
		if r < rows-1 {
			push(i + columns)
		}
		if c > 0 {
			push(i - 1)
		}
		if c < columns-1 {
			push(i + 1)
		}
	}
	return outside
}
