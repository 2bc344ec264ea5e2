package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"jcsnode/ledger"
)

// blocking handlers return only when they are stopped.
func blocking(started func(revisionID int64)) ledger.Handlers {
	return ledger.Handlers{
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

func fast(int) time.Duration { return time.Millisecond }

func startJobs(t *testing.T, l *ledger.Ledger, h ledger.Handlers) {
	t.Helper()
	if err := l.StartJobs(t.Context(), h, 2); err != nil {
		t.Fatal(err)
	}
}

func deliverNothing(context.Context, int64, string) error { return nil }

// reporting is the shortest pipeline with a result.
func reporting(l *ledger.Ledger) func(context.Context, int64) error {
	return func(ctx context.Context, id int64) error {
		if err := l.Begin(ctx, id); err != nil {
			return err
		}
		object := ledger.Object{SOPInstanceUID: fmt.Sprintf("2.25.%d", id), Path: "o"}
		return l.Complete(ctx, id, to([]string{"PACS"}, object), ledger.Reason{})
	}
}

func sending(l *ledger.Ledger) func(context.Context, int64, string) error {
	return func(ctx context.Context, id int64, destination string) error {
		pending, err := l.Pending(ctx, id, destination)
		for _, d := range pending {
			err = errors.Join(err, l.RecordDelivery(ctx, d.ID, ledger.DeliveryOutcome{State: ledger.DeliverySent, Status: "0000H"}))
		}
		return err
	}
}

func (s suite) TestJobs_ProcessThenDeliver(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast})
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l)})
	settle(t, l, "1.2")
	WaitFor(t, "delivery", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Deliveries[ledger.DeliverySent] == 1 && c.Studies[ledger.StateReported] == 1
	})
}

func (s suite) TestJobs_PanicIsRetriedThenEndsAsCrashed(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(p)
	}), nil))
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 3, Logger: log})
	var calls atomic.Int32
	startJobs(t, l, ledger.Handlers{
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
	WaitFor(t, "the end", func() bool { return History(t, l, "1.2").State == ledger.StateNotProcessed })
	h := History(t, l, "1.2")
	r := h.Revisions[0].Reason
	if r.Code != ledger.ReasonCrashed || !strings.Contains(r.Text, "index out of range") || r.Remedy == "" {
		t.Errorf("reason %+v", r)
	}
	if calls.Load() != 3 || strings.Count(eventKinds(h), ledger.EventJobFailed) != 3 {
		t.Errorf("%d calls, events %s; want 3 attempts", calls.Load(), eventKinds(h))
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(out.String(), "jobs.go") {
		t.Errorf("no stack in the log:\n%s", out.String())
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (s suite) TestJobs_ErrorThenRequeue(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 2})
	var good atomic.Bool
	report := reporting(l)
	startJobs(t, l, ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			if !good.Load() {
				return errors.New("no device")
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	WaitFor(t, "the end", func() bool { return History(t, l, "1.2").State == ledger.StateNotProcessed })
	if r := History(t, l, "1.2").Revisions[0].Reason; r.Code != ledger.ReasonFailed || !strings.Contains(r.Text, "no device") {
		t.Errorf("reason %+v", r)
	}
	good.Store(true)
	if err := l.Requeue(t.Context(), "1.2"); err != nil {
		t.Fatal(err)
	}
	WaitFor(t, "the report", func() bool { return History(t, l, "1.2").State == ledger.StateReported })
}

// A full disk passes: however long it lasts, no attempt is used up.
// What goes wrong with a file or a peer is a failure of the job, however much it looks like a database that does not answer.
func (s suite) TestJobs_FaultsOfOthersEnd(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 2})
	faults := map[int64]error{}
	for n, fault := range []error{
		&os.PathError{Op: "open", Path: "1.dcm", Err: syscall.ENOENT}, io.ErrUnexpectedEOF, context.DeadlineExceeded, syscall.ECONNREFUSED,
	} {
		faults[settle(t, l, fmt.Sprintf("1.%d", n+1)).ID] = fmt.Errorf("load study: %w", fault)
	}
	startJobs(t, l, ledger.Handlers{Process: func(_ context.Context, id int64) error { return faults[id] }, Deliver: deliverNothing})
	WaitFor(t, "the end", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Studies[ledger.StateNotProcessed] == len(faults)
	})
	for n := range faults {
		h := History(t, l, fmt.Sprintf("1.%d", n))
		if r := h.Revisions[0].Reason; r.Code != ledger.ReasonFailed || strings.Count(eventKinds(h), ledger.EventJobFailed) != 2 {
			t.Errorf("study %d: %+v, %s", n, r, eventKinds(h))
		}
	}
}

func (s suite) TestJobs_FullDiskIsNoFailure(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 1})
	var calls atomic.Int32
	report := reporting(l)
	startJobs(t, l, ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			if calls.Add(1) == 1 {
				return fmt.Errorf("write object: %w", &os.PathError{Op: "write", Path: "objects/1", Err: syscall.ENOSPC})
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	WaitFor(t, "the failure", func() bool { return strings.Contains(eventKinds(History(t, l, "1.2")), ledger.EventJobFailed) })
	if h := History(t, l, "1.2"); h.State != ledger.StateSettled {
		t.Errorf("study is %s, want it to wait", h.State)
	}
	Must(t, l.Requeue(t.Context(), "1.2")) // does not wait for the minute to pass
	WaitFor(t, "the report", func() bool { return History(t, l, "1.2").State == ledger.StateReported })
}

func (s suite) TestJobs_RetryAfterIsNoFailure(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 2})
	var calls atomic.Int32
	report := reporting(l)
	startJobs(t, l, ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			if calls.Add(1) < 6 {
				return fmt.Errorf("busy: %w", &ledger.RetryAfter{Delay: time.Millisecond, Err: errors.New("no room")})
			}
			return report(ctx, id)
		},
		Deliver: sending(l),
	})
	settle(t, l, "1.2")
	WaitFor(t, "the report", func() bool { return History(t, l, "1.2").State == ledger.StateReported })
	if kinds := eventKinds(History(t, l, "1.2")); strings.Contains(kinds, ledger.EventJobFailed) {
		t.Errorf("waiting was counted as failure: %s", kinds)
	}
}

// A delivery job lives as long as something waits, and ends its deliveries when it crashes for good.
func (s suite) TestJobs_DeliveriesWaitOrFailButNeverVanish(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 2})
	var calls atomic.Int32
	send := sending(l)
	startJobs(t, l, ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			return l.Complete(ctx, id, to([]string{"GOOD", "BAD"}, objects(fmt.Sprintf("2.25.%d", id))...), ledger.Reason{})
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
				return l.RecordDelivery(ctx, pending[0].ID, ledger.DeliveryOutcome{
					State:  ledger.DeliveryWaiting,
					Status: "A700H",
					NextAt: time.Now().Add(50 * time.Millisecond),
				})
			}
			return send(ctx, id, destination)
		},
	})
	settle(t, l, "1.2")
	WaitFor(t, "both ends", func() bool {
		c, err := l.Counts(t.Context())
		return err == nil && c.Deliveries[ledger.DeliverySent] == 1 && c.Deliveries[ledger.DeliveryFailed] == 1
	})
	for _, d := range History(t, l, "1.2").Revisions[0].Deliveries {
		if d.Destination == "BAD" && (d.Status != ledger.ReasonCrashed || d.Detail == "") {
			t.Errorf("failed delivery without a reason: %+v", d)
		}
	}
}

func (s suite) TestJobs_StopDoesNotCountAsFailure(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{MaxAttempts: 1, RetryDelay: fast})
	started := make(chan int64, 1)
	startJobs(t, l, blocking(func(id int64) { started <- id }))
	rev := settle(t, l, "1.2")
	if got := <-started; got != rev.ID {
		t.Fatalf("job of revision %d, want %d", got, rev.ID)
	}
	if err := l.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l)})
	WaitFor(t, "the report", func() bool { return History(t, l, "1.2").State == ledger.StateReported })
}

func (s suite) TestJobs_OneProcessPerLedger(t *testing.T) {
	place := s.Place(t)
	a := s.open(t, place, ledger.Options{})
	h := ledger.Handlers{Process: reporting(a), Deliver: deliverNothing}
	startJobs(t, a, h)
	if err := a.StartJobs(t.Context(), h, 1); err == nil || !strings.Contains(err.Error(), "run already") {
		t.Errorf("started twice: %v", err)
	}
	b := s.open(t, place, ledger.Options{Beside: true})
	if err := b.StartJobs(t.Context(), h, 1); err == nil || !strings.Contains(err.Error(), "beside") {
		t.Errorf("beside the node: %v", err)
	}
	// The command line may still ask for work through its own connection.
	settle(t, b, "1.2")
	WaitFor(t, "the report", func() bool { return History(t, a, "1.2").State == ledger.StateReported })
}

// Asking again for a study that is being processed starts it once more afterwards, never beside itself.
func (s suite) TestJobs_RequeueWhileRunning(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast})
	report := reporting(l)
	var running, most, calls atomic.Int32
	proceed := make(chan struct{})
	startJobs(t, l, ledger.Handlers{
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
	WaitFor(t, "the first run", func() bool { return calls.Load() == 1 })
	if err := l.Requeue(t.Context(), "1.2"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // the second job finds it busy
	close(proceed)
	WaitFor(t, "the report", func() bool { return History(t, l, "1.2").State == ledger.StateReported })
	time.Sleep(time.Second) // the second job finds it done
	if h := History(t, l, "1.2"); h.State != ledger.StateReported || most.Load() != 1 || calls.Load() != 1 {
		t.Errorf("state %s, %d at once, %d calls; want reported, never two, and one", h.State, most.Load(), calls.Load())
	}
}

// A destination that does not answer holds up neither studies nor other destinations, and
// one that is no longer configured still gets its end.
func (s suite) TestJobs_SlowDestinationHoldsUpNobody(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast})
	send := sending(l)
	stuck := make(chan struct{})
	release := sync.OnceFunc(func() { close(stuck) })
	defer release()
	h := ledger.Handlers{
		Process: func(ctx context.Context, id int64) error {
			if err := l.Begin(ctx, id); err != nil {
				return err
			}
			made := objects(fmt.Sprintf("2.25.%d", id))
			return l.Complete(ctx, id, to([]string{"SLOW PACS", "good", "unlisted"}, made...), ledger.Reason{})
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
		return c.Deliveries[ledger.DeliverySent]
	}
	WaitFor(t, "all that is not slow", func() bool { return sent() == 6 })
	if err := l.StopJobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	release()
	startJobs(t, l, h) // without any destination of its own
	WaitFor(t, "the rest", func() bool { return sent() == 9 })
}
