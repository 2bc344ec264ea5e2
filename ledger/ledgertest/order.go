package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/ledger"
)

// A revision that waits for the one before goes on when that has ended, and whoever requeues the study has that one tried, too: neither
// waits for its own time.
func (s suite) TestJobs_ARevisionThatWaitsGoesOnAfterTheOneBefore(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast})
	later := &ledger.RetryAfter{Delay: time.Hour, Err: errors.New("not now")}
	var free atomic.Bool
	var began, waited atomic.Int32
	startJobs(t, l, ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			earlier, err := l.Earlier(ctx, id)
			if err != nil {
				return err
			}
			if len(earlier) > 0 && !earlier[0].Over() {
				waited.Add(1)
				return later
			}
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			if !free.Load() {
				began.Add(1)
				return later
			}
			return l.NotProcessed(ctx, id, ledger.Reason{Code: "test", Text: "test"}, nil)
		},
		Deliver: deliverNothing,
	})
	settle(t, l, "1.2")
	WaitFor(t, "the first revision", func() bool { return began.Load() > 0 })
	Record(t, l, Slice("1.2", 2))
	_, err := l.Settle(t.Context(), "1.2", "test")
	Must(t, err)
	WaitFor(t, "the second one", func() bool { return waited.Load() > 0 })
	free.Store(true)
	Must(t, l.Requeue(t.Context(), "1.2"))
	WaitFor(t, "the end of both", func() bool {
		h := History(t, l, "1.2")
		return h.Revisions[0].Over() && h.Revisions[1].Over()
	})
}

// Revisions follow each other at a destination, in whichever queue their jobs lie: a process that knows no destinations puts them
// elsewhere than one that does.
func (s suite) TestJobs_OneRevisionAtATimeForADestination(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{RetryDelay: fast})
	knowing := s.open(t, place, ledger.Options{Beside: true, Destinations: []string{"PACS"}})
	for n := range 4 {
		by := l
		if n%2 == 0 {
			by = knowing
		}
		Must(t, reporting(by)(t.Context(), settle(t, by, fmt.Sprintf("1.%d", n)).ID))
	}
	send := sending(l)
	var running, most atomic.Int32
	h := ledger.Handlers{
		Process: func(context.Context, int64) error { return nil },
		Deliver: func(ctx context.Context, id int64, destination string) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			time.Sleep(500 * time.Millisecond) // another one would begin
			return send(ctx, id, destination)
		},
	}
	Must(t, l.StartJobs(t.Context(), h, 1, "PACS"))
	WaitFor(t, "all deliveries", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Deliveries[ledger.DeliverySent] == 4
	})
	if most.Load() != 1 {
		t.Errorf("%d revisions at a time on their way to one destination", most.Load())
	}
}
