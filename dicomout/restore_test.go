package dicomout_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/store"
)

// An object whose file is gone fails for good, with what to do, though the destination is away; the others wait.
func TestDeliveryWorker_FileIsGone(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	l, dir, rev := reported(t, now)
	if err := os.Remove(filepath.Join(dir, "2.25.2")); err != nil {
		t.Fatal(err)
	}
	if err := deliveryWorker(t, l, dir, now, pacsAt("127.0.0.1:1")).Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	for uid, d := range states(t, l) {
		want := ledger.DeliveryWaiting
		if uid == "2.25.2" {
			want = ledger.DeliveryFailed
		}
		if d.State != want || want == ledger.DeliveryFailed && !strings.Contains(d.Detail, "requeue") {
			t.Errorf("%s is %s: %s", uid, d.State, d.Detail)
		}
	}
}

// farStore is one that does not answer.
type farStore struct{ store.Reader }

func (farStore) Has(context.Context, string) (bool, error) {
	return false, &store.Error{Kind: store.ErrTemporary, Far: true, Err: errors.New("nobody listens there")}
}

// While the store of files is away a delivery waits: no object counts as gone, and no attempt is used up.
func TestDeliveryWorker_StoreIsAway(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	l, dir, rev := reported(t, now)
	w := deliveryWorker(t, l, dir, now, pacsAt("127.0.0.1:1"))
	w.Store = farStore{w.Store}
	var again *ledger.RetryAfter
	if err := w.Deliver(t.Context(), rev.ID, "pacs"); !errors.As(err, &again) || again.Delay <= 0 {
		t.Errorf("%v, want that it is tried again", err)
	}
	for uid, d := range states(t, l) {
		if d.State != ledger.DeliveryWaiting || d.Attempts != 0 {
			t.Errorf("%s is %s after %d attempts", uid, d.State, d.Attempts)
		}
	}
}

// A clock that was ahead puts nothing off: what waits for longer than its kind of trouble ever does is due.
func TestDeliveryWorker_ClockWasAhead(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	for name, c := range map[string]struct {
		trouble string
		wait    time.Duration
		sent    bool
	}{
		"two months":                       {"soon", 1463 * time.Hour, true},
		"an hour":                          {"soon", time.Hour, true},
		"within retry_longest":             {"soon", 29 * time.Minute, false},
		"within the waits of another kind": {"probe", 5 * time.Hour, false},
		"beyond them":                      {"probe", 7 * time.Hour, true},
		"no trouble known":                 {"", 1463 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, dir, rev := reported(t, now)
			waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range waiting {
				if err := l.RecordDelivery(t.Context(), d.ID, ledger.DeliveryOutcome{
					State:   ledger.DeliveryWaiting,
					Trouble: c.trouble,
					NextAt:  at.Add(c.wait),
				}); err != nil {
					t.Fatal(err)
				}
			}
			if err := deliveryWorker(t, l, dir, now, pacsAt((&pacs{}).serve(t))).Deliver(t.Context(), rev.ID, "pacs"); err != nil {
				t.Fatal(err)
			}
			for uid, d := range states(t, l) {
				if (d.State == ledger.DeliverySent) != c.sent {
					t.Errorf("%s is %s, want sent %v", uid, d.State, c.sent)
				}
			}
		})
	}
}
