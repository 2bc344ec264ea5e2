package access

import (
	"net/netip"
	"sync"
	"time"
)

// What a login may be tried: whoever mistypes does not notice, whoever guesses gets some 2,000 passwords a day for one account.
const (
	attemptWindow = 15 * time.Minute
	attemptsMost  = 20
	attemptsKept  = 10000 // users and addresses that are remembered
)

// attempts counts tries of logins by key within a window.
type attempts struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]*tries // guarded by mu
}

type tries struct {
	began time.Time
	count int
}

// take counts a try for each key, and says how long to wait if one of them had too many; then nothing is counted.
func (a *attempts) take(keys ...string) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for _, k := range keys {
		if t := a.seen[k]; t != nil && now.Sub(t.began) < attemptWindow && t.count >= attemptsMost {
			wait = max(wait, attemptWindow-now.Sub(t.began))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, k := range keys {
		t := a.seen[k]
		if t == nil || now.Sub(t.began) >= attemptWindow {
			a.makeRoom(now)
			t = &tries{began: now}
			a.seen[k] = t
		}
		t.count++
	}
	return 0
}

// forgive takes back what take counted, for a login that was good.
func (a *attempts) forgive(keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range keys {
		if t := a.seen[k]; t != nil && t.count > 0 {
			t.count--
		}
	}
}

// makeRoom keeps the memory bounded: what is over goes, and if all is new, the oldest.
func (a *attempts) makeRoom(now time.Time) {
	if len(a.seen) < attemptsKept {
		return
	}
	oldest, first := "", now
	for k, t := range a.seen {
		if now.Sub(t.began) >= attemptWindow {
			delete(a.seen, k)
		} else if !t.began.After(first) {
			oldest, first = k, t.began
		}
	}
	if len(a.seen) >= attemptsKept {
		delete(a.seen, oldest)
	}
}

// neighbourhood is whom an address stands for: of IPv6 everybody has a /64.
func neighbourhood(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
