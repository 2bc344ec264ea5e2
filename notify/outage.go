package notify

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// outage is a receiver that takes nothing: it does not answer, or says that it cannot.
type outage struct {
	since, next time.Time
	failures    int // in a row
	words       string
}

// outages are the receivers that are out, as far as this process has tried. One attempt at a time finds out whether one is back; its other
// notifications wait for that one.
type outages struct {
	mu   sync.Mutex
	out  map[string]outage
	seen map[string]bool // that took something from this process
}

// ofTheReceiver tells trouble of the receiver from a refusal of one event.
func ofTheReceiver(err error) bool {
	var refusal *HTTPError
	return !errors.As(err, &refusal) || refusal.StatusCode >= 500 || refusal.StatusCode == http.StatusTooManyRequests
}

// holding says whether a receiver is out and not to be tried yet. A wait that is longer than any was set by a clock that was ahead.
func (o *outages) holding(name string, now time.Time) (outage, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one, out := o.out[name]
	wait := one.next.Sub(now)
	return one, out && wait > 0 && wait <= maxRetryAfter
}

// fails notes an attempt in vain, and says when the next one is. first: it was not out before.
func (o *outages) fails(name, words string, err error, now time.Time, random float64) (delay time.Duration, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one, out := o.out[name]
	if !out {
		one.since = now
	}
	one.failures++
	delay = nextDelay(one.failures, err, random)
	one.next, one.words = now.Add(delay), words
	if o.out == nil {
		o.out = map[string]outage{}
	}
	o.out[name] = one
	return delay, !out
}

// answers notes that a receiver takes notifications. It says since when it was out, if it was, and whether others may wait for it that
// could go now: after an outage, and at the first time, since the process before may have had one.
func (o *outages) answers(name string) (one outage, back, wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one, back = o.out[name]
	delete(o.out, name)
	wake = back || !o.seen[name]
	if o.seen == nil {
		o.seen = map[string]bool{}
	}
	o.seen[name] = true
	return one, back, wake
}

// forget has a receiver tried at once, as if nothing were known of it.
func (o *outages) forget(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.out, name)
}
