package ct

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// ordered is a header with its place in an order and along the normal.
type ordered struct {
	header  int
	key, at float64
}

func inOrder(headers []Header, n [3]float64, order func(*Header) (float64, bool)) []ordered {
	out := make([]ordered, len(headers))
	for i := range headers {
		key, ok := order(&headers[i])
		if !ok {
			return nil
		}
		out[i] = ordered{i, key, dot(headers[i].Position, n)}
	}
	slices.SortStableFunc(out, func(a, b ordered) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at)) })
	return out
}

// block is what shares a place in an order, as the slices of one rotation.
type block struct {
	headers     []Header
	key, centre float64
}

// runs parts headers where their order turns back: what is acquired goes through the patient in one direction, and begins anew with the
// next scan. nil where that is no way to part them.
func runs(headers []Header, n [3]float64, order func(*Header) (float64, bool)) [][]Header {
	var out [][]Header
	var run []block
	end := func() {
		var part []Header
		for _, b := range run {
			part = append(part, b.headers...)
		}
		out, run = append(out, part), nil
	}
	all := inOrder(headers, n, order)
	for i := 0; i < len(all) && len(out) <= mostScans; {
		next := block{key: all[i].key}
		first := i
		for ; i < len(all) && all[i].key == next.key; i++ {
			if i > first && all[i].at-all[i-1].at < samePlane {
				return nil // two slices of a plane at one place of the order
			}
			next.headers = append(next.headers, headers[all[i].header])
		}
		next.centre = (all[first].at + all[i-1].at) / 2
		if k := len(run); k > 0 {
			step := next.centre - run[k-1].centre
			switch {
			case math.Abs(step) < samePlane:
				end()
			case k > 1 && (run[k-1].centre-run[k-2].centre)*step < 0:
				// The last one may be the first of the way back: then what lies between scans lies before it.
				if last := run[k-1]; k > 2 && last.key-run[k-2].key > next.key-last.key {
					run = run[:k-1]
					end()
					run = []block{last}
				} else {
					end()
				}
			}
		}
		run = append(run, next)
	}
	if len(run) > 0 {
		end()
	}
	return inCanonicalOrder(out)
}

// ranks parts headers by their rank among those of their plane: the first picture of each plane is one scan, as where the table waits
// until all phases are taken. The scans must follow each other in the order, or each go one way through the patient. nil where that is
// no way to part them.
func ranks(headers []Header, n [3]float64, order func(*Header) (float64, bool)) [][]Header {
	if inOrder(headers, n, order) == nil {
		return nil
	}
	planes := planesOf(headers, n)
	count := map[int]int{}
	usual := 0
	for _, p := range planes {
		if count[len(p)]++; count[len(p)] > count[usual] {
			usual = len(p)
		}
	}
	if usual < 2 || usual > mostScans {
		return nil
	}
	out := make([][]Header, usual)
	keys := make([][]float64, usual)
	var beside [][]Header
	for _, p := range planes {
		if len(p) != usual {
			for _, h := range p {
				beside = append(beside, []Header{*h})
			}
			continue
		}
		p = slices.Clone(p)
		slices.SortStableFunc(p, func(a, b *Header) int {
			ka, _ := order(a)
			kb, _ := order(b)
			return cmp.Compare(ka, kb)
		})
		for i, h := range p {
			k, _ := order(h)
			if i > 0 && k == keys[i-1][len(keys[i-1])-1] {
				return nil
			}
			out[i], keys[i] = append(out[i], *h), append(keys[i], k)
		}
	}
	if !separate(keys) && slices.ContainsFunc(keys, turns) {
		return nil
	}
	return inCanonicalOrder(append(out, beside...))
}

// separate tells whether the places of each scan in an order lie before those of the next.
func separate(keys [][]float64) bool {
	for i := 1; i < len(keys); i++ {
		if slices.Max(keys[i-1]) >= slices.Min(keys[i]) {
			return false
		}
	}
	return true
}

// turns tells whether places in an order, along the patient, go more than one way.
func turns(keys []float64) bool {
	up, down := 0, 0
	for i := 1; i < len(keys); i++ {
		switch {
		case keys[i] > keys[i-1]:
			up++
		case keys[i] < keys[i-1]:
			down++
		}
	}
	return float64(min(up, down)) > mostShared*float64(len(keys))
}

func inCanonicalOrder(parts [][]Header) [][]Header {
	for _, p := range parts {
		slices.SortStableFunc(p, func(a, b Header) int {
			switch {
			case before(&a, &b):
				return -1
			case before(&b, &a):
				return 1
			}
			return 0
		})
	}
	return parts
}

// Thicknesses that differ by less, in mm or relatively, are one: some scanners write what they measured, others round.
const (
	sameThickness     = 0.1
	sameThicknessPart = 0.02
)

// byThickness groups headers of one thickness.
func byThickness(headers []Header) [][]Header {
	low := alikeValues(headers, func(h *Header) float64 { return h.SliceThickness },
		func(low, mm float64) bool { return mm-low <= max(sameThickness, sameThicknessPart*mm)-1e-6 })
	return partition(headers, func(h *Header) string { return strconv.FormatFloat(low[h.SliceThickness], 'g', -1, 64) })
}

func thicknessText(h *Header) string {
	if h.SliceThickness == 0 {
		return ""
	}
	return decimalText(h.SliceThicknessDS, []float64{h.SliceThickness})
}

// byPlace groups headers by their place within the plane, to a millimetre: reconstructions of one scan around two centres.
func byPlace(headers []Header) [][]Header {
	n := headers[0].Normal()
	near := func(low, mm float64) bool { return mm-low < 1 }
	row := headers[0].rowDirection()
	across := func(h *Header) float64 { return dot(h.Position, row) }
	down := func(h *Header) float64 { return dot(h.Position, cross(n, row)) }
	x, y := alikeValues(headers, across, near), alikeValues(headers, down, near)
	return partition(headers, func(h *Header) string {
		return strconv.FormatFloat(x[across(h)], 'g', -1, 64) + " " + strconv.FormatFloat(y[down(h)], 'g', -1, 64)
	})
}

func placeText(h *Header) string { return decimalText(h.PositionDS, h.Position[:]) }
