package alter

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Scan is a stack of slices, the patient's left at high columns and back at high rows.
type Scan struct {
	HU            [][]int16 // rows*columns each
	Rows, Columns int
	RowMM, ColMM  float64   // between rows, between columns
	Extents       []float64 // mm of patient that each slice stands for
}

// Values outside the patient.
const (
	air     = -1000
	nothing = -1024 // beyond the field of view
)

func (s Scan) clone() Scan {
	out := s
	out.HU = make([][]int16, len(s.HU))
	for z := range s.HU {
		out.HU[z] = slices.Clone(s.HU[z])
	}
	out.Extents = slices.Clone(s.Extents)
	return out
}

// drawn is the scan with f applied to every pixel of slice z at x, y mm from the middle of the picture.
func (s Scan) drawn(f func(z int, x, y float64, hu int16) int16) Scan {
	out := s.clone()
	for z := range out.HU {
		for i, v := range out.HU[z] {
			x := (float64(i%s.Columns) - float64(s.Columns-1)/2) * s.ColMM
			y := (float64(i/s.Columns) - float64(s.Rows-1)/2) * s.RowMM
			out.HU[z][i] = f(z, x, y, v)
		}
	}
	return out
}

// Shifted moves the patient in the field of view; air comes in.
func (s Scan) Shifted(xMM, yMM float64) Scan {
	dc, dr := int(math.Round(xMM/s.ColMM)), int(math.Round(yMM/s.RowMM))
	out := s.clone()
	for z := range out.HU {
		for i := range out.HU[z] {
			r, c := i/s.Columns-dr, i%s.Columns-dc
			if r < 0 || c < 0 || r >= s.Rows || c >= s.Columns {
				out.HU[z][i] = air
			} else {
				out.HU[z][i] = s.HU[z][r*s.Columns+c]
			}
		}
	}
	return out
}

// FieldOfView keeps a disc around a place, and the square around it; what lies beyond the disc was not measured.
func (s Scan) FieldOfView(diameter, xMM, yMM float64) Scan {
	rows, columns := min(s.Rows, int(diameter/s.RowMM)), min(s.Columns, int(diameter/s.ColMM))
	r0 := min(max(0, (s.Rows-rows)/2+int(yMM/s.RowMM)), s.Rows-rows)
	c0 := min(max(0, (s.Columns-columns)/2+int(xMM/s.ColMM)), s.Columns-columns)
	out := s
	out.Rows, out.Columns = rows, columns
	out.HU = make([][]int16, len(s.HU))
	for z := range s.HU {
		for r := range rows {
			out.HU[z] = append(out.HU[z], s.HU[z][(r0+r)*s.Columns+c0:(r0+r)*s.Columns+c0+columns]...)
		}
	}
	return out.Padded(nothing)
}

// Padded puts a value beyond the disc that the picture holds.
func (s Scan) Padded(hu int16) Scan {
	radius := min(float64(s.Rows)*s.RowMM, float64(s.Columns)*s.ColMM) / 2
	return s.drawn(func(_ int, x, y float64, v int16) int16 {
		if math.Hypot(x, y) > radius {
			return hu
		}
		return v
	})
}

// Matrix gives the scan so many rows and columns, or fewer, by means of what each new pixel covers.
func (s Scan) Matrix(n int) Scan {
	step := max(1, max(s.Rows, s.Columns)/n)
	out := s
	out.Rows, out.Columns, out.RowMM, out.ColMM = s.Rows/step, s.Columns/step, s.RowMM*float64(step), s.ColMM*float64(step)
	out.HU = make([][]int16, len(s.HU))
	for z := range s.HU {
		out.HU[z] = make([]int16, out.Rows*out.Columns)
		for i := range out.HU[z] {
			sum := 0
			for k := range step * step {
				sum += int(s.HU[z][(i/out.Columns*step+k/step)*s.Columns+i%out.Columns*step+k%step])
			}
			out.HU[z][i] = int16(sum / (step * step))
		}
	}
	return out
}

// Thinned keeps every n-th slice.
func (s Scan) Thinned(n int) Scan {
	out := s
	out.HU, out.Extents = nil, nil
	for z := 0; z < len(s.HU); z += n {
		out.HU, out.Extents = append(out.HU, s.HU[z]), append(out.Extents, s.Extents[z]*float64(n))
	}
	return out
}

// Noisy adds noise of that standard deviation in HU.
func (s Scan) Noisy(deviation float64) Scan {
	rng := rand.New(rand.NewPCG(1, 2))
	return s.drawn(func(_ int, _, _ float64, v int16) int16 {
		return int16(min(max(float64(v)+deviation*rng.NormFloat64(), nothing), 3071))
	})
}

// Quarter turns the slices by 90 degrees: rows become columns. Half turns them by 180 degrees.
func (s Scan) Quarter() Scan {
	out := s.clone()
	out.Rows, out.Columns, out.RowMM, out.ColMM = s.Columns, s.Rows, s.ColMM, s.RowMM
	for z := range out.HU {
		for i, v := range s.HU[z] {
			out.HU[z][i%s.Columns*out.Columns+i/s.Columns] = v
		}
	}
	return out
}

// Half turns the slices by 180 degrees.
func (s Scan) Half() Scan {
	out := s.clone()
	for z := range out.HU {
		slices.Reverse(out.HU[z])
	}
	return out
}

// Lungs moves all air-filled lung of a mask (nonzero is lung) so that it has that mean; vessels stay.
func (s Scan) Lungs(mask [][]byte, mean float64) Scan {
	const aerated = -500
	sum, n := 0.0, 0.0
	for z := range s.HU {
		for i, v := range s.HU[z] {
			if mask[z][i] != 0 && v < aerated {
				sum += float64(v)
				n++
			}
		}
	}
	out := s.clone()
	for z := range s.HU {
		for i, v := range s.HU[z] {
			if mask[z][i] != 0 && v < aerated {
				out.HU[z][i] = int16(max(float64(v)+mean-sum/max(n, 1), nothing))
			}
		}
	}
	return out
}
