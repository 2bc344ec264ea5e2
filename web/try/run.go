package try

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"jcsnode/guard"
)

// sweeping is how often what is over is looked for.
const sweeping = 30 * time.Second

// Run reads one study after the other until ctx ends, and removes all that there is then.
func (d *Desk) Run(ctx context.Context) error {
	tick := time.NewTicker(sweeping)
	defer tick.Stop()
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				d.sweep()
			}
		}
	}()
	for ctx.Err() == nil {
		if s := d.next(ctx); s != nil {
			d.read(s)
			continue
		}
		select {
		case <-ctx.Done():
		case <-d.wake:
		}
	}
	<-swept
	return Clear(d.Dir)
}

// Clear removes what was tried, of a desk that does not run.
func Clear(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove what was tried: %w", err)
	}
	return nil
}

// reading is a study with the context of its reading.
type reading struct {
	*study
	ctx context.Context
}

// next takes the first study that waits; nil: none does.
func (d *Desk) next(ctx context.Context) *reading {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 {
		return nil
	}
	s := d.queue[0]
	d.queue = d.queue[1:]
	s.state = Reading
	r := &reading{study: s}
	r.ctx, s.cancel = context.WithCancel(ctx)
	return r
}

// read reads a study. Its files go when it is over, save the slices that were read; they and what was found stay until its time is over.
func (d *Desk) read(s *reading) {
	defer s.cancel()
	began := time.Now()
	var result Result
	err := guard.Call(func() (err error) {
		result, err = d.Read(s.ctx, s.in(), s.out(), func(step string, done, total int) {
			d.mu.Lock()
			defer d.mu.Unlock()
			s.steps[step] = Step{step, done, total}
		})
		return err
	})
	gone := s.ctx.Err() != nil
	var left error
	if gone || err != nil {
		left = os.RemoveAll(s.dir)
	} else {
		left = keepOnly(s.in(), result.SliceFiles)
	}
	if left != nil {
		d.Logger.Error("files of a study that was tried cannot be removed: the next start tries again", "path", s.dir, "error", left)
	}
	if gone {
		return // nobody asks for it any more
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.ended, s.state, s.result = d.Now(), Done, result
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		s.state, s.why = Failed, refusal.Text
	case err != nil:
		s.state, s.why = Failed, "The study could not be read; the log of the node says why."
		d.Logger.Error("a study that was tried could not be read", "id", s.id, "error", err)
	}
	d.Logger.Info("a study was tried", "id", s.id, "state", s.state, "took", time.Since(began).Round(time.Millisecond))
}

// keepOnly removes all files of a folder but those of the paths.
func keepOnly(dir string, paths []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, path := range paths {
		kept[path] = true
	}
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !kept[path] {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

// sweep removes the studies whose time is over.
func (d *Desk) sweep() {
	d.mu.Lock()
	var over []*study
	for _, s := range d.studies {
		if d.expired(s) {
			over = append(over, s)
		}
	}
	d.mu.Unlock()
	for _, s := range over {
		d.drop(s)
	}
}
