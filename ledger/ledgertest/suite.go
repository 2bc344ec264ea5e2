package ledgertest

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/ledger"
)

// Engine is how ledgers of one engine are made and opened.
type Engine struct {
	// Place names a new, empty place for a ledger: a path or an address.
	Place func(t *testing.T) string
	// Open opens the ledger at a place, as ledger.Open does.
	Open func(ctx context.Context, place string, opt ledger.Options) (*ledger.Ledger, error)
}

// Run runs the suite against an engine, several tests at a time: each has a place of its own, and waits more than it works.
func Run(t *testing.T, e Engine) {
	s := reflect.ValueOf(suite{e})
	for i := range s.NumMethod() {
		if name, ok := strings.CutPrefix(s.Type().Method(i).Name, "Test"); ok {
			test := s.Method(i).Interface().(func(*testing.T))
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// suite has the promises as its methods: one test for each whose name begins with Test.
type suite struct{ Engine }

// open opens the ledger at a place until the test ends.
func (s suite) open(t *testing.T, place string, opt ledger.Options) *ledger.Ledger {
	t.Helper()
	opt.TestOnly = true
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := s.Open(t.Context(), place, opt)
	Must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// temp opens a new ledger until the test ends.
func (s suite) temp(t *testing.T, opt ledger.Options) *ledger.Ledger {
	t.Helper()
	return s.open(t, s.Place(t), opt)
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Must ends the test at the first error.
func Must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// WaitFor waits for a condition that jobs bring about.
func WaitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Slice is instance n of a study; n is also its content.
func Slice(study string, n int) ledger.Instance {
	return ledger.Instance{
		StudyUID: study, SeriesUID: study + ".1", SOPInstanceUID: fmt.Sprintf("%s.1.%d", study, n),
		SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", TransferSyntaxUID: "1.2.840.10008.1.2.1",
		Path: fmt.Sprintf("inbox/%s/%d.dcm", study, n), Digest: fmt.Sprint(n), Size: 1000,
		CallingAE: "CT1", CalledAE: "JCS", RemoteAddr: "127.0.0.1:1", Association: "a1",
	}
}

// Record records instances and waits until they are committed.
func Record(t *testing.T, l *ledger.Ledger, instances ...ledger.Instance) {
	t.Helper()
	for _, i := range instances {
		Must(t, l.Record(t.Context(), i))
	}
	Must(t, l.Flush(t.Context()))
}

// History is that of a study.
func History(t *testing.T, l *ledger.Ledger, study string) *ledger.History {
	t.Helper()
	h, err := l.History(t.Context(), study)
	Must(t, err)
	return h
}

func eventKinds(h *ledger.History) string {
	var kinds []string
	for _, e := range h.Events {
		kinds = append(kinds, e.Kind)
	}
	return strings.Join(kinds, ", ")
}

// settle has a study of one instance settled.
func settle(t *testing.T, l *ledger.Ledger, study string) ledger.Revision {
	t.Helper()
	Record(t, l, Slice(study, 1))
	rev, err := l.Settle(t.Context(), study, "test")
	Must(t, err)
	return rev
}

// objects have UIDs and one class.
func objects(uids ...string) []ledger.Object {
	all := make([]ledger.Object, len(uids))
	for i, uid := range uids {
		all[i] = ledger.Object{SOPInstanceUID: uid, SOPClassUID: "c"}
	}
	return all
}

// to is the objects on their way to the destinations.
func to(destinations []string, objects ...ledger.Object) []ledger.Outgoing {
	var all []ledger.Outgoing
	for _, o := range objects {
		all = append(all, ledger.Outgoing{Object: o, Destinations: destinations})
	}
	return all
}
