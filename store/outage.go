package store

import (
	"sync"
	"time"
)

const (
	shortestPause = 2 * time.Second
	longestPause  = 15 * time.Second
)

// Outage says how long to leave a store alone that is away: for as long as it has been away, within bounds. So a short outage costs little
// time, and a long one few attempts. The zero value is of a store that answers.
type Outage struct {
	mu    sync.Mutex // guards what follows
	since time.Time  // zero: it answers
	waits map[int64]bool
}

// Pause notes that something waits for the store, which is away, and gives the time after which to ask again.
func (o *Outage) Pause(who int64, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since, o.waits = now, map[int64]bool{}
	}
	o.waits[who] = true
	return min(max(now.Sub(o.since), shortestPause), longestPause)
}

// Over notes that something went through. If it waited before, the store answers again; what did not may have needed this disk alone.
func (o *Outage) Over(who int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waits[who] {
		o.since, o.waits = time.Time{}, nil
	}
}
