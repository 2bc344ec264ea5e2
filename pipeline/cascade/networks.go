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
	r := &run{volume: v, set: set, canvas: newCanvas(v.View, v.Rows, v.Columns, v.RowSpacing, v.ColumnSpacing)}
	r.pictures.New = func() any {
		p := make([]float32, r.canvas.height*r.canvas.width)
		return &p
	}
	return r, nil
}

// each calls work with the picture of each of the slices, Workers at a time, until one fails. done, if not nil, is called after each.
func (r *run) each(parent context.Context, stage string, slices []int, work func(ctx context.Context, slice int, picture []float32) error, done func()) error {
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
			picture := r.pictures.Get().(*[]float32)
			defer r.pictures.Put(picture)
			err := guard.Call(func() error {
				r.canvas.draw(*picture, r.volume.Slices[i].HU)
				return work(ctx, i, *picture)
			})
			if err != nil {
				return fmt.Errorf("%s slice %d of %d: %w", stage, i+1, len(r.volume.Slices), err)
			}
			if done != nil {
				mu.Lock()
				defer mu.Unlock()
				done()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return parent.Err() // the loop may have ended early by the caller's context alone
}
