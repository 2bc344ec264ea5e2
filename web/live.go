package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"jcsnode/web/access"
)

// Limits of those who watch.
const (
	mostWatchers = 50
	watchTime    = 5 * time.Minute // then the browser asks again, and whoever may not look any more is told so
	beat         = 20 * time.Second
)

// live tells watchers that something changed. However many they are, the node is looked at once, and not at all while nobody watches.
type live struct {
	glance func(ctx context.Context) ([]byte, error) // what is looked at
	poll   time.Duration

	mu       sync.Mutex // guards the fields below
	watchers map[chan string]bool
	last     string // digest of what was seen last
}

func newLive(glance func(context.Context) ([]byte, error), poll time.Duration) *live {
	return &live{glance: glance, poll: poll, watchers: map[chan string]bool{}}
}

func (l *live) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(l.poll)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !l.watched() {
			continue
		}
		seen, err := l.glance(ctx)
		if err != nil {
			if !failing && ctx.Err() == nil { // once, not every two seconds
				log.Warn("what happens cannot be followed for the page", "error", err)
			}
			failing = true
			continue
		}
		failing = false
		l.tell(fmt.Sprintf("%x", sha256.Sum256(seen))[:16])
	}
}

func (l *live) watched() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.watchers) > 0
}

// tell gives a digest to every watcher, if it is another one.
func (l *live) tell(digest string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if digest == l.last {
		return
	}
	l.last = digest
	for c := range l.watchers {
		select {
		case c <- digest:
		default: // it has one to read still, and reads the page after it
		}
	}
}

// join adds a watcher, if there is room.
func (l *live) join() (changes chan string, leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.watchers) >= mostWatchers {
		return nil, nil, false
	}
	changes = make(chan string, 1)
	l.watchers[changes] = true
	return changes, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, changes)
	}, true
}

// watch is a stream of server-sent events: one for each change, which has the page fetch itself again.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, _ access.User) error {
	changes, leave, ok := s.live.join()
	if !ok {
		return &access.Refusal{Status: http.StatusServiceUnavailable, Text: "Too many watch already."}
	}
	defer leave()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep the events back
	send := func(text string) error {
		if err := control.SetWriteDeadline(time.Now().Add(beat)); err != nil {
			return err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return err
		}
		return control.Flush()
	}
	end, pulse := time.After(watchTime), time.NewTicker(beat)
	defer pulse.Stop()
	err := send("retry: 3000\n\n")
	for err == nil {
		select {
		case digest := <-changes:
			err = send("event: change\ndata: " + digest + "\n\n")
		case <-pulse.C:
			err = send(": here\n\n")
		case <-end:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil // the watcher has gone
}
