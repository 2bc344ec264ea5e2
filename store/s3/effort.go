package s3

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// effort is what a caller has spent on requests that got no answer: three times the patience is more than a scanner waits for its own.
type effort struct {
	until time.Time // no request begins after it once one has failed

	mu     sync.Mutex // guards what follows
	failed error
}

type effortKey struct{}

// within bounds all requests of a context that get no answer by one patience together. One that makes progress may take longer.
func (s *Store) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, effortKey{}, &effort{until: time.Now().Add(s.opt.Patience)})
}

// bounded holds requests to the effort of their context.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	e, _ := r.Context().Value(effortKey{}).(*effort)
	if e == nil {
		return b.RoundTripper.RoundTrip(r)
	}
	if err := e.spent(); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	answer, err := b.RoundTripper.RoundTrip(r)
	e.mu.Lock()
	e.failed = err
	e.mu.Unlock()
	return answer, err
}

// spent is how the last request failed, if no other one may begin.
func (e *effort) spent() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Now().Before(e.until) {
		return nil
	}
	return e.failed
}
