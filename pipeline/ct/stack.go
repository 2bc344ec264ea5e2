package ct

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

const (
	// samePlane is the distance in mm along the normal under which two slices are
	// the same plane. Positions are written with a resolution of 0.1 mm or finer,
	// and no chest CT steps by less than 0.2 mm.
	samePlane = 0.05
	// gapFactor: a step larger than this many of the steps around it lacks at least one plane.
	gapFactor = 1.5
	// leastZone equal steps in a row are a spacing of their own, as where a protocol changes it on the way. Fewer are a step or two
	// that lack planes.
	leastZone = 3
	// aboutEqual is the factor up to which two steps are the same but for rounding or jitter. Its square is less than gapFactor, so that
	// no step of a zone is a gap.
	aboutEqual = 1.22
	// singlePictures is the step in mm above which planes are pictures of their own, not a scan: high-resolution chest protocols
	// take one thin slice every 10 mm.
	singlePictures = 12.5
	// maxShift in mm is how far slices may lie beside the line of the stack unnoted.
	maxShift = 2.0
	// irregular is the relative spread of steps above which it is noted.
	irregular = 0.05
)

// Gap is a place in a stack where planes are missing.
type Gap struct {
	From, To float64 // positions in mm along the normal of the planes on both sides
	Missing  int     // planes that would fill it, by the steps beside it
}

// stack is the geometry of parallel planes, by position, each once.
type stack struct {
	headers   []Header
	positions []float64 // mm along the normal, rising
	extents   []float64
	afterGap  []bool
	spacing   float64 // mean of the steps that are no gap; 0 for a single plane
	closest   float64 // steps of the zones that are closest together and
	widest    float64 // furthest apart; spacing, where these are about equal
	gaps      []Gap
	spread    float64  // largest relative difference of a step (no gap) from spacing; 0 where that changes on the way
	repeated  []Header // further slices at a position already taken
}

// newStack sorts parallel slices by their position along the normal n, keeps
// the first of each plane in the order of headers, and measures steps and gaps.
// For a single plane the extent is its stated thickness, for want of a step.
func newStack(headers []Header, n [3]float64) *stack {
	order := make([]int, len(headers))
	at := make([]float64, len(headers))
	for i := range headers {
		order[i] = i
		at[i] = dot(headers[i].Position, n)
	}
	sort.SliceStable(order, func(a, b int) bool { return at[order[a]] < at[order[b]] })
	s := &stack{}
	// A plane is as wide as samePlane from its lowest member, and its first
	// member in the order of headers stands for it.
	for i := 0; i < len(order); {
		first, j := order[i], i+1
		for ; j < len(order) && at[order[j]]-at[order[i]] < samePlane; j++ {
			first = min(first, order[j])
		}
		for _, k := range order[i:j] {
			if k != first {
				s.repeated = append(s.repeated, headers[k])
			}
		}
		s.headers = append(s.headers, headers[first])
		s.positions = append(s.positions, at[first])
		i = j
	}
	s.measure()
	return s
}

// measuredStack measures planes that are sorted and each there once, as those of a Series are. newStack would not do: planes
// whose representatives lie closer than samePlane would be merged a second time.
func measuredStack(headers []Header, n [3]float64) *stack {
	s := &stack{headers: headers}
	for i := range headers {
		s.positions = append(s.positions, dot(headers[i].Position, n))
	}
	s.measure()
	return s
}

func (s *stack) measure() {
	n := len(s.positions)
	s.extents = make([]float64, n)
	s.afterGap = make([]bool, n)
	if n == 0 {
		return
	}
	s.afterGap[0] = true
	if n == 1 {
		s.extents[0] = s.headers[0].SliceThickness
		return
	}
	steps := make([]float64, n-1)
	for i := range steps {
		steps[i] = s.positions[i+1] - s.positions[i]
	}
	local, zones := localSteps(steps)
	var sum float64
	var count int
	for i, d := range steps {
		if lacksPlanes(d, local[i]) {
			s.afterGap[i+1] = true
			s.gaps = append(s.gaps, Gap{From: s.positions[i], To: s.positions[i+1], Missing: max(1, int(math.Round(d/local[i]))-1)})
			continue
		}
		sum += d
		count++
	}
	s.spacing = sum / float64(count)
	s.closest, s.widest = s.spacing, s.spacing
	if len(zones) > 0 {
		byStep := func(a, b zone) int { return cmp.Compare(a.step, b.step) }
		lo, hi := slices.MinFunc(zones, byStep).step, slices.MaxFunc(zones, byStep).step
		if hi > aboutEqual*lo {
			s.closest, s.widest = lo, hi
		}
	}
	// open is how far a plane reaches on a side where there is no neighbour: half the step on its other side.
	open := func(gap, other int) float64 {
		if other >= 0 && other < len(steps) && !s.afterGap[other+1] {
			return local[other] / 2
		}
		return local[gap] / 2
	}
	for i, d := range steps {
		if s.afterGap[i+1] {
			s.extents[i] += open(i, i-1)
			s.extents[i+1] += open(i, i+1)
			continue
		}
		s.extents[i] += d / 2
		s.extents[i+1] += d / 2
		if s.closest == s.widest {
			s.spread = math.Max(s.spread, math.Abs(d-s.spacing)/s.spacing)
		}
	}
	s.extents[0] += open(0, 0)
	s.extents[n-1] += open(n-2, n-2)
}

// zone is a stretch of about equal steps, those from first up to end.
type zone struct {
	first, end int
	step       float64 // mean
}

// localSteps returns for each of the steps the one that is to be expected where it lies, and the zones. A step is expected to be as
// those of the nearest zone are, of two as near that with the larger ones: what joins two zones is no gap. Without any zone all are
// expected to be alike. In a zone it is the mean, so that jitter does not count; any other step that is no gap stands for itself.
func localSteps(steps []float64) ([]float64, []zone) {
	sorted := slices.Sorted(slices.Values(steps))
	usual := sorted[(len(sorted)-1)/2] // the lower median: a gap among two steps stays a gap
	zones := zonesOf(steps)
	if usual <= singlePictures {
		zones = slices.DeleteFunc(zones, func(z zone) bool { return z.step > singlePictures })
	}
	local := make([]float64, len(steps))
	k := 0 // the first zone that ends behind the step
	for i, d := range steps {
		for k < len(zones) && zones[k].end <= i {
			k++
		}
		if k < len(zones) && zones[k].first <= i {
			local[i] = zones[k].step
			continue
		}
		expected := usual
		switch {
		case len(zones) == 0:
		case k == 0:
			expected = zones[k].step
		case k == len(zones):
			expected = zones[k-1].step
		default:
			below, above := zones[k-1], zones[k]
			switch away := (i - below.end + 1) - (above.first - i); {
			case away < 0:
				expected = below.step
			case away > 0:
				expected = above.step
			default:
				expected = max(below.step, above.step)
			}
		}
		local[i] = d
		if lacksPlanes(d, expected) {
			local[i] = expected
		}
	}
	return local, zones
}

func lacksPlanes(step, local float64) bool { return step > gapFactor*local }

// zonesOf finds the stretches of at least leastZone steps that are about equal to the first of them, each as long as it can be; those
// of steps that change by little overlap.
func zonesOf(steps []float64) []zone {
	var zones []zone
	last := 0
	for i, first := range steps {
		end := i + 1
		for end < len(steps) && max(steps[end], first) <= aboutEqual*min(steps[end], first) {
			end++
		}
		if end-i >= leastZone && end > last {
			zones = append(zones, zone{i, end, mean(steps[i:end])})
			last = end
		}
		if end == len(steps) {
			break // what starts later ends there too
		}
	}
	return zones
}

func mean(all []float64) float64 {
	var sum float64
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}

// length is the length of patient that the planes stand for, in mm.
func (s *stack) length() float64 {
	var mm float64
	for _, e := range s.extents {
		mm += e
	}
	return mm
}

// shear is the angle in degrees between the normal and the line along which the
// positions step, 0 for a stack without tilt.
func (s *stack) shear(n [3]float64) float64 {
	if len(s.headers) < 2 {
		return 0
	}
	a, b := s.headers[0].Position, s.headers[len(s.headers)-1].Position
	d := unit([3]float64{b[0] - a[0], b[1] - a[1], b[2] - a[2]})
	return math.Acos(math.Min(1, math.Abs(dot(d, n)))) * 180 / math.Pi
}

// shift is the largest distance in mm, within the plane, of a slice from the
// straight line through the first and the last.
func (s *stack) shift(n [3]float64) float64 {
	last := len(s.headers) - 1
	if last < 2 {
		return 0
	}
	a, b := s.headers[0].Position, s.headers[last].Position
	var most float64
	for i := range s.headers {
		t := (s.positions[i] - s.positions[0]) / (s.positions[last] - s.positions[0])
		var d [3]float64
		for k := range d {
			d[k] = s.headers[i].Position[k] - a[k] - t*(b[k]-a[k])
		}
		along := dot(d, n)
		for k := range d {
			d[k] -= along * n[k]
		}
		most = math.Max(most, norm(d))
	}
	return most
}

// gapNotes describes the places where planes are missing.
func (s *stack) gapNotes() []string {
	var out []string
	for _, g := range s.gaps {
		out = append(out,
			fmt.Sprintf("gap of %.1f mm between positions %.1f and %.1f: about %d missing; no plane and no length is assumed there",
				g.To-g.From, g.From, g.To, g.Missing))
	}
	return out
}

// notes describes what else is unusual about the stack.
func (s *stack) notes(n [3]float64) []string {
	var out []string
	if len(s.repeated) > 0 {
		out = append(out,
			fmt.Sprintf("%d more slices at positions already taken were left out; each position is used once", len(s.repeated)))
	}
	if s.closest < s.widest {
		out = append(out,
			fmt.Sprintf("the distance of planes changes on the way, between %.2f and %.2f mm; lengths are measured slice by slice",
				s.closest, s.widest))
	}
	if s.spread > irregular {
		out = append(out,
			fmt.Sprintf("steps between planes differ by up to %.0f %% from their mean of %.2f mm; lengths are measured slice by slice",
				100*s.spread, s.spacing))
	}
	if mm := s.shift(n); mm > maxShift {
		out = append(out, fmt.Sprintf(
			"slices are shifted against each other in their plane by up to %.1f mm; each result keeps the place of its own slice", mm))
	}
	if a := s.shear(n); a > 1 {
		out = append(out,
			fmt.Sprintf("tilted gantry: planes step at %.1f degrees to their normal; distances are measured along the normal", a))
	}
	return out
}

// tooFewToTell says how sparse planes are in which no chest was recognized; "" if they are as those of a scan. Single pictures of a chest
// show too little lung by chance.
func tooFewToTell(planes []Slice, n [3]float64) string {
	closest, widest := math.Inf(1), 0.0
	for i := 1; i < len(planes); i++ {
		d := dot(planes[i].Header.Position, n) - dot(planes[i-1].Header.Position, n)
		closest, widest = math.Min(closest, d), math.Max(widest, d)
	}
	n1 := len(planes) - 1
	switch {
	case n1 < 1 ||
		n1+1 >= leastPlanes && (dot(planes[n1].Header.Position, n)-dot(planes[0].Header.Position, n))/float64(n1) <= singlePictures:
		return ""
	case widest < aboutEqual*closest:
		return fmt.Sprintf("%d slices, %.3g mm apart, are too few to judge", len(planes), widest)
	}
	return fmt.Sprintf("%d slices, %.3g to %.3g mm apart, are too few to judge", len(planes), closest, widest)
}
