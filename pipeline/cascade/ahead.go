package cascade

import (
	"context"
	"errors"
	"sync"

	"jcsnode/guard"
	"jcsnode/pipeline/ct"
)

// Ahead asks the classifier about slices while others are still being decoded, before it is known whether they make a volume. Classify
// takes its answers. It keeps no slices but those of the series that it heard of last.
type Ahead struct {
	classifier Classifier
	set        Settings
	ctx        context.Context
	cancel     context.CancelFunc
	working    sync.WaitGroup

	mu      sync.Mutex
	workers int        // that look for work
	run     *run       // of the series
	first   *ct.Header // of the series
	waiting [][]int16
	answers map[*int16]*answer // by the first pixel of a slice
}

// answer is ready when done is closed.
type answer struct {
	done    chan struct{}
	finding SliceFinding
	err     error
}

// NewAhead has as many slices in the classifier at a time as Classify. It must be closed.
func NewAhead(ctx context.Context, c Classifier, set Settings) *Ahead {
	a := &Ahead{classifier: c, set: set}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// Add takes a slice of the series whose first header is given, as ct.LoadBest hands them out, and does not wait. hu must stay as it is.
// The slices of another series, which was refused, are forgotten.
func (a *Ahead) Add(first *ct.Header, hu []int16) {
	if len(hu) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return
	}
	if first != a.first {
		a.first, a.waiting, a.answers = first, nil, map[*int16]*answer{}
		a.run = runOf(ct.ViewOf(first.Orientation), first.Rows, first.Columns, first.PixelSpacing[0], first.PixelSpacing[1], a.set)
	}
	a.answers[&hu[0]] = &answer{done: make(chan struct{})}
	a.waiting = append(a.waiting, hu)
	if a.workers < max(1, a.set.Workers) {
		a.workers++
		a.working.Go(a.work)
	}
}

// work answers until nothing waits.
func (a *Ahead) work() {
	for {
		a.mu.Lock()
		if len(a.waiting) == 0 || a.ctx.Err() != nil {
			a.workers--
			a.mu.Unlock()
			return
		}
		hu, r := a.waiting[0], a.run
		a.waiting = a.waiting[1:]
		to := a.answers[&hu[0]]
		a.mu.Unlock()
		to.err = guard.Call(func() error {
			return r.drawn(hu, func(picture []float32) error { return r.classify(a.ctx, a.classifier, &to.finding, picture) })
		})
		close(to.done)
	}
}

// errNotAhead says that the slice is still to be classified.
var errNotAhead = errors.New("the slice was not classified ahead")

// take waits for the answer about a slice.
func (a *Ahead) take(ctx context.Context, hu []int16) (SliceFinding, error) {
	if a == nil || len(hu) == 0 {
		return SliceFinding{}, errNotAhead
	}
	a.mu.Lock()
	known := a.answers[&hu[0]]
	a.mu.Unlock()
	if known == nil {
		return SliceFinding{}, errNotAhead
	}
	select {
	case <-known.done:
		return known.finding, known.err
	case <-ctx.Done():
		return SliceFinding{}, ctx.Err()
	case <-a.ctx.Done(): // closed, and perhaps never begun
		return SliceFinding{}, errNotAhead
	}
}

// Close forgets what waits, and waits for what is in the classifier.
func (a *Ahead) Close() {
	a.cancel()
	a.working.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.first, a.run, a.waiting, a.answers = nil, nil, nil, nil
}
