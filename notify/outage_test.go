package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// A receiver that is down is tried by one clock, whatever waits; the log says once that it is down and once that it is back, and what
// waited is due then.
func TestNotify_OneClockForAReceiver(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := open(t, filepath.Join(t.TempDir(), "l.db"), c)
	for n := range 5 {
		study := fmt.Sprintf("1.%d", n+2)
		i := ledger.Instance{StudyUID: study, SeriesUID: study + ".1", SOPInstanceUID: study + ".1.1", Path: study}
		if err := l.Record(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		rev, err := l.Settle(t.Context(), study, "test")
		if err = errors.Join(err, l.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "empty", Text: "nothing"}, nil)); err != nil {
			t.Fatal(err)
		}
	}
	up := false
	asked := 0
	h := &hook{answer: func(w http.ResponseWriter, _ int) {
		asked++
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}}
	s := serve(t, h, httptest.NewServer)
	var log strings.Builder
	n := notifier(l, c, Subscriber{Webhook: *receiver(s.URL)})
	n.Logger = slog.New(slog.NewTextHandler(&log, nil))
	all := func() []ledger.Notification {
		t.Helper()
		all, err := l.Notifications(context.Background(), 10)
		if err != nil || len(all) != 5 {
			t.Fatalf("%d notifications, %v", len(all), err)
		}
		return all
	}
	var retry *ledger.RetryAfter
	for range 3 {
		for _, note := range all() {
			if err := n.Notify(t.Context(), note.ID); !errors.As(err, &retry) {
				t.Fatalf("down, and %v", err)
			}
		}
		next := all()[0].NextAt
		for _, note := range all() {
			if !note.NextAt.Equal(next) || !strings.Contains(note.Detail, "HTTP 503") {
				t.Errorf("one waits until %v, another until %v: %s", next, note.NextAt, note.Detail)
			}
		}
		c.now = next.Add(time.Millisecond)
	}
	if asked != 3 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "webhook cannot be reached") {
		t.Errorf("asked %d times; log:\n%s", asked, log.String())
	}
	up = true
	if err := n.Notify(t.Context(), all()[2].ID); err != nil {
		t.Fatal(err)
	}
	for _, note := range all() {
		if note.State == ledger.NotificationWaiting && note.NextAt.After(c.now) {
			t.Errorf("with the receiver back one waits until %v", note.NextAt)
		}
		if err := n.Notify(t.Context(), note.ID); err != nil {
			t.Error(err)
		}
	}
	if strings.Count(log.String(), "webhook is back") != 1 || strings.Count(log.String(), "notification sent") != 5 {
		t.Errorf("log:\n%s", log.String())
	}
}

// Who is out for days loses what waited, as if each had been tried, and an operator can ask at once.
func TestNotify_HeldForDays(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := open(t, filepath.Join(t.TempDir(), "l.db"), c)
	note := reported(t, l)
	n := notifier(l, c, Subscriber{Webhook: *receiver("http://127.0.0.1:1/")})
	n.outages.fails("ris", "down", errors.New("down"), c.now, 0)
	c.now = c.now.Add(4 * 24 * time.Hour)
	n.outages.fails("ris", "down", errors.New("down"), c.now, 0)
	if err := n.Notify(t.Context(), note.ID); err != nil {
		t.Fatal(err)
	}
	if got := notification(t, l); got.State != ledger.NotificationFailed || got.Detail != "down" {
		t.Fatalf("%+v", got)
	}
	if err := l.Requeue(t.Context(), "1.2"); err != nil {
		t.Fatal(err)
	}
	var retry *ledger.RetryAfter
	if err := n.Notify(t.Context(), note.ID); !errors.As(err, &retry) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("an operator's wish was not tried: %v", err)
	}
}
