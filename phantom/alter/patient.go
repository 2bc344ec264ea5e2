package alter

import (
	"math"
	"math/rand/v2"
)

// Patient is a scan of which only the patient is left, in air: no table, clothes and blankets.
type Patient struct {
	Scan
	in   [][]bool // what belongs to the patient
	back float64  // where the patient lies: mm from the middle of the picture, the lowest of all slices
}

// Patient takes everything but the patient out of a scan: in each slice the largest piece of tissue, without what is thinner than 12 mm,
// and all that it encloses.
func (s Scan) Patient() Patient {
	p := Patient{Scan: s.clone(), in: s.patient()}
	rng := rand.New(rand.NewPCG(3, 4))
	last := 0
	for z := range p.in {
		for i, v := range p.in[z] {
			if v {
				last = max(last, i/s.Columns)
			} else {
				p.HU[z][i] = int16(air + 8*rng.NormFloat64())
			}
		}
	}
	p.back = (float64(last) - float64(s.Rows-1)/2) * s.RowMM
	return p
}

func (s Scan) patient() [][]bool {
	const tissue, thin = -250, 12.0
	out := make([][]bool, len(s.HU))
	high, wide := int(thin/2/s.RowMM), int(thin/2/s.ColMM)
	for z, hu := range s.HU {
		set := make([]bool, len(hu))
		for i, v := range hu {
			set[i] = v > tissue
		}
		// Everything that can be reached from the border through less than tissue is outside; then what is thin goes.
		outside := s.flood(func(i int) bool { return !set[i] })
		in := make([]bool, len(hu))
		for i := range in {
			in[i] = !outside[i]
		}
		in = s.grow(in, high, wide, false)
		out[z] = s.grow(s.largest(in), high, wide, true)
	}
	return out
}

// flood marks what is connected to the border through pixels that are open.
func (s Scan) flood(open func(i int) bool) []bool {
	seen := make([]bool, s.Rows*s.Columns)
	var queue []int
	push := func(r, c int) {
		if r < 0 || c < 0 || r >= s.Rows || c >= s.Columns {
			return
		}
		if i := r*s.Columns + c; !seen[i] && open(i) {
			seen[i] = true
			queue = append(queue, i)
		}
	}
	for r := range s.Rows {
		for c := range s.Columns {
			if r == 0 || c == 0 || r == s.Rows-1 || c == s.Columns-1 {
				push(r, c)
			}
		}
	}
	for k := 0; k < len(queue); k++ {
		r, c := queue[k]/s.Columns, queue[k]%s.Columns
		push(r-1, c)
		push(r+1, c)
		push(r, c-1)
		push(r, c+1)
	}
	return seen
}

// grow dilates a set by a rectangle, or erodes it.
func (s Scan) grow(set []bool, high, wide int, dilate bool) []bool {
	pass := func(in []bool, count, length, stride, step, reach int) []bool {
		out := make([]bool, len(in))
		for k := range count {
			last := -1 << 30 // the last pixel that decides
			for i := range length {
				if in[k*stride+i*step] == dilate {
					last = i
				}
				if i-last <= reach {
					out[k*stride+i*step] = true
				}
			}
			last = 1 << 30
			for i := length - 1; i >= 0; i-- {
				if in[k*stride+i*step] == dilate {
					last = i
				}
				if last-i <= reach {
					out[k*stride+i*step] = true
				}
			}
		}
		if !dilate {
			for i := range out {
				out[i] = !out[i]
			}
		}
		return out
	}
	return pass(pass(set, s.Rows, s.Columns, s.Columns, 1, wide), s.Columns, s.Rows, 1, s.Columns, high)
}

// largest keeps the largest piece of a set.
func (s Scan) largest(set []bool) []bool {
	label, best, size := make([]int, len(set)), 0, 0
	n := 0
	for i := range set {
		if !set[i] || label[i] != 0 {
			continue
		}
		n++
		label[i] = n
		queue := []int{i}
		for k := 0; k < len(queue); k++ {
			at := queue[k]
			for _, q := range []int{at - 1, at + 1, at - s.Columns, at + s.Columns} {
				if q >= 0 && q < len(set) && set[q] && label[q] == 0 {
					label[q] = n
					queue = append(queue, q)
				}
			}
		}
		if len(queue) > size {
			best, size = n, len(queue)
		}
	}
	out := make([]bool, len(set))
	for i := range out {
		out[i] = label[i] == best && best > 0
	}
	return out
}

// ArmsDown lays arms of fat, muscle and bone beside the patient, where they touch.
func (s Patient) ArmsDown() Scan {
	in, back := s.in, s.back
	left, right := make([]float64, len(in)), make([]float64, len(in))
	for z := range in {
		left[z], right[z] = math.Inf(1), math.Inf(-1)
		for i, v := range in[z] {
			if v {
				x := (float64(i%s.Columns) - float64(s.Columns-1)/2) * s.ColMM
				left[z], right[z] = min(left[z], x), max(right[z], x)
			}
		}
	}
	const wide, high = 38.0, 48.0
	return s.drawn(func(z int, x, y float64, v int16) int16 {
		i := int(math.Round(y/s.RowMM+float64(s.Rows-1)/2))*s.Columns + int(math.Round(x/s.ColMM+float64(s.Columns-1)/2))
		if in[z][i] {
			return v
		}
		for _, at := range []float64{left[z] - wide + 4, right[z] + wide - 4} {
			switch d := math.Hypot((x-at)/wide, (y-back+high+6)/high); {
			case d < 0.25:
				v = 700
			case d < 0.8:
				v = 50
			case d < 1:
				v = -100
			}
		}
		return v
	})
}
