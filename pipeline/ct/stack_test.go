package ct

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// stackOf measures the planes that the steps lead to from 0.
func stackOf(steps []float64) *stack {
	positions := []float64{0}
	for _, d := range steps {
		positions = append(positions, positions[len(positions)-1]+d)
	}
	return newStack(planes("1.1", positions...), [3]float64{0, 0, 1})
}

// equal is n steps of d mm.
func equal(d float64, n int) []float64 { return steps(d, 0, n) }

func join(lists ...[]float64) []float64 {
	var out []float64
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func TestStack_StepsThatChange(t *testing.T) {
	tests := []struct {
		name    string
		steps   []float64
		gaps    []Gap
		length  float64
		closest float64
		widest  float64
	}{
		{"8 mm above, 4 mm below", join(equal(4, 36), equal(8, 20)), nil, 36*4 + 20*8 + 6, 4, 8},
		{"more of the wider ones", join(equal(8, 36), equal(4, 5)), nil, 36*8 + 5*4 + 6, 4, 8},
		{"closer in the middle", join(equal(5, 10), equal(1, 30), equal(5, 10)), nil, 100 + 30 + 5, 1, 5},
		{"a step of its own where it changes", join(equal(4, 26), []float64{8}, equal(12, 16)), nil, 26*4 + 8 + 16*12 + 8, 4, 12},
		{"three are a spacing", join(equal(4, 20), equal(8, 3), equal(4, 20)), nil, 184 + 4, 4, 8},
		{"two are gaps", join(equal(4, 5), equal(8, 2), equal(4, 5)), []Gap{{20, 28, 1}, {28, 36, 1}}, 13 * 4, 4, 4},
		{"one gap in the closer part, one in the wider",
			join(equal(4, 5), []float64{12}, equal(4, 5), equal(8, 5), []float64{24}, equal(8, 5)),
			[]Gap{{20, 32, 2}, {92, 116, 2}}, 10*4 + 10*8 + 3*2 + 3*4, 4, 8},
		{"a gap near a change",
			join(equal(4, 5), []float64{8}, equal(4, 2), equal(8, 5)), []Gap{{20, 28, 1}}, 5*4 + 4 + 2*4 + 5*8 + 2 + 4, 4, 8},
		{"a gap where it changes", join(equal(4, 5), []float64{40}, equal(8, 5)), []Gap{{20, 60, 4}}, 6*4 + 6*8, 4, 8},
		{"two different gaps beside each other", join(equal(2, 5), []float64{6, 4}, equal(2, 5)),
			[]Gap{{10, 16, 2}, {16, 20, 1}}, 13 * 2, 2, 2},
		{"a gap beside the first plane", join([]float64{10}, equal(5, 6)), []Gap{{0, 10, 1}}, 40, 5, 5},
		{"single pictures beside a scan", join(equal(4, 20), equal(30, 3)), []Gap{{80, 110, 7}, {110, 140, 7}, {140, 170, 7}}, 96, 4, 4},
		{"single pictures only", equal(30, 5), nil, 180, 30, 30},
		{"every third missing", []float64{4, 8, 4, 8, 4}, []Gap{{4, 12, 1}, {16, 24, 1}}, 24, 4, 4},
		{"two steps", []float64{4, 5}, nil, 13.5, 4.5, 4.5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := stackOf(tt.steps)
			approx := cmpopts.EquateApprox(0, 1e-9)
			d := cmp.Diff([]any{tt.gaps, tt.length, tt.closest, tt.widest}, []any{s.gaps, s.length(), s.closest, s.widest}, approx)
			if d != "" {
				t.Errorf("gaps, length, closest and widest step (-want +got):\n%s", d)
			}
			notes := strings.Join(s.notes([3]float64{0, 0, 1}), "\n")
			if got := strings.Contains(notes, "changes on the way"); got != (tt.closest < tt.widest) {
				t.Errorf("notes %q, of steps from %v to %v mm", notes, tt.closest, tt.widest)
			}
		})
	}
}

func TestStack_EachPlaneStandsForHalfTheWayToItsNeighbours(t *testing.T) {
	s := stackOf(join(equal(4, 3), equal(8, 3), []float64{20}, equal(8, 3)))
	want := []float64{4, 4, 4, 6, 8, 8, 8, 8, 8, 8, 8}
	if d := cmp.Diff(want, s.extents, cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Errorf("extents (-want +got):\n%s", d)
	}
	name := nameOf(&Series{Headers: s.headers, Spacing: s.spacing, closest: s.closest, widest: s.widest})
	if !strings.Contains(name, "11 slices every 4 to 8 mm") {
		t.Errorf("name %q", name)
	}
}

func TestVolume_EvenSpacing(t *testing.T) {
	tests := []struct {
		name  string
		steps []float64
		want  float64
	}{
		{"even", equal(2.5, 6), 2.5},
		{"with a gap", join(equal(2.5, 6), []float64{7.5}, equal(2.5, 6)), 2.5},
		{"rounded to 0.1 mm", []float64{0.6, 0.6, 0.7, 0.6}, 0.625},
		{"jitter of one in fifty", []float64{5, 5.1, 4.9, 5}, 5},
		{"uneven", []float64{2, 2.4, 2, 2.4}, 0},
		{"changes on the way", join(equal(4, 6), equal(8, 6)), 0},
		{"one other step", join(equal(4, 6), []float64{5.5}, equal(4, 6)), 0},
		{"one plane", nil, 0},
	}
	for _, tt := range tests {
		st := stackOf(tt.steps)
		v := Volume{SliceSpacing: st.spacing}
		for i := range st.positions {
			v.Slices = append(v.Slices, Slice{Position: st.positions[i], AfterGap: st.afterGap[i]})
		}
		if got := v.EvenSpacing(); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v mm, want %v", tt.name, got, tt.want)
		}
	}
}

// Whatever the positions, the planes stand for all of the way between them but for the gaps, and for no more than half a step beyond.
func TestStack_ExtentsCoverWhatIsNoGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]float64{1, 2, 4, 8}), rapid.Float64Range(0.1, 40)), 1, 30).Draw(t, "steps")
		s := stackOf(steps)
		between, widest, open := 0.0, 0.0, 2
		for i, d := range steps {
			if s.afterGap[i+1] {
				open += 2
				continue
			}
			between, widest = between+d, math.Max(widest, d)
		}
		if beyond := s.length() - between; beyond < 1e-9 || beyond > float64(open)*widest/2+1e-9 {
			t.Fatalf("planes at %v stand for %v, %v mm beyond the steps that are no gap, at %d open ends",
				s.positions, s.extents, beyond, open)
		}
		for i, e := range s.extents {
			var half float64
			inner := i > 0 && i < len(steps)
			if i > 0 && !s.afterGap[i] {
				half += steps[i-1] / 2
			}
			if i < len(steps) && !s.afterGap[i+1] {
				half += steps[i] / 2
			}
			inner = inner && !s.afterGap[i] && !s.afterGap[i+1]
			if e < half-1e-9 || inner && e > half+1e-9 || e <= 0 {
				t.Fatalf("plane %d of %v stands for %v mm, half the way to its neighbours is %v", i, s.positions, e, half)
			}
		}
	})
}

func TestStack_NoGapWhereStepsAreLocallyConstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []float64
		for range rapid.IntRange(1, 5).Draw(t, "zones") {
			step := rapid.Float64Range(0.3, 10).Draw(t, "step")
			for range rapid.IntRange(leastZone, 12).Draw(t, "steps") {
				all = append(all, step*rapid.Float64Range(0.95, 1.05).Draw(t, "jitter"))
			}
		}
		if s := stackOf(all); len(s.gaps) > 0 {
			t.Fatalf("steps %v have gaps %v", all, s.gaps)
		}
	})
}
