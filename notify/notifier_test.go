package notify

import (
	"context"
	"encoding/json"
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

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// open opens a ledger that tells "ris" everything.
func open(t *testing.T, path string, c *clock) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), path, ledger.Options{Now: c.Now, Logger: slog.New(slog.DiscardHandler),
		Receivers: []ledger.Subscription{{Name: "ris", Kinds: []string{ledger.NoticeResult, ledger.NoticeFailure, ledger.NoticeStuck}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// reported is a study with a result, of which nobody knows yet.
func reported(t *testing.T, l *ledger.Ledger) ledger.Notification {
	t.Helper()
	ctx := t.Context()
	if err := l.Record(ctx, ledger.Instance{StudyUID: "1.2", SeriesUID: "1.2.1", SOPInstanceUID: "1.2.1.1", Path: "inbox/1"}); err != nil {
		t.Fatal(err)
	}
	rev, err := l.Settle(ctx, "1.2", "test")
	if err == nil {
		_, err = l.SaveFindings(ctx, rev.ID, ledger.Reading{Findings: json.RawMessage(`{"decision": "positive"}`)})
	}
	if err = errors.Join(err, l.Complete(ctx, rev.ID, nil, ledger.Reason{})); err != nil {
		t.Fatal(err)
	}
	return notification(t, l)
}

func notification(t *testing.T, l *ledger.Ledger) ledger.Notification {
	t.Helper()
	all, err := l.Notifications(t.Context(), 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d notifications, %v", len(all), err)
	}
	return all[0]
}

func notifier(l *ledger.Ledger, c *clock, subscribers ...Subscriber) *Notifier {
	return &Notifier{Ledger: l, Subscribers: func() []Subscriber { return subscribers }, Node: Node{"JCSNODE", "1", "v1"},
		Notice: "Research use only.", Now: c.Now,
		Logger: slog.New(slog.DiscardHandler), Result: func(findings json.RawMessage) (*Result, error) {
			var r Result
			err := json.Unmarshal(findings, &r)
			return &r, err
		}}
}

// A receiver that is down for an hour gets the event once it is up, by a handful of attempts, the same event each time, though the
// study was read again meanwhile; and then no more.
func TestNotify_ReceiverDownForAnHour(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := open(t, filepath.Join(t.TempDir(), "l.db"), c)
	note := reported(t, l)
	up := c.now.Add(time.Hour)
	h := &hook{answer: func(w http.ResponseWriter, _ int) {
		if c.now.Before(up) {
			w.WriteHeader(http.StatusBadGateway)
		}
	}}
	s := serve(t, h, httptest.NewServer)
	n := notifier(l, c, Subscriber{Webhook: *receiver(s.URL)})
	var delays []time.Duration
	for {
		err := n.Notify(t.Context(), note.ID)
		if err == nil {
			break
		}
		var retry *ledger.RetryAfter
		if !errors.As(err, &retry) {
			t.Fatal(err)
		}
		waiting := notification(t, l)
		if waiting.State != ledger.NotificationWaiting || !strings.Contains(waiting.Detail, "HTTP 502") ||
			!waiting.NextAt.Equal(c.now.Add(retry.Delay).Truncate(time.Millisecond)) {
			t.Fatalf("after %d attempts: %+v", waiting.Attempts, waiting)
		}
		delays = append(delays, retry.Delay)
		c.now = c.now.Add(retry.Delay)
	}
	if len(delays) < 5 || len(delays) > 12 {
		t.Errorf("%d attempts in an hour: %v", len(delays), delays)
	}
	for i, d := range delays {
		if grown := min(30*time.Second<<i, time.Hour); d < grown/2 || d > grown {
			t.Errorf("delay %d is %s, want %s to %s", i, d, grown/2, grown)
		}
	}
	got := h.requests()
	for i := range got {
		if got[i].event != note.EventID || got[i].body != got[0].body || !got[i].authentic(secret) {
			t.Errorf("attempt %d: %+v", i+1, got[i])
		}
	}
	if got[0].timestamp == got[len(got)-1].timestamp {
		t.Error("every attempt has the time of the first")
	}
	var e Event
	if err := json.Unmarshal([]byte(got[0].body), &e); err != nil || e.ID != note.EventID ||
		e.Type != TypeStudyResult || e.Study.StudyInstanceUID != "1.2" ||
		e.Result == nil || e.Result.Decision != "positive" {
		t.Errorf("%s: %v", got[0].body, err)
	}
	if n := notification(t, l); n.State != ledger.NotificationSent || n.Detail != "HTTP 200" || n.Attempts != len(got) {
		t.Errorf("%+v", n)
	}
	if err := n.Notify(t.Context(), note.ID); err != nil || len(h.requests()) != len(got) {
		t.Errorf("told again: %v", err)
	}
}

// What the receiver was told before a crash and what it is told after it is one event, although settings and findings changed.
func TestNotify_SameEventAfterACrash(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	path := filepath.Join(t.TempDir(), "l.db")
	l := open(t, path, c)
	note := reported(t, l)
	h := &hook{}
	s := serve(t, h, httptest.NewServer)
	// The process ends between the receiver's answer and the note of it.
	dying, die := context.WithCancel(t.Context())
	dead := make(chan struct{})
	h.answer = func(http.ResponseWriter, int) {
		die()
		<-dead // the answer comes too late
	}
	n := notifier(l, c, Subscriber{Webhook: *receiver(s.URL)})
	err := n.Notify(dying, note.ID)
	close(dead)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.answer = nil
	c.now = c.now.Add(time.Minute)
	l = open(t, path, c)
	negative := ledger.Reading{Findings: json.RawMessage(`{"decision": "negative"}`)}
	if _, err := l.SaveFindings(t.Context(), note.Notice.RevisionID, negative); err != nil {
		t.Fatal(err)
	}
	if err := notifier(l, c, Subscriber{Webhook: *receiver(s.URL)}).Notify(t.Context(), note.ID); err != nil {
		t.Fatal(err)
	}
	got := h.requests()
	if len(got) != 2 || got[0].event != got[1].event || got[0].body != got[1].body || got[0].event != note.EventID {
		t.Errorf("received %+v", got)
	}
	if n := notification(t, l); n.State != ledger.NotificationSent {
		t.Errorf("%+v", n)
	}
}

func TestNotify_GivesUpAfterDays(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := open(t, filepath.Join(t.TempDir(), "l.db"), c)
	note := reported(t, l)
	r := receiver("http://127.0.0.1:1/")
	n := notifier(l, c, Subscriber{Webhook: *r})
	began := c.now
	for {
		err := n.Notify(t.Context(), note.ID)
		if err == nil {
			break
		}
		var retry *ledger.RetryAfter
		if !errors.As(err, &retry) {
			t.Fatal(err)
		}
		c.now = c.now.Add(retry.Delay)
	}
	if d := c.now.Sub(began); d < 48*time.Hour || d > 120*time.Hour {
		t.Errorf("given up after %s", d)
	}
	if n := notification(t, l); n.State != ledger.NotificationFailed || !strings.Contains(n.Detail, "refused") {
		t.Errorf("%+v", n)
	}
}

func TestNotify_WebhookTakenOutOfTheConfiguration(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := open(t, filepath.Join(t.TempDir(), "l.db"), c)
	note := reported(t, l)
	if err := notifier(l, c).Notify(t.Context(), note.ID); err != nil {
		t.Fatal(err)
	}
	if n := notification(t, l); n.State != ledger.NotificationFailed || n.Detail == "" {
		t.Errorf("%+v", n)
	}
}

// Identifiers go along when the site chose them, and do not hold up the event when they cannot be read.
func TestNotify_Identifiers(t *testing.T) {
	for name, c := range map[string]struct {
		identify func(ledger.Instance) (Identifiers, error)
		want     string
	}{
		"uids": {nil, `"revision":1}`},
		"accession": {func(i ledger.Instance) (Identifiers, error) { return Identifiers{AccessionNumber: i.Path}, nil },
			`"accession_number":"inbox/1"}`},
		"unreadable": {func(ledger.Instance) (Identifiers, error) { return Identifiers{}, errors.New("no such file") }, `"revision":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			now := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			l := open(t, filepath.Join(t.TempDir(), "l.db"), now)
			note := reported(t, l)
			h := &hook{}
			s := serve(t, h, httptest.NewServer)
			one := Subscriber{Webhook: *receiver(s.URL), Identify: c.identify}
			if err := notifier(l, now, one).Notify(t.Context(), note.ID); err != nil {
				t.Fatal(err)
			}
			if got := h.requests()[0].body; !strings.Contains(got, c.want) {
				t.Errorf("%s lacks %s", got, c.want)
			}
		})
	}
}

// No log and no ledger tells the secret or the URL.
func TestNotify_KeepsSecrets(t *testing.T) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := open(t, filepath.Join(t.TempDir(), "l.db"), c)
	note := reported(t, l)
	var log strings.Builder
	n := notifier(l, c, Subscriber{Webhook: *receiver("http://127.0.0.1:1/hook?token=geheim")})
	n.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_ = n.Notify(t.Context(), note.ID)
	said := log.String() + fmt.Sprintf("%+v", notification(t, l))
	if !strings.Contains(said, "refused") || strings.Contains(said, "geheim") || strings.Contains(said, secret) {
		t.Errorf("said: %s", said)
	}
}
