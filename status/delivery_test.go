package status_test

import (
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/status"
)

func delivery(destination, state string, attempts int, code, detail string) ledger.Delivery {
	return ledger.Delivery{Object: ledger.Object{Kind: "outline", Title: "Outline"},
		Destination: destination, State: state, Attempts: attempts,
		Status: code, Detail: detail, SentAt: now}
}

// history is a study with one revision and what was to be delivered of it.
func history(r ledger.RevisionHistory) *ledger.History {
	r.Number, r.State = 1, ledger.StateReported
	return &ledger.History{StudyUID: "1.2", State: ledger.StateReported, Revisions: []ledger.RevisionHistory{r}}
}

func TestExplain_EveryAnswerOfADestination(t *testing.T) {
	gone := "replaced by revision 2 before it was sent"
	waits := delivery("pacs", ledger.DeliveryWaiting, 1, "A700H", "peer cannot store now")
	waits.NextAt = now.Add(90 * time.Second)
	all := []ledger.Delivery{
		delivery("pacs", ledger.DeliverySent, 1, "0000H", "stored"),
		delivery("pacs", ledger.DeliveryFailed, 1, "A900H", "peer does not want this object"),
		waits, delivery("museum", ledger.DeliveryWithdrawn, 0, "", gone), delivery("museum", ledger.DeliveryWithdrawn, 0, "", gone),
		delivery("pacs", ledger.DeliveryWithdrawn, 0, "", gone), delivery("pacs", ledger.DeliverySent, 2, "0000H", "stored"),
		delivery("away", ledger.DeliveryWaiting, 0, "", "connection failed"), delivery("new", ledger.DeliveryWaiting, 0, "", ""),
	}
	all[0].Object.Kind = "seg"
	with := site
	with.Destinations = []string{"pacs", "research"}
	parts := status.Explain(history(ledger.RevisionHistory{Deliveries: all}), with, now)
	wantText(t, text(parts, "Delivery of revision 1"), `
away is to have outline.
museum is to have outline (2).
new is to have outline.
pacs is to have segmentation, outline (4).
research is to have nothing of it: its profile asks for none of these objects, or it was configured later.
away has not taken 1 object so far: connection failed.
2 objects for museum were withdrawn: each replaced by revision 2 before it was sent.
new has not been asked about 1 object yet.
pacs took 2 objects by TIME: 0000H stored.
1 object for pacs was given up after 1 attempt: A900H peer does not want this object.
pacs has not taken 1 object so far after 1 attempt: A700H peer cannot store now.
1 object for pacs was withdrawn: replaced by revision 2 before it was sent.
`)
	wantText(t, text(parts, "What happens next"), `
away is asked as soon as an association is free, or at the next start if the node is down.
new is asked as soon as an association is free, or at the next start if the node is down.
pacs is asked again at TIME, in 90 s.
1 delivery was given up. Once the cause is gone, `+"`jcsnode requeue 1.2`"+` tries it again.
`)
}

// What failed for good of a result that another one replaced is nobody's concern any more.
func TestExplain_NothingToDoForAReplacedResult(t *testing.T) {
	h := history(ledger.RevisionHistory{Deliveries: []ledger.Delivery{delivery("pacs", ledger.DeliveryFailed, 1, "A900H", "")}})
	const offer = "1 delivery was given up. Once the cause is gone, `jcsnode requeue 1.2` tries it again."
	wantText(t, text(status.Explain(h, site, now), "What happens next"), offer)
	second := ledger.RevisionHistory{Revision: ledger.Revision{Number: 2, State: ledger.StateReported}}
	h.Revisions = append(h.Revisions, second)
	wantText(t, text(status.Explain(h, site, now), "What happens next"), offer) // it found the same
	h.Revisions[1].Objects = []ledger.Object{{Kind: "summary"}}
	wantText(t, text(status.Explain(h, site, now), "What happens next"), "Nothing, unless more instances of the study come.")
}

func TestExplain_StorageCommitment(t *testing.T) {
	sent := func(destination, commitment, detail string) ledger.Delivery {
		d := delivery(destination, ledger.DeliverySent, 1, "0000H", "stored")
		d.Commitment, d.CommitmentDetail, d.CommitmentAt = commitment, detail, now
		return d
	}
	again := delivery("pacs", ledger.DeliveryWaiting, 1, "", "taken, but not kept: 0112H (no such SOP instance)")
	h := history(ledger.RevisionHistory{
		Deliveries: []ledger.Delivery{
			sent("pacs", ledger.ObjectCommitted, "PACS at 10.0.0.7:4000"),
			sent("pacs", ledger.ObjectCommitted, "PACS at 10.0.0.7:4000"),
			sent("pacs", ledger.ObjectNotCommitted, "0112H (no such SOP instance)"), again,
			sent("slow", ledger.ObjectAsked, ""), sent("new", ledger.ObjectAsked, ""), sent("deaf", ledger.ObjectAsked, "")},
		Commitments: []ledger.CommitmentSCU{{Destination: "pacs", State: ledger.SCUAnswered},
			{Destination: "slow", State: ledger.SCUWaiting, Asked: 2, AskedAt: now, NextAt: now.Add(time.Hour)},
			{Destination: "new", State: ledger.SCUWaiting},
			{Destination: "deaf", State: ledger.SCUWaiting, Attempts: 3, Detail: "connection refused", NextAt: now.Add(5 * time.Hour)}}})
	parts := status.Explain(h, site, now)
	wantText(t, text(parts, "Delivery of revision 1"), `
deaf is to have outline.
new is to have outline.
pacs is to have outline (4).
slow is to have outline.
deaf took 1 object by TIME: 0000H stored.
new took 1 object by TIME: 0000H stored.
pacs took 3 objects by TIME: 0000H stored.
pacs has not taken 1 object so far after 1 attempt: taken, but not kept: 0112H (no such SOP instance).
slow took 1 object by TIME: 0000H stored.
pacs gave storage commitment for 2 objects by TIME.
pacs gave no storage commitment for 1 object: 0112H (no such SOP instance).
slow was asked for storage commitment of 1 object twice, last at TIME, and has not answered.
new has not been asked for storage commitment of 1 object yet.
deaf could not be asked for storage commitment of 1 object after 3 attempts: connection refused.
`)
	wantText(t, text(parts, "What happens next"), `
slow is asked again for storage commitment at TIME, in 60 min.
deaf is asked again for storage commitment at TIME, in 5 h.
pacs is asked as soon as an association is free, or at the next start if the node is down.
1 object has no storage commitment. Once the cause is gone, `+"`jcsnode requeue 1.2`"+` sends it again and asks again.
`)
}

func TestExplain_Notifications(t *testing.T) {
	result := ledger.Notice{Kind: ledger.NoticeResult}
	lost := ledger.Notice{Kind: ledger.NoticeFailure, Destination: "pacs"}
	parts := status.Explain(&ledger.History{StudyUID: "1.2", State: ledger.StateReported, Notifications: []ledger.Notification{
		{Receiver: "ris", Notice: result, State: ledger.NotificationSent, Detail: "HTTP 204", SentAt: now, Attempts: 1},
		{Receiver: "pager", Notice: result, State: ledger.NotificationWaiting,
			Detail: "HTTP 502 Bad Gateway", Attempts: 2, NextAt: now.Add(time.Minute)},
		{Receiver: "pager", Notice: lost, State: ledger.NotificationWaiting},
		{Receiver: "mail", Notice: lost, State: ledger.NotificationFailed, Detail: "HTTP 401 Unauthorized", Attempts: 100},
		{Receiver: "mail", Notice: result, State: ledger.NotificationFailed, Detail: "HTTP 401 Unauthorized", Attempts: 100},
	}}, site, now)
	wantText(t, text(parts, "Notification"), `
ris was told of the result at TIME: HTTP 204.
pager has not been told of the result so far after 2 attempts: HTTP 502 Bad Gateway.
pager has not been told of the failed delivery to pacs yet.
Telling mail of the failed delivery to pacs was given up after 100 attempts: HTTP 401 Unauthorized.
Telling mail of the result was given up after 100 attempts: HTTP 401 Unauthorized.
`)
	wantText(t, text(parts, "What happens next"), `
The next attempt to tell pager of the result is at TIME, in 60 s.
pager is told of the failed delivery to pacs at once, or at the next start if the node is down.
2 notifications were given up. `+"`jcsnode requeue 1.2`"+` tries them again.
`)
}

func TestExplain_WhatHappensNext(t *testing.T) {
	revision := func(state string, failure *ledger.Event, retry time.Time) *ledger.History {
		return &ledger.History{StudyUID: "1.2", State: state,
			Revisions: []ledger.RevisionHistory{{Revision: ledger.Revision{Number: 1, State: state}, Failure: failure, RetryAt: retry}}}
	}
	failed := &ledger.Event{Text: "attempt 1 of 4: no memory"}
	for name, c := range map[string]struct {
		h    *ledger.History
		want string
	}{
		"settled": {revision(ledger.StateSettled, nil, time.Time{}),
			"Revision 1 is processed as soon as a worker is free, or at the next start if the node is down."},
		"processing": {revision(ledger.StateProcessing, nil, time.Time{}),
			"The node finishes revision 1; if it is down, it begins again at the next start."},
		"failed": {revision(ledger.StateProcessing, failed, now.Add(9*time.Second)),
			"Revision 1 is processed again at TIME, in 9 s; `jcsnode requeue 1.2` has it done at once."},
		"due again": {revision(ledger.StateProcessing, failed, now),
			"Revision 1 is processed as soon as a worker is free, or at the next start if the node is down."},
		"over": {revision(ledger.StateReported, nil, time.Time{}), "Nothing, unless more instances of the study come."},
	} {
		t.Run(name, func(t *testing.T) { wantText(t, text(status.Explain(c.h, site, now), "What happens next"), c.want) })
	}
}

// A study of which a node alone has files waits for those.
func TestExplain_FilesOnOneNode(t *testing.T) {
	far := instance("CT", now)
	far.At = "door2"
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateReceiving, Instances: []ledger.Instance{far, instance("CT", now), far}}
	parts := status.Explain(h, site, now)
	const want = "The study waits for 2 files to go up from node door2, however long that takes. " +
		"If that disk is lost, send the study again; `jcsnode requeue 1.2` has the node wait no longer, and say what is missing."
	if got := parts[len(parts)-1].Sentences[1].Text; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := status.Settles(h, site); !strings.HasSuffix(got, ", but not before all its files are where every node can read them.") {
		t.Errorf("%q", got)
	}
}

// A study is complete when it is quiet for as long as the slowest of its senders needs, and by the limit in any case.
func TestSettles(t *testing.T) {
	const form = "2006-01-02 15:04:05 -07:00"
	old := instance("SLOW", now.Add(-time.Hour))
	old.Revision = 1
	for name, c := range map[string]struct {
		instances []ledger.Instance
		count     string
		quiet     time.Duration
	}{
		"one sender":                 {[]ledger.Instance{instance("CT", now)}, "1 instance waits", time.Minute},
		"one that needs longer":      {[]ledger.Instance{instance("CT", now), instance("SLOW", now)}, "2 instances wait", 30 * time.Minute},
		"one of an earlier revision": {[]ledger.Instance{old, instance("CT", now)}, "1 instance waits", time.Minute},
	} {
		want := c.count + " until the study is complete: at " + now.Add(c.quiet).Format(form) +
			", if nothing more comes and no association that stored into it is open, and at " +
			now.Add(time.Hour).Format(form) + " in any case."
		h := &ledger.History{State: ledger.StateReceiving, Instances: c.instances}
		if got := status.Settles(h, site); got != want {
			t.Errorf("%s:\n%q, want\n%q", name, got, want)
		}
		if next := status.Explain(h, site, now); next[len(next)-1].Sentences[0].Text != want {
			t.Errorf("%s: explain says %q", name, next[len(next)-1].Sentences[0].Text)
		}
	}
}
