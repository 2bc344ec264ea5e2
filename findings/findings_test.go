package findings

import "testing"

func TestFindings_Agrees(t *testing.T) {
	report := func(change func(*Findings)) Findings {
		r := Findings{
			State:    StateReported,
			Slices:   make([]Slice, 3),
			Decision: &Decision{Positive: true, PositiveSlices: 2},
			Volume:   &Volume{Rows: 512},
			Lesions:  &Lesions{VolumeML: 40},
			Lungs:    &Lungs{RightML: 2000, LeftML: 1800},
		}
		change(&r)
		return r
	}
	refused := func(code string) Findings { return Findings{State: StateNotProcessed, Reason: &Reason{Code: code}} }
	same := report(func(*Findings) {})
	for _, c := range []struct {
		name  string
		other Findings
		want  bool
	}{
		{"the same", same, true},
		{"last digits", report(func(r *Findings) { r.Lesions.VolumeML, r.Slices[1].Probability = 40.3, 0.01 }), true},
		{"another outline", report(func(r *Findings) { r.Lesions.VolumeML = 42 }), false},
		{"other lungs", report(func(r *Findings) { r.Lungs.LeftML = 1700 }), false},
		{"lungs cut", report(func(r *Findings) { r.Lungs.CutSlices = 4 }), false},
		{"another slice positive", report(func(r *Findings) { r.Decision.PositiveSlices = 3 }), false},
		{"another decision", report(func(r *Findings) { r.Decision.Positive, r.Lesions = false, nil }), false},
		{"other slices", report(func(r *Findings) { r.Slices = r.Slices[:2] }), false},
		{"refused", refused("not-a-chest"), false},
	} {
		if got := same.Agrees(&c.other); got != c.want || c.other.Agrees(&same) != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	one, other := refused("not-a-chest"), refused("no-axial-series")
	if !one.Agrees(&one) || one.Agrees(&other) {
		t.Error("refusals agree by their codes")
	}
}
