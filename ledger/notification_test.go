package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var everything = []Subscription{{Name: "ris", Kinds: []string{NoticeResult, NoticeFailure, NoticeStuck}}}

// told lists the notifications of a study as "receiver: subject, code, state".
func told(t *testing.T, l *Ledger, study string) []string {
	t.Helper()
	var all []string
	for _, n := range history(t, l, study).Notifications {
		all = append(all, strings.Join([]string{n.Receiver + ": " + n.Notice.Subject(), n.Notice.Reason.Code, n.State}, ", "))
	}
	return all
}

func wantTold(t *testing.T, l *Ledger, want ...string) {
	t.Helper()
	if got := told(t, l, "1.2"); !slices.Equal(got, want) {
		t.Fatalf("told:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// found settles the study, unless it is settled, and gives it findings.
func found(t *testing.T, l *Ledger, findings string) Revision {
	t.Helper()
	rev, err := l.Settle(t.Context(), "1.2", "test")
	must(t, err, l.Begin(t.Context(), rev.ID))
	_, err = l.SaveFindings(t.Context(), rev.ID, "digest", json.RawMessage(findings))
	must(t, err)
	return rev
}

func TestTell_TheSameResultIsNoNews(t *testing.T) {
	clock := newClock()
	l := tempLedger(t, Options{Receivers: everything, Now: clock.Now})
	record(t, l, slice("1.2", 1))
	const result = "ris: result, , waiting"
	rev := found(t, l, `{"n": 1}`)
	must(t, l.Complete(t.Context(), rev.ID, nil, Reason{Text: "positive"}))
	wantTold(t, l, result)

	again := func() Revision {
		t.Helper()
		clock.Add(time.Minute)
		must(t, l.Requeue(t.Context(), "1.2"))
		return found(t, l, `{"n": 2}`)
	}
	asBefore := Reason{Code: ReasonUnchanged, Text: "as before"}
	must(t, l.Complete(t.Context(), again().ID, nil, asBefore))
	wantTold(t, l, result)
	rev = again()
	must(t, l.Complete(t.Context(), rev.ID, nil, Reason{Text: "negative"}), l.Complete(t.Context(), rev.ID, nil, Reason{Text: "negative"}))
	wantTold(t, l, result, result)

	// A failure in between makes the old result news.
	must(t, l.NotProcessed(t.Context(), again().ID, Reason{Code: ReasonFailed, Text: "no device"}, nil))
	must(t, l.Complete(t.Context(), again().ID, nil, asBefore))
	wantTold(t, l, result, result, "ris: failure, failed, waiting", "ris: result, unchanged, waiting")

	ids := map[string]bool{}
	for _, n := range history(t, l, "1.2").Notifications {
		ids[n.EventID] = true
	}
	if len(ids) != 4 {
		t.Errorf("%d event ids for four facts", len(ids))
	}
}

func TestTell_OnlyWhatSomebodyWants(t *testing.T) {
	l := tempLedger(t, Options{Receivers: []Subscription{{"pager", []string{NoticeFailure}}, {"ris", []string{NoticeResult}}}})
	record(t, l, slice("1.2", 1))
	rev := found(t, l, `{}`)
	must(t, l.Complete(t.Context(), rev.ID, nil, Reason{}))
	wantTold(t, l, "ris: result, , waiting")

	record(t, l, slice("1.2", 2))
	rev = found(t, l, `{}`)
	must(t, l.NotProcessed(t.Context(), rev.ID, Reason{Code: "no-axial-series", Text: "none"}, nil))
	wantTold(t, l, "ris: result, , waiting", "pager: failure, no-axial-series, waiting")

	// Late slices that change nothing, and a revision that nobody began.
	record(t, l, slice("1.2", 3))
	rev = found(t, l, `{}`)
	must(t, l.Complete(t.Context(), rev.ID, nil, Reason{Code: ReasonUnchanged, Text: "as before"}))
	record(t, l, slice("1.2", 4))
	_, err := l.Settle(t.Context(), "1.2", "test")
	must(t, err)
	record(t, l, slice("1.2", 5))
	_, err = l.Settle(t.Context(), "1.2", "test")
	must(t, err)
	wantTold(t, l, "ris: result, , waiting", "pager: failure, no-axial-series, waiting")
}

// Whatever the number of objects and answers, a delivery that ends badly is one fact, told when nothing waits any more. What the
// peer said stays here: it may name a patient.
func TestTell_DeliveryGivenUp(t *testing.T) {
	l := tempLedger(t, Options{Receivers: []Subscription{{"pager", []string{NoticeFailure}}}})
	record(t, l, slice("1.2", 1))
	rev := found(t, l, `{}`)
	must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "other"}, Object{SOPInstanceUID: "2.25.1"}, Object{SOPInstanceUID: "2.25.2"}, Object{SOPInstanceUID: "2.25.3"}), Reason{}))
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	must(t, err)
	must(t, l.RecordDelivery(t.Context(), waiting[0].ID, DeliveryOutcome{State: DeliveryFailed, Attempted: true, Status: "A900H", Detail: `peer said "Meier^Anna"`}))
	must(t, l.RecordDelivery(t.Context(), waiting[1].ID, DeliveryOutcome{State: DeliveryFailed, Detail: "no context"}))
	wantTold(t, l)
	must(t, l.RecordDelivery(t.Context(), waiting[2].ID, DeliveryOutcome{State: DeliverySent, Attempted: true, Status: "0000H", Detail: "stored"}))
	wantTold(t, l, "pager: failed delivery to pacs, not-delivered, waiting")
	f := history(t, l, "1.2").Notifications[0].Notice
	if f.Reason.Text != "answered A900H (1 object); no context (1 object)" || f.Objects[DeliveryFailed] != 2 || f.Objects[DeliverySent] != 1 {
		t.Errorf("fact %+v", f)
	}
	// Said again by a job that a crash had interrupted: no second fact.
	must(t, l.RecordDelivery(t.Context(), waiting[0].ID, DeliveryOutcome{State: DeliveryFailed, Attempted: true, Status: "A900H"}))
	wantTold(t, l, "pager: failed delivery to pacs, not-delivered, waiting")
}

func TestNoteStuck(t *testing.T) {
	clock := newClock()
	l := tempLedger(t, Options{Receivers: everything, Now: clock.Now})
	patience := StuckAfter{Receiving: 2 * time.Hour, Study: time.Hour, Delivery: 30 * time.Minute}
	note := func(want int) []Notice {
		t.Helper()
		fresh, err := l.NoteStuck(t.Context(), patience)
		must(t, err)
		if len(fresh) != want {
			t.Fatalf("stuck: %+v, want %d", fresh, want)
		}
		return fresh
	}
	first := slice("1.2", 1)
	first.ReceivedAt = clock.Now()
	record(t, l, first)
	clock.Add(119 * time.Minute)
	note(0)
	clock.Add(time.Minute)
	if f := note(1)[0]; f.RevisionID != 0 || f.Reason.Text != "instances wait to be taken as a complete study for 2h0m0s" {
		t.Errorf("%+v", f)
	}
	note(0) // told once

	rev, err := l.Settle(t.Context(), "1.2", "test")
	must(t, err)
	clock.Add(59 * time.Minute)
	note(0)
	clock.Add(2 * time.Minute)
	if f := note(1)[0]; f.Revision != 1 || f.Destination != "" || !f.Since.Equal(clock.Now().Add(-61*time.Minute)) {
		t.Errorf("%+v", f)
	}
	must(t, l.Begin(t.Context(), rev.ID))
	note(0) // still the same wait

	// The operator has it read again: it begins to wait anew.
	must(t, l.Requeue(t.Context(), "1.2"))
	note(0)
	clock.Add(61 * time.Minute)
	note(1)

	must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "other"}, Object{SOPInstanceUID: "2.25.1"}, Object{SOPInstanceUID: "2.25.2"}), Reason{}))
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	must(t, err, l.RecordDelivery(t.Context(), waiting[0].ID, DeliveryOutcome{State: DeliverySent}),
		l.RecordDelivery(t.Context(), waiting[1].ID, DeliveryOutcome{State: DeliveryWaiting, Detail: "connection refused"}))
	note(0)
	clock.Add(31 * time.Minute)
	for _, f := range note(2) {
		switch f.Destination {
		case "pacs":
			if f.Objects[DeliverySent] != 1 || f.Objects[DeliveryWaiting] != 1 || f.Reason.Text != "objects wait to be delivered for 31m0s: connection refused (1 object)" {
				t.Errorf("%+v", f)
			}
		case "other":
			if f.Reason.Text != "objects wait to be delivered for 31m0s: not asked yet (2 objects)" {
				t.Errorf("%+v", f)
			}
		default:
			t.Errorf("%+v", f)
		}
	}
	must(t, l.RecordDelivery(t.Context(), waiting[1].ID, DeliveryOutcome{State: DeliverySent}))
	clock.Add(24 * time.Hour)
	note(0)
	if n := strings.Count(eventKinds(history(t, l, "1.2")), EventStuck); n != 5 {
		t.Errorf("%d events for five waits", n)
	}
}

func TestNotificationJob_SurvivesARestartWithItsEventID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l := openTest(t, path, Options{RetryDelay: fast, Receivers: everything})
	held := make(chan string)
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l), Notify: func(ctx context.Context, id int64) error {
		n, err := l.Notification(ctx, id)
		if err = errors.Join(err, l.FixNotification(ctx, id, []byte("the body"))); err != nil {
			return err
		}
		held <- n.EventID
		<-ctx.Done() // until the process ends
		return ctx.Err()
	}})
	settle(t, l, "1.2")
	before := <-held
	must(t, l.Close())

	// The receiver left the configuration meanwhile: its job is still somebody's.
	l = openTest(t, path, Options{RetryDelay: fast})
	var calls atomic.Int32
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l), Notify: func(ctx context.Context, id int64) error {
		n, err := l.Notification(ctx, id)
		if err != nil {
			return err
		}
		if n.EventID != before || string(n.Body) != "the body" {
			t.Errorf("event %s %q, before the restart %s", n.EventID, n.Body, before)
		}
		if calls.Add(1) < 3 {
			return errors.Join(l.RetryNotification(ctx, id, "nobody there", l.now()), &RetryAfter{Delay: time.Millisecond})
		}
		return l.FinishNotification(ctx, id, NotificationSent, "HTTP 204")
	}})
	waitFor(t, "the receiver to know", func() bool { return slices.Equal(told(t, l, "1.2"), []string{"ris: result, , sent"}) })
	n := history(t, l, "1.2").Notifications[0]
	if n.Attempts != 3 || n.Detail != "HTTP 204" || len(n.Body) != 0 || n.SentAt.IsZero() {
		t.Errorf("%+v", n)
	}
}

// A handler that fails for good ends as a notification with a reason; the operator can have it tried again.
func TestNotificationJob_FailsAndIsRequeued(t *testing.T) {
	l := tempLedger(t, Options{RetryDelay: fast, MaxAttempts: 2, Receivers: everything})
	var good atomic.Bool
	startJobs(t, l, Handlers{Process: reporting(l), Deliver: sending(l), Notify: func(ctx context.Context, id int64) error {
		if !good.Load() {
			return errors.New("no secret")
		}
		return l.FinishNotification(ctx, id, NotificationSent, "HTTP 200")
	}})
	settle(t, l, "1.2")
	waitFor(t, "the end", func() bool { return slices.Equal(told(t, l, "1.2"), []string{"ris: result, , failed"}) })
	if n := history(t, l, "1.2").Notifications[0]; n.Detail != "no secret" {
		t.Errorf("%+v", n)
	}
	good.Store(true)
	must(t, l.Requeue(t.Context(), "1.2"))
	waitFor(t, "the receiver to know", func() bool {
		return slices.Equal(told(t, l, "1.2"), []string{"ris: result, , sent", "ris: result, , sent"})
	})
}
