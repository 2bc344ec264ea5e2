package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/ledger"
)

var everything = []ledger.Subscription{{Name: "ris", Kinds: []string{ledger.NoticeResult, ledger.NoticeFailure, ledger.NoticeStuck}}}

// pager is told of failures alone.
var pager = []ledger.Subscription{{Name: "pager", Kinds: []string{ledger.NoticeFailure}}}

// told lists the notifications of a study as "receiver: subject, code, state".
func told(t *testing.T, l *ledger.Ledger, study string) []string {
	t.Helper()
	var all []string
	for _, n := range History(t, l, study).Notifications {
		all = append(all, strings.Join([]string{n.Receiver + ": " + n.Notice.Subject(), n.Notice.Reason.Code, n.State}, ", "))
	}
	return all
}

func wantTold(t *testing.T, l *ledger.Ledger, want ...string) {
	t.Helper()
	if got := told(t, l, "1.2"); !slices.Equal(got, want) {
		t.Fatalf("told:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// found settles the study, unless it is settled, and gives it findings.
func found(t *testing.T, l *ledger.Ledger, findings string) ledger.Revision {
	t.Helper()
	rev, err := l.Settle(t.Context(), "1.2", "test")
	Must(t, err, l.Begin(t.Context(), rev.ID))
	_, err = l.SaveFindings(t.Context(), rev.ID, ledger.Reading{InputDigest: "digest", Findings: json.RawMessage(findings)})
	Must(t, err)
	return rev
}

func (s suite) TestTell_TheSameResultIsNoNews(t *testing.T) {
	clock := newClock()
	l := s.temp(t, ledger.Options{Receivers: everything, Now: clock.Now})
	Record(t, l, Slice("1.2", 1))
	const result = "ris: result, , waiting"
	rev := found(t, l, `{"n": 1}`)
	Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{Text: "positive"}))
	wantTold(t, l, result)

	again := func() ledger.Revision {
		t.Helper()
		clock.Add(time.Minute)
		Must(t, l.Requeue(t.Context(), "1.2"))
		return found(t, l, `{"n": 2}`)
	}
	asBefore := ledger.Reason{Code: ledger.ReasonUnchanged, Text: "as before"}
	Must(t, l.Complete(t.Context(), again().ID, nil, asBefore))
	wantTold(t, l, result)
	rev = again()
	for range 2 {
		Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{Text: "negative"}))
	}
	wantTold(t, l, result, result)

	// A failure in between makes the old result news.
	Must(t, l.NotProcessed(t.Context(), again().ID, ledger.Reason{Code: ledger.ReasonFailed, Text: "no device"}, nil))
	Must(t, l.Complete(t.Context(), again().ID, nil, asBefore))
	wantTold(t, l, result, result, "ris: failure, failed, waiting", "ris: result, unchanged, waiting")

	ids := map[string]bool{}
	for _, n := range History(t, l, "1.2").Notifications {
		ids[n.EventID] = true
	}
	if len(ids) != 4 {
		t.Errorf("%d event ids for four notices", len(ids))
	}
}

func (s suite) TestTell_OnlyWhatSomebodyWants(t *testing.T) {
	ris := ledger.Subscription{Name: "ris", Kinds: []string{ledger.NoticeResult}}
	l := s.temp(t, ledger.Options{Receivers: append(slices.Clone(pager), ris)})
	Record(t, l, Slice("1.2", 1))
	rev := found(t, l, `{}`)
	Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{}))
	wantTold(t, l, "ris: result, , waiting")

	Record(t, l, Slice("1.2", 2))
	rev = found(t, l, `{}`)
	Must(t, l.NotProcessed(t.Context(), rev.ID, ledger.Reason{Code: "no-axial-series", Text: "none"}, nil))
	wantTold(t, l, "ris: result, , waiting", "pager: failure, no-axial-series, waiting")

	// Late slices that change nothing, and a revision that nobody began.
	Record(t, l, Slice("1.2", 3))
	rev = found(t, l, `{}`)
	Must(t, l.Complete(t.Context(), rev.ID, nil, ledger.Reason{Code: ledger.ReasonUnchanged, Text: "as before"}))
	Record(t, l, Slice("1.2", 4))
	_, err := l.Settle(t.Context(), "1.2", "test")
	Must(t, err)
	Record(t, l, Slice("1.2", 5))
	_, err = l.Settle(t.Context(), "1.2", "test")
	Must(t, err)
	wantTold(t, l, "ris: result, , waiting", "pager: failure, no-axial-series, waiting")
}

// Whatever the number of objects and answers, a delivery that ends badly is one notice, given when nothing waits any more. What the
// peer said stays here: it may name a patient.
func (s suite) TestTell_DeliveryGivenUp(t *testing.T) {
	l := s.temp(t, ledger.Options{Receivers: pager})
	Record(t, l, Slice("1.2", 1))
	rev := found(t, l, `{}`)
	Must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "other"}, objects("2.25.1", "2.25.2", "2.25.3")...), ledger.Reason{}))
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	Must(t, err)
	refused := ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Attempted: true, Status: "A900H", Detail: `peer said "Meier^Anna"`}
	Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, refused))
	Must(t, l.RecordDelivery(t.Context(), waiting[1].ID, ledger.DeliveryOutcome{State: ledger.DeliveryFailed, Detail: "no context"}))
	wantTold(t, l)
	stored := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true, Status: "0000H", Detail: "stored"}
	Must(t, l.RecordDelivery(t.Context(), waiting[2].ID, stored))
	wantTold(t, l, "pager: failed delivery to pacs, not-delivered, waiting")
	f := History(t, l, "1.2").Notifications[0].Notice
	if f.Reason.Text != "answered A900H (1 object); no context (1 object)" ||
		f.Objects[ledger.DeliveryFailed] != 2 || f.Objects[ledger.DeliverySent] != 1 {
		t.Errorf("notice %+v", f)
	}
	// Said again by a job that a crash had interrupted: no second notice.
	Must(t, l.RecordDelivery(t.Context(), waiting[0].ID, refused))
	wantTold(t, l, "pager: failed delivery to pacs, not-delivered, waiting")
}

func (s suite) TestNoteStuck(t *testing.T) {
	clock := newClock()
	l := s.temp(t, ledger.Options{Receivers: everything, Now: clock.Now})
	after := ledger.StuckAfter{Receiving: 2 * time.Hour, Study: time.Hour, Delivery: 30 * time.Minute}
	note := func(want int) []ledger.Notice {
		t.Helper()
		fresh, err := l.NoteStuck(t.Context(), after)
		Must(t, err)
		if len(fresh) != want {
			t.Fatalf("stuck: %+v, want %d", fresh, want)
		}
		return fresh
	}
	first := Slice("1.2", 1)
	first.ReceivedAt = clock.Now()
	Record(t, l, first)
	clock.Add(119 * time.Minute)
	note(0)
	clock.Add(time.Minute)
	if f := note(1)[0]; f.RevisionID != 0 || f.Reason.Text != "instances wait to be taken as a complete study for 2h0m0s" {
		t.Errorf("%+v", f)
	}
	note(0) // told once

	rev, err := l.Settle(t.Context(), "1.2", "test")
	Must(t, err)
	clock.Add(59 * time.Minute)
	note(0)
	clock.Add(2 * time.Minute)
	if f := note(1)[0]; f.Revision != 1 || f.Destination != "" || !f.Since.Equal(clock.Now().Add(-61*time.Minute)) {
		t.Errorf("%+v", f)
	}
	Must(t, l.Begin(t.Context(), rev.ID))
	note(0) // still the same wait

	// The operator has it read again: it begins to wait anew.
	Must(t, l.Requeue(t.Context(), "1.2"))
	note(0)
	clock.Add(61 * time.Minute)
	note(1)

	Must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "other"}, objects("2.25.1", "2.25.2")...), ledger.Reason{}))
	waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
	Must(t, err, l.RecordDelivery(t.Context(), waiting[0].ID, ledger.DeliveryOutcome{State: ledger.DeliverySent}),
		l.RecordDelivery(t.Context(), waiting[1].ID, ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Detail: "connection refused"}))
	note(0)
	clock.Add(31 * time.Minute)
	for _, f := range note(2) {
		switch f.Destination {
		case "pacs":
			if f.Objects[ledger.DeliverySent] != 1 || f.Objects[ledger.DeliveryWaiting] != 1 ||
				f.Reason.Text != "objects wait to be delivered for 31m0s: connection refused (1 object)" {
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
	Must(t, l.RecordDelivery(t.Context(), waiting[1].ID, ledger.DeliveryOutcome{State: ledger.DeliverySent}))
	clock.Add(24 * time.Hour)
	note(0)
	if n := strings.Count(eventKinds(History(t, l, "1.2")), ledger.EventStuck); n != 5 {
		t.Errorf("%d events for five waits", n)
	}
}

func (s suite) TestNotificationJob_SurvivesARestartWithItsEventID(t *testing.T) {
	place := s.Place(t)
	l := s.open(t, place, ledger.Options{RetryDelay: fast, Receivers: everything})
	held := make(chan string)
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l), Notify: func(ctx context.Context, id int64) error {
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
	Must(t, l.Close())

	// The receiver left the configuration meanwhile: its job is still somebody's.
	l = s.open(t, place, ledger.Options{RetryDelay: fast})
	var calls atomic.Int32
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l), Notify: func(ctx context.Context, id int64) error {
		n, err := l.Notification(ctx, id)
		if err != nil {
			return err
		}
		if n.EventID != before || string(n.Body) != "the body" {
			t.Errorf("event %s %q, before the restart %s", n.EventID, n.Body, before)
		}
		if calls.Add(1) < 3 {
			return errors.Join(l.RetryNotification(ctx, id, "nobody there", time.Now()), &ledger.RetryAfter{Delay: time.Millisecond})
		}
		return l.FinishNotification(ctx, id, ledger.NotificationSent, "HTTP 204")
	}})
	WaitFor(t, "the receiver to know", func() bool { return slices.Equal(told(t, l, "1.2"), []string{"ris: result, , sent"}) })
	n := History(t, l, "1.2").Notifications[0]
	if n.Attempts != 3 || n.Detail != "HTTP 204" || len(n.Body) != 0 || n.SentAt.IsZero() {
		t.Errorf("%+v", n)
	}
}

// A handler that fails for good ends as a notification with a reason; the operator can have it tried again.
func (s suite) TestNotificationJob_FailsAndIsRequeued(t *testing.T) {
	l := s.temp(t, ledger.Options{RetryDelay: fast, MaxAttempts: 2, Receivers: everything})
	var good atomic.Bool
	startJobs(t, l, ledger.Handlers{Process: reporting(l), Deliver: sending(l), Notify: func(ctx context.Context, id int64) error {
		if !good.Load() {
			return errors.New("no secret")
		}
		return l.FinishNotification(ctx, id, ledger.NotificationSent, "HTTP 200")
	}})
	settle(t, l, "1.2")
	WaitFor(t, "the end", func() bool { return slices.Equal(told(t, l, "1.2"), []string{"ris: result, , failed"}) })
	if n := History(t, l, "1.2").Notifications[0]; n.Detail != "no secret" {
		t.Errorf("%+v", n)
	}
	good.Store(true)
	Must(t, l.Requeue(t.Context(), "1.2"))
	WaitFor(t, "the receiver to know", func() bool {
		return slices.Equal(told(t, l, "1.2"), []string{"ris: result, , sent", "ris: result, , sent"})
	})
}
