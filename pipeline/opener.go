package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"jcsnode/dataset"
	"jcsnode/pipeline/ct"
	"jcsnode/store"
)

// opener opens instances for what comes of this run. What cannot be opened now, and later can, is no reason to read a study without it:
// the reading ends, and the job runs again. What the store has lost or altered is noted.
func (p *Processor) opener(ctx context.Context, end context.CancelCauseFunc, files *spoilt) ct.Opener {
	return func(name string) (*dataset.File, error) {
		f, err := p.Store.Open(ctx, name)
		if err != nil {
			note(err, name, end, files)
			return nil, err
		}
		w := &watched{f, name, end, files}
		return dataset.OpenReader(w, f.Size(), dataset.Limits{})
	}
}

// watched is a file whose reads end the reading of the study when the store fails for now.
type watched struct {
	store.File
	name  string
	end   context.CancelCauseFunc
	files *spoilt
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.File.ReadAt(p, off)
	note(err, w.name, w.end, w.files)
	return n, err
}

// note ends the reading for a fault of the store that passes, and keeps one that does not.
func note(err error, name string, end context.CancelCauseFunc, files *spoilt) {
	var fault *store.Error
	switch {
	case errors.Is(err, store.ErrTemporary):
		end(fmt.Errorf("read instance %s: %w", name, err))
	case errors.As(err, &fault):
		files.add(name, err)
	}
}

// spoilt are instances that are left out through no fault of who sent them: the store does not give what it was given.
type spoilt struct {
	mu    sync.Mutex // guards what follows
	names map[string]bool
	first error
}

func (s *spoilt) add(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names, s.first = map[string]bool{}, err
	}
	s.names[name] = true
}

// tell says it in one line, however many they are.
func (s *spoilt) tell(log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) > 0 {
		log.Warn("instances are left out since the store does not give them as they were written", "instances", len(s.names),
			"error", s.first, "remedy", "look into the store; send the study again, or restore its files from the backup and requeue it")
	}
}
