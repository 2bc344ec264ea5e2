package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"jcsnode/pipeline/cascade"
	"jcsnode/pipeline/ct"
	"jcsnode/pipeline/lung"
)

// drawn is a segmenter that outlines what was drawn. The first pixel of a slice tells which it is.
type drawn struct {
	masks [][]byte
	mu    sync.Mutex
	asked map[int]bool
}

func (d *drawn) Segment(_ context.Context, hu []float32, _, _ int) ([]float32, error) {
	i := int(hu[0])
	d.mu.Lock()
	d.asked[i] = true
	d.mu.Unlock()
	out := make([]float32, len(hu))
	for k, v := range d.masks[i] {
		out[k] = float32(v)
	}
	return out, nil
}

// Whatever lungs and lesions look like, slices without lung change nothing of the lesions that stay: those that are not asked about hold
// none, and those into which a lesion goes on are asked about.
func TestSegment_WithoutLungsNothingIsLost(t *testing.T) {
	const side = 6
	rng := rand.New(rand.NewPCG(5, 6))
	passedOver, wentOn := 0, 0
	for round := range 400 {
		n := 4 + rng.IntN(12)
		v := &ct.Volume{Rows: side, Columns: side, RowSpacing: 1, ColumnSpacing: 1}
		found := &cascade.Findings{}
		d := &drawn{}
		x := &Examination{Volume: v}
		from := rng.IntN(n)
		to := from + rng.IntN(n-from+1) // lungs lie in a part of the stack, perhaps in none
		density := rng.Float64() * 0.6
		for i := range n {
			hu := make([]int16, side*side)
			hu[0] = int16(i)
			v.Slices = append(v.Slices, ct.Slice{HU: hu, Position: float64(i), Extent: 1, AfterGap: i > 0 && rng.IntN(8) == 0})
			found.Slices = append(found.Slices, cascade.SliceFinding{Positive: rng.IntN(3) == 0})
			mask, lungs := make([]byte, side*side), make([]byte, side*side)
			for k := range mask {
				if rng.Float64() < density {
					mask[k] = 1
				}
				if i >= from && i < to && rng.IntN(2) == 0 {
					lungs[k] = lung.Right + byte(k%side/(side/2))
				}
			}
			d.masks, x.Lungs = append(d.masks, mask), append(x.Lungs, lungs)
		}
		set := usual()
		set.Workers = 3
		if rng.IntN(2) == 0 {
			set.Segment, set.NearMM = cascade.SegmentNear, float64(rng.IntN(3))
		}
		segmented := func(lungs []bool) ([][]byte, *cascade.Findings) {
			f := &cascade.Findings{Slices: append([]cascade.SliceFinding(nil), found.Slices...)}
			d.asked = map[int]bool{}
			if err := f.Segment(t.Context(), v, d, set, lungs, nil); err != nil {
				t.Fatal(err)
			}
			masks := make([][]byte, n)
			for i := range masks {
				masks[i] = f.Slices[i].Mask
			}
			kept, _, err := lung.Select(masks, x.Lungs, gridOf(v), lung.Rule{InLungs: true})
			if err != nil {
				t.Fatal(err)
			}
			return kept, f
		}
		all, _ := segmented(nil)
		show := x.showLung()
		some, f := segmented(show)
		name := fmt.Sprintf("round %d: %d slices, lungs in %d..%d", round, n, from, to)
		if !reflect.DeepEqual(some, all) {
			t.Fatalf("%s: other lesions are left than when every slice is segmented", name)
		}
		for i := range n {
			if f.Slices[i].PassedOver && (d.asked[i] || show[i]) {
				t.Errorf("%s: slice %d counts as passed over, asked %v, lung %v", name, i, d.asked[i], show[i])
			}
			if f.Slices[i].PassedOver {
				passedOver++
			} else if d.asked[i] && from < to && !show[i] {
				wentOn++
			}
		}
		if got := f.Lesions.Segmented; got != len(d.asked) {
			t.Errorf("%s: %d segmented, %d asked about", name, got, len(d.asked))
		}
	}
	if passedOver == 0 || wentOn == 0 {
		t.Errorf("%d slices passed over, lesions went on into %d: the test shows nothing", passedOver, wentOn)
	}
}

// Where the site wants the paper's outlines, and where no lung was found, every slice is segmented.
func TestSegment_AllWhereNothingMayBePassedOver(t *testing.T) {
	v := &ct.Volume{Rows: 1, Columns: 1, RowSpacing: 1, ColumnSpacing: 1}
	for i := range 5 {
		v.Slices = append(v.Slices, ct.Slice{HU: []int16{int16(i)}, Position: float64(i), Extent: 1})
	}
	for name, c := range map[string]struct {
		offLungs string
		lungs    []bool
		asked    int
	}{
		"drop":          {cascade.OffLungsDrop, []bool{false, true, false, false, false}, 1},
		"drop, no lung": {cascade.OffLungsDrop, make([]bool, 5), 5},
		"keep":          {cascade.OffLungsKeep, []bool{false, true, false, false, false}, 5},
	} {
		d := &drawn{masks: make([][]byte, 5), asked: map[int]bool{}}
		f := &cascade.Findings{Slices: make([]cascade.SliceFinding, 5)}
		set := usual()
		set.OffLungs = c.offLungs
		if err := f.Segment(t.Context(), v, d, set, c.lungs, nil); err != nil {
			t.Fatal(err)
		}
		if len(d.asked) != c.asked || f.Lesions.Segmented != c.asked || f.Lesions.PassedOver != 5-c.asked {
			t.Errorf("%s: %d asked about, %+v", name, len(d.asked), f.Lesions)
		}
		for i := range f.Slices {
			if f.Slices[i].Mask == nil {
				t.Errorf("%s: slice %d has no mask", name, i)
			}
		}
	}
}
