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
}

// Pause notes that the store is away, and gives the time after which to ask again.
func (o *Outage) Pause(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since = now
	}
	return min(max(now.Sub(o.since), shortestPause), longestPause)
}

// Over notes that the store answers.
func (o *Outage) Over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since = time.Time{}
}
