package ct

import "testing"

func TestViewOf(t *testing.T) {
	for orientation, want := range map[[6]float64]View{
		{1, 0, 0, 0, 1, 0}:          {},
		{-1, 0, 0, 0, -1, 0}:        {FlipRows: true, FlipColumns: true}, // prone
		{1, 0, 0, 0, -1, 0}:         {FlipRows: true},
		{-1, 0, 0, 0, 1, 0}:         {FlipColumns: true},
		{0, 1, 0, 1, 0, 0}:          {Transpose: true},
		{0, -1, 0, 1, 0, 0}:         {Transpose: true, FlipRows: true},
		{0, 1, 0, -1, 0, 0}:         {Transpose: true, FlipColumns: true},
		{0.9, 0.4, 0, -0.4, 0.9, 0}: {}, // on its side by less than half
	} {
		if got := ViewOf(orientation); got != want {
			t.Errorf("orientation %v: %+v, want %+v", orientation, got, want)
		}
	}
}
