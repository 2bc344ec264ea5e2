package alter

import (
	"math"
	"testing"
)

// body is a slice of 100 x 100 pixels of 4 mm: an ellipse of tissue with a hollow in it, over a thin shell.
func body() Scan {
	s := Scan{Rows: 100, Columns: 100, RowMM: 4, ColMM: 4, HU: [][]int16{make([]int16, 100*100)}, Extents: []float64{5}}
	return s.drawn(func(_ int, x, y float64, _ int16) int16 {
		switch d := math.Hypot(x/150, y/100); {
		case math.Hypot(x/40, y/30) < 1:
			return -850
		case d < 1:
			return 40
		case math.Abs(y-130) < 3:
			return 300
		}
		return air
	})
}

func count(s Scan, want func(hu int16) bool) int {
	n := 0
	for _, hu := range s.HU {
		for _, v := range hu {
			if want(v) {
				n++
			}
		}
	}
	return n
}

func tissue(hu int16) bool { return hu == 40 }
func lung(hu int16) bool   { return hu == -850 }

func TestPatient(t *testing.T) {
	s := body()
	p := s.Patient()
	if n := count(p.Scan, func(hu int16) bool { return hu == 300 }); n > 0 {
		t.Errorf("%d pixels of the shell are left", n)
	}
	if got, want := count(p.Scan, tissue), count(s, tissue); got < want*97/100 || count(p.Scan, lung) != count(s, lung) {
		t.Errorf("%d pixels of tissue, want %d; %d of lung", got, want, count(p.Scan, lung))
	}
	for _, table := range Tables() {
		on := p.On(table)
		if count(on, tissue) < count(p.Scan, tissue) || count(on, lung) < count(s, lung) {
			t.Errorf("%s covers the patient", table.Name)
		}
		if n := count(on, func(hu int16) bool { return hu > -900 }) - count(p.Scan, func(hu int16) bool { return hu > -900 }); n < 30 {
			t.Errorf("%s: only %d pixels of table", table.Name, n)
		}
	}
	if n := count(p.ArmsDown(), func(hu int16) bool { return hu == 700 }); n == 0 {
		t.Error("no bone of an arm")
	}
}

func TestScan(t *testing.T) {
	s := body()
	lungs := count(s, lung)
	for name, c := range map[string]struct {
		got  Scan
		want int // pixels of lung
	}{
		"moved":               {s.Shifted(40, -20), lungs},
		"turned":              {s.Quarter(), lungs},
		"turned over":         {s.Half(), lungs},
		"seen through a disc": {s.FieldOfView(200, 0, 0), lungs},
		"padded":              {s.Padded(2000), lungs},
		"out of view":         {s.FieldOfView(60, 120, 0), 0},
	} {
		if n := count(c.got, lung); n != c.want || len(c.got.HU[0]) != c.got.Rows*c.got.Columns {
			t.Errorf("%s: %d pixels of lung, want %d", name, n, c.want)
		}
	}
	if corner := s.Padded(2000).HU[0][0]; corner != 2000 {
		t.Errorf("the corner is %d HU", corner)
	}
	if half := s.Matrix(50); half.Rows != 50 || half.RowMM != 8 || len(half.HU[0]) != 2500 {
		t.Errorf("a matrix of 50 has %d rows of %v mm", half.Rows, half.RowMM)
	}
	if thin := s.Thinned(2); len(thin.HU) != 1 || thin.Extents[0] != 10 {
		t.Errorf("%d slices of %v mm", len(thin.HU), thin.Extents)
	}
	mask := [][]byte{make([]byte, len(s.HU[0]))}
	for i, v := range s.HU[0] {
		if v == -850 {
			mask[0][i] = 1
		}
	}
	if n := count(s.Lungs(mask, -700), func(hu int16) bool { return hu == -700 }); n != lungs {
		t.Errorf("%d pixels have the new density, want %d", n, lungs)
	}
	if count(s.Noisy(50), tissue) > count(s, tissue)/20 {
		t.Error("noise leaves the tissue as it was")
	}
}
