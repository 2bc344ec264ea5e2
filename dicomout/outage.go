package dicomout

import (
	"sync"
	"time"

	"jcsnode/dicomout/deliver"
)

// outage is a destination that nothing can be sent to: it takes no association.
type outage struct {
	since    time.Time
	next     time.Time // when it is tried again
	failures int       // of attempts in a row
	verdict  deliver.Verdict
}

// outages are the destinations that are out, as far as this process has tried. While one is out a single attempt at a time finds out
// whether it is back; whatever else is for it waits for that one. What they are is not kept across a restart: the first attempt tells.
type outages struct {
	mu   sync.Mutex
	out  map[string]outage
	seen map[string]bool // that took an association of this process, and of whom nobody has said since that it took none
}

// holding says whether a destination is out and not to be tried yet. A wait that is longer than any was set by a clock that was ahead.
func (o *outages) holding(name string, passing deliver.Policy, now time.Time) (outage, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one, out := o.out[name]
	wait := one.next.Sub(now)
	return one, out && wait > 0 && wait <= longestWait(passing, one.verdict.Retry)
}

// fails notes an attempt in vain. News are the first one, and another kind of trouble than before.
func (o *outages) fails(
	name string, verdict deliver.Verdict, policy deliver.Policy, now time.Time, random float64,
) (one outage, news bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one, out := o.out[name]
	news = !out || one.verdict.Retry != verdict.Retry
	if !out {
		one.since = now
	}
	if news {
		one.failures = 0
	}
	one.failures++
	one.verdict = verdict
	policy.Age = 0 // each object has its own; the destination is tried as long as anything waits
	delay, _ := policy.Next(one.failures, 0, func() float64 { return random })
	one.next = now.Add(delay)
	if o.out == nil {
		o.out = map[string]outage{}
	}
	o.out[name] = one
	return one, news
}

// answers notes that a destination takes associations. It says since when it was out, if it was, and whether anything may wait for it
// that could go now: after an outage, and at the first time, since the process before may have had one.
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

// missed has the next association of a destination wake what waits, though it was not out.
func (o *outages) missed(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, name)
}

// forget has a destination tried at once, as if nothing were known of it.
func (o *outages) forget(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.out, name)
}
