package cascade

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"jcsnode/guard"
	"jcsnode/pipeline/ct"
)

// Stages that progress reports.
const (
	StageClassify = "classify"
	StageSegment  = "segment"
)

// Progress is told after each slice how far a stage has come, one call at a time.
type Progress func(stage string, done, total int)

// run shows slices of a volume to a network.
type run struct {
	volume   *ct.Volume
	set      Settings
	canvas   canvas
	pictures sync.Pool // *[]float32 of the canvas' size
}

func newRun(v *ct.Volume, set Settings) (*run, error) {
	if err := set.check(); err != nil {
		return nil, fmt.Errorf("cascade settings: %w", err)
	}
	if len(v.Slices) == 0 {
		return nil, fmt.Errorf("cascade: the volume has no slices")
	}
	r := runOf(v.View, v.Rows, v.Columns, v.RowSpacing, v.ColumnSpacing, set)
	r.volume = v
	return r, nil
}

// runOf is for slices of no volume yet.
func runOf(view ct.View, rows, columns int, rowSpacing, columnSpacing float64, set Settings) *run {
	r := &run{set: set, canvas: newCanvas(view, rows, columns, rowSpacing, columnSpacing)}
	r.pictures.New = func() any {
		p := make([]float32, r.canvas.height*r.canvas.width)
		return &p
	}
	return r
}

// drawn calls work with the picture of a slice, which lasts as long as the call.
func (r *run) drawn(hu []int16, work func(picture []float32) error) error {
	picture := r.pictures.Get().(*[]float32)
	defer r.pictures.Put(picture)
	r.canvas.draw(*picture, hu)
	return work(*picture)
}

// each calls work for the slices, Workers at a time, until one fails. done is called after each, one call at a time.
func (r *run) each(parent context.Context, stage string, slices []int, work func(ctx context.Context, slice int) error, done func()) error {
	g, ctx := errgroup.WithContext(parent)
	g.SetLimit(max(1, r.set.Workers))
	var mu sync.Mutex
	for _, i := range slices {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := guard.Call(func() error { return work(ctx, i) }); err != nil {
				return fmt.Errorf("%s slice %d of %d: %w", stage, i+1, len(r.volume.Slices), err)
			}
			mu.Lock()
			defer mu.Unlock()
			done()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return parent.Err() // the loop may have ended early by the caller's context alone
}
