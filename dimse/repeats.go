package dimse

import (
	"sync"
	"time"
)

const (
	// repeatPeriod is how long the same rejection is counted before it is told again.
	repeatPeriod = 10 * time.Minute
	// repeatMemory is how many different ones are counted at a time; those beyond are told one by one.
	repeatMemory = 1024
)

// repeats tells of the first of equal happenings at once, and of the others by their number when the period is over: a scanner that is
// turned away comes again every few seconds.
type repeats struct {
	mu     sync.Mutex
	period time.Duration // 0: repeatPeriod
	counts map[string]*repeated
}

type repeated struct {
	more  int // since the first
	timer *time.Timer
	tell  func()
}

// first says whether a happening is the first of its period. If it is, and others follow within it, summary is called at its end with
// their number.
func (r *repeats) first(key string, summary func(more int)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.counts[key]; one != nil {
		one.more++
		return false
	}
	if len(r.counts) >= repeatMemory {
		return true
	}
	if r.counts == nil {
		r.counts = map[string]*repeated{}
	}
	one := &repeated{}
	one.tell = func() {
		if one.more > 0 {
			summary(one.more)
		}
	}
	r.counts[key] = one
	one.timer = time.AfterFunc(r.within(), func() {
		r.mu.Lock()
		known := r.counts[key] == one
		if known {
			delete(r.counts, key)
		}
		r.mu.Unlock()
		if known {
			one.tell()
		}
	})
	return true
}

// flush tells what was counted and forgets it.
func (r *repeats) flush() {
	r.mu.Lock()
	all := r.counts
	r.counts = nil
	r.mu.Unlock()
	for _, one := range all {
		one.timer.Stop()
		one.tell()
	}
}

// within is the period.
func (r *repeats) within() time.Duration {
	if r.period == 0 {
		return repeatPeriod
	}
	return r.period
}
