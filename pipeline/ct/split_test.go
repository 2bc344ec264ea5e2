package ct

import (
	"fmt"
	"testing"
)

// A scanner that writes the thickness as it measured it does not take several pictures of one place.
func TestSplit_Thickness(t *testing.T) {
	tests := []struct {
		name   string
		mm     []float64 // of the slices at one place, and of those at the next, in turn
		stacks int
	}{
		{"one", []float64{2, 2}, 1},
		{"a hundredth", []float64{4.99, 5, 5.01}, 1},
		{"a hundredth where tenths are rounded", []float64{1.24, 1.25, 1.26}, 1},
		{"two percent of thick slices", []float64{10, 10.15}, 1},
		{"a tenth", []float64{0.5, 0.6}, 2},
		{"thick and thin", []float64{1, 5}, 2},
		{"thick and thin, each measured", []float64{1, 5.01, 1.01, 5}, 2},
		{"absent", []float64{0, 1}, 2},
	}
	for _, tt := range tests {
		var headers []Header
		for i, mm := range tt.mm {
			headers = append(headers, change(planes("1.1", steps(0, 5, 30)...), func(h *Header) {
				h.SliceThickness = mm
				h.SOPInstanceUID += fmt.Sprint(".", i)
			})...)
		}
		if got := split(headers); len(got) != tt.stacks {
			t.Errorf("%s: %d stacks of thickness %v, want %d", tt.name, len(got), tt.mm, tt.stacks)
		}
	}
}

// Thickness that jitters, and one slice taken again, leave one stack.
func TestSelect_ThicknessJitters(t *testing.T) {
	headers := planes("1.1", append(steps(0, 4, 78), 200)...)
	for i := range headers {
		headers[i].SliceThickness = 5 + 0.01*float64(i%3)
	}
	sel := Select(headers)
	if sel.Refusal != nil || len(sel.Chosen.Headers) != 78 || len(sel.Candidates) != 1 {
		t.Fatalf("refusal %v, %d stacks, want one of 78 slices", sel.Refusal, len(sel.Candidates))
	}
}
