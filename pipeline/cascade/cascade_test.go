package cascade

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"jcsnode/pipeline/ct"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// volume has n slices of 4 x 4 pixels, step mm apart, with -700 HU everywhere.
func volume(n int, step float64) *ct.Volume {
	v := &ct.Volume{Rows: 4, Columns: 4, RowSpacing: 2, ColumnSpacing: 2, SliceSpacing: step}
	for i := range n {
		hu := make([]int16, 16)
		for k := range hu {
			hu[k] = -700
		}
		v.Slices = append(v.Slices, ct.Slice{HU: hu, Position: float64(i) * step, Extent: step})
		hu[0] = int16(i) // tells the fake networks which slice it is
	}
	return v
}

// networks are fakes: slices below positive are positive, the two pixels 5 and 6
// are lesion. They count what they see.
type networks struct {
	positive int
	fail     error
	// probability tells of each slice, instead of positive
	probability func(slice int) float32
	distance    func(slice int) float32
	classify    func(slice int)
	mu          sync.Mutex
	segmented   []int
	now, most   atomic.Int32
}

func (n *networks) enter() func() {
	at := n.now.Add(1)
	for {
		m := n.most.Load()
		if at <= m || n.most.CompareAndSwap(m, at) {
			break
		}
	}
	return func() { n.now.Add(-1) }
}

func (n *networks) Classify(_ context.Context, hu []float32, rows, columns int) (Classification, error) {
	defer n.enter()()
	slice := int(hu[0])
	if n.classify != nil {
		n.classify(slice)
	}
	if n.fail != nil {
		return Classification{}, n.fail
	}
	p := float32(0.1)
	if slice < n.positive {
		p = 0.9
	}
	if n.probability != nil {
		p = n.probability(slice)
	}
	said := Classification{Probability: p, Activation: []float32{0, 1, 2, 3}, Rows: 2, Columns: 2}
	if n.distance != nil {
		said.Distance = n.distance(slice)
	}
	return said, nil
}

func (n *networks) Segment(_ context.Context, hu []float32, rows, columns int) ([]float32, error) {
	defer n.enter()()
	n.mu.Lock()
	n.segmented = append(n.segmented, int(hu[0]))
	n.mu.Unlock()
	p := make([]float32, rows*columns)
	p[5], p[6] = 0.5, 0.8
	return p, nil
}

// diagnose is the whole cascade, without lungs.
func diagnose(ctx context.Context, v *ct.Volume, c Classifier, s Segmenter, set Settings, progress Progress) (*Findings, error) {
	f, err := Classify(ctx, v, c, set, nil, progress)
	if err != nil {
		return nil, err
	}
	if f.Decide(v, set); f.Decision.Positive {
		err = f.Segment(ctx, v, s, set, nil, progress)
	}
	return f, err
}

func TestCascade_DecidesByTheRuleThatIsOn(t *testing.T) {
	tests := []struct {
		name           string
		slices, marked int
		step           float64
		mm             float64 // ThresholdMM
		want           bool
		rule           string
		text           string
	}{
		{"paper: 25 slices are not more than 25", 100, 25, 1, 0, false, RuleCount, "negative: 25 of 100"},
		{"paper: 26 slices are", 100, 26, 1, 0, true, RuleCount, "positive: 26 of 100"},
		{"paper's rule on thick slices", 60, 20, 5, 0, false, RuleCount, "more than 25 slices"},
		{"at 1 mm the length is the count: 25", 100, 25, 1, 25, false, RuleLength, "agrees"},
		{"at 1 mm the length is the count: 26", 100, 26, 1, 25, true, RuleLength, "agrees"},
		{"5 slices of 5 mm", 60, 5, 5, 25, false, RuleLength, "agrees"},
		{"6 slices of 5 mm", 60, 6, 5, 25, true, RuleLength, "would say negative"},
		{"4 slices of 8 mm", 40, 4, 8, 25, true, RuleLength, "32.0 of 320.0 mm"},
		{"10 thin slices", 600, 10, 0.5, 25, false, RuleLength, "agrees"},
		{"50 thin slices are still 25 mm", 600, 50, 0.5, 25, false, RuleLength, "would say positive"},
		{"51 thin slices", 600, 51, 0.5, 25, true, RuleLength, "agrees"},
		{"decimals add up", 100, 25, 0.1, 2.5, false, RuleLength, "agrees"},
		{"none", 10, 0, 1, 25, false, RuleLength, "0 of 10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := usual()
			set.ThresholdMM = tt.mm
			n := &networks{positive: tt.marked}
			f, err := diagnose(context.Background(), volume(tt.slices, tt.step), n, n, set, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := f.Decision
			if d.Positive != tt.want || d.Rule != tt.rule || d.PositiveSlices != tt.marked || !strings.Contains(d.Text, tt.text) {
				t.Errorf("decision %+v, want positive %v by %s with %d slices and %q in the text", d, tt.want, tt.rule, tt.marked, tt.text)
			}
			if got := len(n.segmented) > 0; got != tt.want {
				t.Errorf("segmented %d slices, want some: %v", len(n.segmented), tt.want)
			}
		})
	}
}

// Positive slices above or below the lungs decide nothing, and are told of.
func TestCascade_CountsSlicesOfTheLungsOnly(t *testing.T) {
	for _, c := range []struct {
		off  int // slices below the lungs; 8 of 5 mm are positive
		want bool
		text string
	}{
		{0, true, "positive: 8 of 60 slices are positive, 40.0 of 300.0 mm; rule"},
		{2, true, "positive: 6 of 60 slices are positive, 30.0 of 300.0 mm, " +
			"without 2 more above or below the lungs (10.0 mm), which do not count; rule"},
		{3, false, "negative: 5 of 60 slices"},
		{60, false, "negative: 0 of 60 slices"},
	} {
		v := volume(60, 5)
		for i := range c.off {
			v.Slices[i].BeyondLungs = true
		}
		n := &networks{positive: 8}
		f, err := diagnose(context.Background(), v, n, n, usual(), nil)
		if err != nil {
			t.Fatal(err)
		}
		off := min(c.off, 8)
		d := f.Decision
		if d.Positive != c.want || !strings.HasPrefix(d.Text, c.text) || d.PositiveSlices != 8-off ||
			d.UncountedSlices != off || d.UncountedMM != float64(5*off) {
			t.Errorf("%d slices below the lungs: %+v, want positive %v, %q", c.off, d, c.want, c.text)
		}
	}
}

func TestCascade_SegmentsAllOrNear(t *testing.T) {
	tests := []struct {
		segment string
		near    float64
		want    int
	}{
		{SegmentAll, 0, 60},
		{SegmentNear, 0, 30},
		{SegmentNear, 4, 32},
		{SegmentNear, 5, 32},
		{SegmentNear, 1000, 60},
	}
	for _, tt := range tests {
		set := usual()
		set.Segment, set.NearMM = tt.segment, tt.near
		n := &networks{positive: 30}
		f, err := diagnose(context.Background(), volume(60, 2), n, n, set, nil)
		if err != nil {
			t.Fatal(err)
		}
		masks := 0
		for _, s := range f.Slices {
			if s.Mask != nil {
				masks++
			}
		}
		if len(n.segmented) != tt.want || masks != tt.want || f.Lesions.Segmented != tt.want {
			t.Errorf("%s within %v mm: %d segmented, %d masks, Lesions.Segmented %d, want %d",
				tt.segment, tt.near, len(n.segmented), masks, f.Lesions.Segmented, tt.want)
		}
	}
}

func TestCascade_MeasuresLesions(t *testing.T) {
	v := volume(30, 2)
	v.Slices[3].Extent = 5 // beside a gap, say
	v.Slices[3].HU[5], v.Slices[3].HU[6] = -400, -500
	n := &networks{positive: 30}
	f, err := diagnose(context.Background(), v, n, n, usual(), nil)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	// Two pixels of 4 mm2; the pixel at exactly the operating point counts.
	near("area", f.Slices[0].LesionAreaMM2, 8)
	near("volume of 2 mm", f.Slices[0].LesionVolumeML, 0.016)
	near("volume of 5 mm", f.Slices[3].LesionVolumeML, 0.040)
	near("mean HU of slice 3", f.Slices[3].LesionMeanHU, -450)
	near("total volume", f.Lesions.VolumeML, 29*0.016+0.040)
	near("mean HU", f.Lesions.MeanHU, (29*-700+-450)/30.0)
	if f.Lesions.Slices != 30 || f.Lesions.LargestSlice != 0 {
		t.Errorf("lesions %+v, want 30 slices, the first the largest", f.Lesions)
	}
	if f.Slices[0].Activation == nil || f.Slices[0].LesionPixels != 2 {
		t.Errorf("slice 0: %+v, want an activation and 2 lesion pixels", f.Slices[0])
	}
}

// Masks that were made smaller are counted anew, and nothing is left of the former count.
func TestRestrict_CountsAnew(t *testing.T) {
	v := volume(30, 2)
	n := &networks{positive: 30}
	set := usual()
	set.Segment, set.NearMM = SegmentAll, 0
	f, err := diagnose(context.Background(), v, n, n, set, nil)
	if err != nil {
		t.Fatal(err)
	}
	masks := make([][]byte, len(v.Slices))
	for i := range masks {
		if i != 7 { // as if it had not been segmented
			masks[i] = make([]byte, len(f.Slices[i].Mask))
		}
	}
	masks[3][5] = 1
	v.Slices[3].HU[5] = -400
	decision := f.Decision
	f.Restrict(v, masks)
	if s := f.Slices[3]; s.LesionPixels != 1 || s.LesionAreaMM2 != 4 || s.LesionVolumeML != 0.008 || s.LesionMeanHU != -400 {
		t.Errorf("slice 3: %+v", s)
	}
	if s := f.Slices[0]; s.LesionPixels != 0 || s.LesionAreaMM2 != 0 || s.LesionVolumeML != 0 || s.LesionMeanHU != 0 || s.Mask == nil {
		t.Errorf("slice 0: %+v", s)
	}
	if want := (Lesions{Segmented: 29, Slices: 1, VolumeML: 0.008, MeanHU: -400, LargestSlice: 3, LargestAreaMM: 4}); f.Lesions != want {
		t.Errorf("lesions %+v, want %+v", f.Lesions, want)
	}
	if f.Decision != decision {
		t.Errorf("decision %+v, was %+v", f.Decision, decision)
	}
}

func TestCascade_KeepsToItsWorkers(t *testing.T) {
	n := &networks{positive: 40, classify: func(int) {
		for range 1000 {
			_ = math.Sqrt(2)
		}
	}}
	set := usual()
	set.Workers = 3
	last := map[string]int{}
	_, err := diagnose(context.Background(), volume(40, 1), n, n, set, func(stage string, done, total int) {
		if done != last[stage]+1 || total != 40 {
			t.Errorf("%s: %d of %d after %d", stage, done, total, last[stage])
		}
		last[stage] = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := n.most.Load(); m > 3 {
		t.Errorf("%d slices at a time, want at most 3", m)
	}
	if last[StageClassify] != 40 || last[StageSegment] != 40 {
		t.Errorf("progress ended at %v, want 40 and 40", last)
	}
}

func TestCascade_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := &networks{classify: func(slice int) {
		if slice == 5 {
			cancel()
		}
	}}
	f, err := diagnose(ctx, volume(1000, 1), n, n, usual(), nil)
	if !errors.Is(err, context.Canceled) || f != nil {
		t.Errorf("findings %v, error %v; want none and %v", f, err, context.Canceled)
	}
}

func TestCascade_NamesTheSliceThatFailed(t *testing.T) {
	broken := errors.New("device lost")
	n := &networks{fail: broken}
	_, err := diagnose(context.Background(), volume(3, 1), n, n, usual(), nil)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "classify slice 1 of 3") {
		t.Errorf("error %v, want %v at slice 1 of 3", err, broken)
	}
}

func TestCascade_RefusesNonsense(t *testing.T) {
	set := func(change func(*Settings)) Settings {
		s := usual()
		change(&s)
		return s
	}
	tests := []struct {
		name string
		v    *ct.Volume
		set  Settings
		want string
	}{
		{"no slices", &ct.Volume{}, usual(), "no slices"},
		{"unknown segment", volume(1, 1), set(func(s *Settings) { s.Segment = "some" }), `"some"`},
		{"negative threshold", volume(1, 1), set(func(s *Settings) { s.Threshold = -1 }), "threshold"},
		{"threshold in mm not a number", volume(1, 1), set(func(s *Settings) { s.ThresholdMM = math.NaN() }), "threshold in mm"},
		{"smoothing below 0", volume(1, 1), set(func(s *Settings) { s.SmoothMM = -1 }), "smoothing"},
		{"operating point 0", volume(1, 1), set(func(s *Settings) { s.SegmenterOperatingPoint = 0 }), "segmenter operating point"},
		{"operating point 1", volume(1, 1), set(func(s *Settings) { s.ClassifierOperatingPoint = 1 }), "classifier operating point"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := &networks{}
			if _, err := diagnose(context.Background(), tt.v, n, n, tt.set, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// broken is a network that answers outside its contract.
type broken struct {
	p       float32
	values  []float32
	segment []float32
}

func (b *broken) Classify(context.Context, []float32, int, int) (Classification, error) {
	return Classification{Probability: b.p, Activation: b.values, Rows: 2, Columns: 2}, nil
}

func (b *broken) Segment(context.Context, []float32, int, int) ([]float32, error) {
	return b.segment, nil
}

func TestCascade_DoesNotBelieveNetworks(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name string
		net  *broken
		want string
	}{
		{"probability NaN", &broken{p: nan}, "no probability"},
		{"probability 2", &broken{p: 2}, "no probability"},
		{"activation of the wrong size", &broken{p: 0.5, values: make([]float32, 3)}, "3 activation values"},
		{"mask of the wrong size", &broken{p: 0.9, segment: make([]float32, 3)}, "3 values"},
		{"mask of NaN", &broken{p: 0.9, segment: append(make([]float32, 15), nan)}, "not a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := diagnose(context.Background(), volume(30, 1), tt.net, tt.net, usual(), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
