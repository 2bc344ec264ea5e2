package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
)

// blocking handlers return only when they are stopped.
func blocking(started func(revisionID int64)) Handlers {
	return Handlers{
		Process: func(ctx context.Context, id int64) error {
			started(id)
			<-ctx.Done()
			return ctx.Err()
		},
		Deliver: func(ctx context.Context, id int64, destination string) error {
			<-ctx.Done()
			return ctx.Err()
		},
	}
}

// waitFor waits for a condition that the jobs bring about.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func fast(int) time.Duration { return time.Millisecond }

func settle(t *testing.T, l *Ledger, study string) Revision {
	t.Helper()
	record(t, l, slice(study, 1))
	rev, err := l.Settle(t.Context(), study, "test")
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func startJobs(t *testing.T, l *Ledger, h Handlers) {
	t.Helper()
	if err := l.StartJobs(t.Context(), h, 2); err != nil {
		t.Fatal(err)
	}
}

func deliverNothing(context.Context, int64, string) error { return nil }

// reporting is the shortest pipeline with a result.
func reporting(l *Ledger) func(context.Context, int64) error {
	return func(ctx context.Context, id int64) error {
		if err := l.Begin(ctx, id); err != nil {
			return err
		}
		return l.Complete(ctx, id, to([]string{"PACS"}, Object{SOPInstanceUID: fmt.Sprintf("2.25.%d", id), Path: "o"}), Reason{})
	}
}

func sending(l *Ledger) func(context.Context, int64, string) error {
	return func(ctx context.Context, id int64, destination string) error {
		pending, err := l.Pending(ctx, id, destination)
		for _, d := range pending {
			err = errors.Join(err, l.RecordDelivery(ctx, d.ID, DeliveryOutcome{State: DeliverySent, Status: "0000H"}))
		}
		return err
	}
}

func TestJobs_ProcessThenDeliver(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast})
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l)})
	settle(t, l, "1.2")
	waitFor(t, "delivery", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Deliveries[DeliverySent] == 1 && c.Studies[StateReported] == 1
	})
}

func TestJobs_PanicIsRetriedThenEndsAsCrashed(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(p)
	}), nil))
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 3, Logger: log})
	var calls atomic.Int32
	startJobs(t, l, Handlers{
		Process: func(ctx context.Context, id int64) error {
			calls.Add(1)
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			panic("index out of range")
		},
		Deliver: deliverNothing,
	})
	settle(t, l, "1.2")
	waitFor(t, "the end", func() bool { return history(t, l, "1.2").State == StateNotProcessed })
	h := history(t, l, "1.2")
	r := h.Revisions[0].Reason
	if r.Code != ReasonCrashed || !strings.Contains(r.Text, "index out of range") || r.Remedy == "" {
		t.Errorf("reason %+v", r)
	}
	if calls.Load() != 3 || strings.Count(eventKinds(h), EventJobFailed) != 3 {
		t.Errorf("%d calls, events %s; want 3 attempts", calls.Load(), eventKinds(h))
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(out.String(), "jobs_test.go") {
		t.Errorf("no stack in the log:\n%s", out.String())
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestJobs_ErrorThenRequeue(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 2})
	var good atomic.Bool
	report := reporting(l)
	startJobs(t, l, Handlers{
		Process: func(ctx context.Context, id int64) error {
			if !good.Load() {
				return errors.New("no device")
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	waitFor(t, "the end", func() bool { return history(t, l, "1.2").State == StateNotProcessed })
	if r := history(t, l, "1.2").Revisions[0].Reason; r.Code != ReasonFailed || !strings.Contains(r.Text, "no device") {
		t.Errorf("reason %+v", r)
	}
	good.Store(true)
	if err := l.Requeue(t.Context(), "1.2"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the report", func() bool { return history(t, l, "1.2").State == StateReported })
}

// A full disk passes: however long it lasts, no attempt is used up.
func TestJobs_FullDiskIsNoFailure(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 1})
	var calls atomic.Int32
	report := reporting(l)
	startJobs(t, l, Handlers{
		Process: func(ctx context.Context, id int64) error {
			if calls.Add(1) == 1 {
				return fmt.Errorf("write object: %w", &os.PathError{Op: "write", Path: "objects/1", Err: syscall.ENOSPC})
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	waitFor(t, "the failure", func() bool { return strings.Contains(eventKinds(history(t, l, "1.2")), EventJobFailed) })
	if h := history(t, l, "1.2"); h.State != StateSettled {
		t.Errorf("study is %s, want it to wait", h.State)
	}
	must(t, l.Requeue(t.Context(), "1.2")) // does not wait for the minute to pass
	waitFor(t, "the report", func() bool { return history(t, l, "1.2").State == StateReported })
}

func TestNoRoom(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("x: %w", syscall.ENOSPC), true},
		{fmt.Errorf("x: %w", syscall.EDQUOT), true},
		{fmt.Errorf("x: %w", syscall.EROFS), true},
		{fmt.Errorf("x: %w", sqlite3.Error{Code: sqlite3.ErrFull}), true},
		{fmt.Errorf("x: %w", sqlite3.Error{Code: sqlite3.ErrConstraint}), false},
		{errors.New("no space left on device"), false},
		{syscall.EIO, false}, // of one file, for ever
	} {
		if got := noRoom(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestJobs_RetryAfterIsNoFailure(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 2})
	var calls atomic.Int32
	report := reporting(l)
	startJobs(t, l, Handlers{
		Process: func(ctx context.Context, id int64) error {
			if calls.Add(1) < 6 {
				return fmt.Errorf("busy: %w", &RetryAfter{Delay: time.Millisecond, Err: errors.New("no room")})
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	waitFor(t, "the report", func() bool { return history(t, l, "1.2").State == StateReported })
	if kinds := eventKinds(history(t, l, "1.2")); strings.Contains(kinds, EventJobFailed) {
		t.Errorf("waiting was counted as failure: %s", kinds)
	}
}

// A delivery job lives as long as something waits, and ends its deliveries when it crashes for good.
func TestJobs_DeliveriesWaitOrFailButNeverVanish(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 2})
	var calls atomic.Int32
	send := sending(l)
	startJobs(t, l, Handlers{
		Process: func(ctx context.Context, id int64) error {
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			return l.Complete(ctx, id, to([]string{"GOOD", "BAD"}, Object{SOPInstanceUID: fmt.Sprintf("2.25.%d", id)}), Reason{})
		},
		Deliver: func(ctx context.Context, id int64, destination string) error {
			if destination == "BAD" {
				panic("bad destination")
			}
			if calls.Add(1) == 1 {
				pending, err := l.Pending(ctx, id, destination)
				if err != nil {
					return err
				}
				return l.RecordDelivery(ctx, pending[0].ID, DeliveryOutcome{State: DeliveryWaiting, Status: "A700H", NextAt: l.now().Add(50 * time.Millisecond)})
			}
			return send(ctx, id, destination)
		},
	})
	settle(t, l, "1.2")
	waitFor(t, "both ends", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Deliveries[DeliverySent] == 1 && c.Deliveries[DeliveryFailed] == 1
	})
	for _, d := range history(t, l, "1.2").Revisions[0].Deliveries {
		if d.Destination == "BAD" && (d.Status != ReasonCrashed || d.Detail == "") {
			t.Errorf("failed delivery without a reason: %+v", d)
		}
	}
}

func TestJobs_StopDoesNotCountAsFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l := openTest(t, path, Options{MaxAttempts: 1, RetryDelay: fast})
	started := make(chan int64, 1)
	startJobs(t, l, blocking(func(id int64) { started <- id }))
	rev := settle(t, l, "1.2")
	if got := <-started; got != rev.ID {
		t.Fatalf("job of revision %d, want %d", got, rev.ID)
	}
	if err := l.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l)})
	waitFor(t, "the report", func() bool { return history(t, l, "1.2").State == StateReported })
}

func TestJobs_OneProcessPerLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	a := openTest(t, path, Options{})
	h := Handlers{Process: reporting(a), Deliver: deliverNothing}
	startJobs(t, a, h)
	if err := a.StartJobs(t.Context(), h, 1); err == nil || !strings.Contains(err.Error(), "run already") {
		t.Errorf("started twice: %v", err)
	}
	b := openTest(t, path, Options{Beside: true})
	if err := b.StartJobs(t.Context(), h, 1); err == nil || !strings.Contains(err.Error(), "beside") {
		t.Errorf("beside the node: %v", err)
	}
	// The command line may still ask for work through its own connection.
	settle(t, b, "1.2")
	waitFor(t, "the report", func() bool { return history(t, a, "1.2").State == StateReported })
}

// Asking again for a study that is being processed starts it once more afterwards, never beside itself.
func TestJobs_RequeueWhileRunning(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast})
	report := reporting(l)
	var running, most, calls atomic.Int32
	proceed := make(chan struct{})
	startJobs(t, l, Handlers{
		Process: func(ctx context.Context, id int64) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			if calls.Add(1) == 1 {
				<-proceed
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	waitFor(t, "the first run", func() bool { return calls.Load() == 1 })
	if err := l.Requeue(t.Context(), "1.2"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the second job to find it busy", func() bool {
		var n int
		err := l.read.QueryRow(`SELECT COUNT(*) FROM river_job WHERE kind = 'process' AND json_extract(metadata, '$.snoozes') > 0`).Scan(&n)
		return err == nil && n == 1
	})
	close(proceed)
	waitFor(t, "no job left", func() bool {
		var n int
		err := l.read.QueryRow(`SELECT COUNT(*) FROM river_job WHERE state <> 'completed'`).Scan(&n)
		return err == nil && n == 0
	})
	if h := history(t, l, "1.2"); h.State != StateReported || most.Load() != 1 {
		t.Errorf("state %s, %d at once; want reported and never two", h.State, most.Load())
	}
}

// Revisions follow each other at a destination, in whichever queue their jobs lie: a process that knows no destinations puts them
// elsewhere than one that does.
func TestJobs_OneRevisionAtATimeForADestination(t *testing.T) {
	path := t.TempDir() + "/ledger.db"
	l, knowing := openTest(t, path, Options{RetryDelay: fast}), openTest(t, path, Options{Beside: true, Destinations: []string{"PACS"}})
	for n := range 4 {
		by := l
		if n%2 == 0 {
			by = knowing
		}
		must(t, reporting(by)(t.Context(), settle(t, by, fmt.Sprintf("1.%d", n)).ID))
	}
	send := sending(l)
	var running, most atomic.Int32
	h := Handlers{
		Process: func(context.Context, int64) error { return nil },
		Deliver: func(ctx context.Context, id int64, destination string) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			time.Sleep(2 * pollInterval) // another one would begin
			return send(ctx, id, destination)
		},
	}
	must(t, l.StartJobs(t.Context(), h, 1, "PACS"))
	waitFor(t, "all deliveries", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Deliveries[DeliverySent] == 4
	})
	if most.Load() != 1 {
		t.Errorf("%d revisions at a time on their way to one destination", most.Load())
	}
}

// A destination that does not answer holds up neither studies nor other destinations, and
// one that is no longer configured still gets its end.
func TestJobs_SlowDestinationHoldsUpNobody(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast})
	send := sending(l)
	stuck := make(chan struct{})
	release := sync.OnceFunc(func() { close(stuck) })
	defer release()
	h := Handlers{
		Process: func(ctx context.Context, id int64) error {
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			return l.Complete(ctx, id, to([]string{"SLOW PACS", "good", "unlisted"}, Object{SOPInstanceUID: fmt.Sprintf("2.25.%d", id)}), Reason{})
		},
		Deliver: func(ctx context.Context, id int64, destination string) error {
			if destination == "SLOW PACS" {
				select {
				case <-stuck:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return send(ctx, id, destination)
		},
	}
	if err := l.StartJobs(t.Context(), h, 1, "SLOW PACS", "good"); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		settle(t, l, fmt.Sprintf("1.%d", n))
	}
	sent := func() int {
		c, err := l.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c.Deliveries[DeliverySent]
	}
	waitFor(t, "all that is not slow", func() bool { return sent() == 6 })
	if err := l.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	release()
	startJobs(t, l, h) // without any destination of its own
	waitFor(t, "the rest", func() bool { return sent() == 9 })
}
