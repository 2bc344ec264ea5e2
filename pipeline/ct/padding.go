package ct

import "jcsnode/dataset"

const (
	// leastPadding of a picture must hold one value that begins in a corner to be padding that nobody declared; evenPadding of what
	// lies near that value must hold it exactly, and flatPadding is how far lossy compression may move the rest, in HU. Noise leaves
	// no two neighbours alike in a body that fills the corner.
	leastPadding = 0.005
	evenPadding  = 0.6
	flatPadding  = 20
	// Padding that is darker is as dark as the air that it stands for. A declared range that is wider than widePadding and ends above
	// would take tissue, too: it is a mistake.
	darkPadding = -900
	widePadding = 100
)

// Padding are the stored values that stand for no measurement, from the first to the last.
type Padding struct{ First, Last int32 }

// paddingOf reads Pixel Padding Value (0028,0120) and Pixel Padding Range Limit (0028,0121), nil if the first is absent. Their VR is
// often wrong (63536 as US for -2000), so their two bytes are read as pixels are (PS3.3 C.7.5.1.1.2).
func paddingOf(set *dataset.Set) *Padding {
	signed, _ := set.Int(dataset.PixelRepresentation)
	read := func(t dataset.Tag) (int32, bool) {
		v, err := set.Int(t)
		if err != nil {
			return 0, false
		}
		if signed == 1 {
			return int32(int16(v)), true
		}
		return int32(uint16(v)), true
	}
	value, ok := read(dataset.PixelPaddingValue)
	if !ok {
		return nil
	}
	limit, ok := read(dataset.PixelPaddingRangeLimit)
	if !ok {
		limit = value
	}
	return &Padding{min(value, limit), max(value, limit)}
}

// believed tells whether the values can be padding alone.
func (p *Padding) believed(h *Header) bool {
	return float64(p.Last-p.First)*h.Slope <= widePadding || float64(p.Last)*h.Slope+h.Intercept <= darkPadding
}

// ClearPadding puts air where a slice is padded. What is declared counts only as far as it is connected to the border of the picture:
// the value may occur in the body, too. Padding that nobody declared is known by its corners.
func ClearPadding(hu []int16, stored []int32, h *Header) {
	if p := h.Padding; p != nil && p.believed(h) {
		padded := func(i int) bool { return stored[i] >= p.First && stored[i] <= p.Last }
		for _, i := range connected(h.Rows, h.Columns, border(h.Rows, h.Columns), padded) {
			hu[i] = AirHU
		}
	}
	if h.Unit != "" {
		return // what looks like no air may be air on another scale: the pixels must show first what they are
	}
	last := len(hu) - 1
	for _, corner := range []int{0, h.Columns - 1, last - h.Columns + 1, last} {
		value := hu[corner]
		if value <= darkPadding {
			continue
		}
		even := 0
		flat := connected(h.Rows, h.Columns, []int{corner}, func(i int) bool { return max(hu[i]-value, value-hu[i]) <= flatPadding })
		for _, i := range flat {
			if hu[i] == value {
				even++
			}
		}
		if float64(len(flat)) >= leastPadding*float64(len(hu)) && float64(even) >= evenPadding*float64(len(flat)) {
			for _, i := range flat {
				hu[i] = AirHU
			}
		}
	}
}

// border are the pixels at the edges of a picture.
func border(rows, columns int) []int {
	var out []int
	for c := range columns {
		out = append(out, c, (rows-1)*columns+c)
	}
	for r := range rows {
		out = append(out, r*columns, (r+1)*columns-1)
	}
	return out
}

// connected are the pixels that can be reached from the given ones by side, through such as belong.
func connected(rows, columns int, from []int, belongs func(i int) bool) []int {
	var out []int
	seen := make([]bool, rows*columns)
	push := func(i int) {
		if !seen[i] && belongs(i) {
			seen[i] = true
			out = append(out, i)
		}
	}
	for _, i := range from {
		push(i)
	}
	for k := 0; k < len(out); k++ {
		i := out[k]
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
	return out
}
