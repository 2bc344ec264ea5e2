package node

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// lanes are those of the work that this node has to itself: the queues of destinations and webhooks whose locks it holds.
type lanes struct {
	mu   sync.Mutex // guards what follows
	held map[string]*heldLane
}

// heldLane is one of them, while it is held.
type heldLane struct {
	ctx    context.Context // of the lock
	inside sync.WaitGroup
}

// errElsewhere says that a job is not this node's.
var errElsewhere = errors.New("another node has what it is for, or none yet")

// open lets jobs into a lane until it is closed, or ctx ends. close returns when none is in it.
func (l *lanes) open(ctx context.Context, name string) (shut func()) {
	opened := &heldLane{ctx: ctx}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*heldLane{}
	}
	l.held[name] = opened
	return func() { // more than once, it may be
		l.mu.Lock()
		if l.held[name] == opened {
			delete(l.held, name)
		}
		l.mu.Unlock()
		opened.inside.Wait()
	}
}

// names are those of the lanes that are held, sorted.
func (l *lanes) names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var held []string
	for name, in := range l.held {
		if in.ctx.Err() == nil {
			held = append(held, name)
		}
	}
	slices.Sort(held)
	return held
}

// enter lets a job into a lane that is held. Its context ends with the lock, too.
func (l *lanes) enter(ctx context.Context, name string) (inside context.Context, leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.held[name]
	if in == nil || in.ctx.Err() != nil {
		return nil, nil, errElsewhere
	}
	in.inside.Add(1)
	inside, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(in.ctx, func() { cancel(context.Cause(in.ctx)) })
	return inside, func() {
		stop()
		cancel(nil)
		in.inside.Done()
	}, nil
}
