package ledger

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"jcsnode/ledger/jobs"
)

// Reading waits longer each time it meets a full disk, whatever other jobs meet, and begins anew once it met something else.
func TestDiskPauses(t *testing.T) {
	var p diskPauses
	one, other := jobs.Job{Kind: processJob, Key: []byte(`{"revision_id":1}`)}, jobs.Job{Kind: processJob, Key: []byte(`{"revision_id":2}`)}
	send := jobs.Job{Kind: deliverJob, Key: one.Key}
	now := time.Now()
	var waits, sends []time.Duration
	for range 6 {
		waits = append(waits, p.next(one, now)/time.Minute)
		sends = append(sends, p.next(send, now)/time.Minute)
		p.over(send)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 16}; !slices.Equal(waits, want) {
		t.Errorf("minutes %v, want %v", waits, want)
	}
	if want := []time.Duration{1, 1, 1, 1, 1, 1}; !slices.Equal(sends, want) {
		t.Errorf("sending waits %v, want %v", sends, want)
	}
	if got := p.next(other, now); got != time.Minute {
		t.Errorf("another job waits %v", got)
	}
	p.over(one)
	if got := p.next(one, now); got != time.Minute {
		t.Errorf("after something else it waits %v", got)
	}
	p.over(one)
	if p.next(one, now.Add(25*time.Hour)); len(p.last) != 1 {
		t.Errorf("remembered after a day: %v", p.last)
	}
}

// What becomes of a job that meets a full disk: it is put off, each time for longer, until it met something else.
func TestConclude_FullDisk(t *testing.T) {
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), Options{Logger: slog.New(slog.DiscardHandler), TestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	j := jobs.Job{Kind: processJob, Key: []byte(`{"revision_id":1}`), Attempt: 1, MaxAttempts: 4}
	met := func(err error, nothing bool) time.Duration {
		t.Helper()
		work := works(l, func(context.Context, processKey) (*task, error) {
			if nothing {
				return nil, nil
			}
			return &task{do: func(context.Context) error { return err }}, nil
		})
		err = work(t.Context(), j)
		var retry *RetryAfter
		if !errors.As(err, &retry) {
			return 0
		}
		return retry.Delay / time.Minute
	}
	var got []time.Duration
	for _, c := range []struct {
		err     error
		nothing bool
	}{{syscall.ENOSPC, false}, {syscall.ENOSPC, false}, {nil, false}, {syscall.ENOSPC, false}, {syscall.ENOSPC, false}, {nil, true},
		{syscall.ENOSPC, false}} {
		got = append(got, met(c.err, c.nothing))
	}
	if want := []time.Duration{1, 2, 0, 1, 2, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("minutes %v, want %v", got, want)
	}
}
