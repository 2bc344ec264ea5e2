package cascade

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"jcsnode/pipeline/ct"
)

// header is that of the slices of volume.
func header() *ct.Header {
	return &ct.Header{Rows: 4, Columns: 4, PixelSpacing: [2]float64{2, 2}, Orientation: [6]float64{1, 0, 0, 0, 1, 0}}
}

// What was classified ahead is what Classify finds, and nothing is asked twice.
func TestAhead_ClassifyTakesItsAnswers(t *testing.T) {
	set := usual()
	set.Workers = 3
	v := volume(40, 1)
	v.View = ct.ViewOf(header().Orientation)
	want, err := Classify(t.Context(), v, &networks{positive: 30}, set, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	n := &networks{positive: 30, classify: func(int) { asked.Add(1) }}
	ahead := NewAhead(t.Context(), n, set)
	defer ahead.Close()
	refused := header()
	for i := range 5 { // of a series that turns out to be no chest
		ahead.Add(refused, volume(5, 1).Slices[i].HU)
	}
	first := header()
	for i := range v.Slices[:35] { // five of the volume come without having been seen
		ahead.Add(first, v.Slices[i].HU)
	}
	got, err := Classify(t.Context(), v, n, set, ahead, nil)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v; the findings differ from those without: %v", err, !reflect.DeepEqual(got, want))
	}
	if a := asked.Load(); a < 40 || a > 45 {
		t.Errorf("%d slices were asked about, want 40 and no more than the 5 of the refused series", a)
	}
	if m := n.most.Load(); m > 6 { // its workers, and those of Classify
		t.Errorf("%d slices at a time", m)
	}
}

func TestAhead_Failures(t *testing.T) {
	v := volume(3, 1)
	v.View = ct.ViewOf(header().Orientation)
	lost := errors.New("device lost")
	n := &networks{fail: lost}
	ahead := NewAhead(t.Context(), n, usual())
	first := header()
	for i := range v.Slices {
		ahead.Add(first, v.Slices[i].HU)
	}
	_, err := Classify(t.Context(), v, n, usual(), ahead, nil)
	if !errors.Is(err, lost) || !strings.Contains(err.Error(), "classify slice 1 of 3") {
		t.Errorf("error %v, want %v at slice 1 of 3", err, lost)
	}
	ahead.Close()
	ahead.Add(first, v.Slices[0].HU) // too late, and of no consequence
	if _, err := Classify(t.Context(), v, &networks{}, usual(), ahead, nil); err != nil {
		t.Errorf("closed: %v", err)
	}

	// One that is closed, or whose context ends, leaves what waits.
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{}, 1000)
	slow := &waiting{begun: begun}
	ahead = NewAhead(ctx, slow, usual())
	many := volume(1000, 1)
	for i := range many.Slices {
		ahead.Add(first, many.Slices[i].HU)
	}
	<-begun
	cancel()
	ahead.Close()
	if len(begun) > 2 {
		t.Errorf("%d slices were begun after the end", len(begun))
	}
}

// waiting is a classifier that waits for the end of its context.
type waiting struct{ begun chan struct{} }

func (w *waiting) Classify(ctx context.Context, _ []float32, _, _ int) (Classification, error) {
	w.begun <- struct{}{}
	<-ctx.Done()
	return Classification{}, ctx.Err()
}
