package main

import (
	"fmt"
	"slices"
	"time"

	"jcsnode/ledger"
)

// next says what the node will do by itself, and what it leaves to people.
func (e *explanation) next(h *ledger.History) []string {
	var sentences []string
	if h.State == ledger.StateReceiving {
		sentences = append(sentences, e.settles(h))
	}
	for _, r := range h.Revisions {
		switch {
		case r.RetryAt.After(e.now):
			sentences = append(sentences, fmt.Sprintf("Revision %d is processed again at %s, in %s; `jcsnode requeue %s` has it done at once.",
				r.Number, clock(r.RetryAt), r.RetryAt.Sub(e.now).Round(time.Second), h.StudyUID))
		case r.State == ledger.StateSettled, !r.RetryAt.IsZero():
			sentences = append(sentences, fmt.Sprintf("Revision %d is processed as soon as a worker is free, and at the next start if the node is down.", r.Number))
		case r.State == ledger.StateProcessing:
			sentences = append(sentences, fmt.Sprintf("The node finishes revision %d; if it is down, it begins again at the next start.", r.Number))
		}
	}
	failed, untold, unkept := 0, 0, 0
	waiting := map[string]time.Time{}
	for i, r := range h.Revisions {
		for _, c := range r.Confirmations {
			if c.State == ledger.SCUWaiting && c.NextAt.After(e.now) {
				sentences = append(sentences, fmt.Sprintf("%s is asked again to confirm what it keeps at %s, in %s.", c.Destination, clock(c.NextAt), c.NextAt.Sub(e.now).Round(time.Second)))
			}
		}
		for _, d := range r.Deliveries {
			if d.Commitment == ledger.ObjectNotCommitted {
				unkept++
			}
			switch d.State {
			case ledger.DeliveryFailed:
				if !replaced(h.Revisions[i+1:]) {
					failed++
				}
			case ledger.DeliveryWaiting:
				if at, known := waiting[d.Destination]; !known || d.NextAt.Before(at) {
					waiting[d.Destination] = d.NextAt
				}
			}
		}
	}
	for _, destination := range sorted(waiting) {
		if at := waiting[destination]; at.After(e.now) {
			sentences = append(sentences, fmt.Sprintf("%s is asked again at %s, in %s.", destination, clock(at), at.Sub(e.now).Round(time.Second)))
		} else {
			sentences = append(sentences, fmt.Sprintf("%s is asked as soon as an association is free, and at the next start if the node is down.", destination))
		}
	}
	for _, n := range h.Notifications {
		switch {
		case n.State == ledger.NotificationFailed:
			untold++
		case n.State == ledger.NotificationWaiting && n.NextAt.After(e.now):
			sentences = append(sentences, fmt.Sprintf("%s is told again of the %s at %s, in %s.", n.Receiver, n.Notice.Subject(), clock(n.NextAt), n.NextAt.Sub(e.now).Round(time.Second)))
		case n.State == ledger.NotificationWaiting:
			sentences = append(sentences, fmt.Sprintf("%s is told of the %s now, and at the next start if the node is down.", n.Receiver, n.Notice.Subject()))
		}
	}
	if unkept > 0 {
		sentences = append(sentences, fmt.Sprintf("%s not confirmed for good: once the cause is gone, `jcsnode requeue %s` has them sent again.", plural(unkept, "object"), h.StudyUID))
	}
	if untold > 0 {
		sentences = append(sentences, fmt.Sprintf("%s failed for good: `jcsnode requeue %s` has them tried again.", plural(untold, "notification"), h.StudyUID))
	}
	if failed > 0 {
		sentences = append(sentences, fmt.Sprintf("%s failed for good: once the cause is gone, `jcsnode requeue %s` has them tried again.", plural(failed, "delivery"), h.StudyUID))
	}
	if len(sentences) == 0 {
		sentences = append(sentences, "Nothing, unless more instances of the study come.")
	}
	return sentences
}

// replaced tells whether one of the later revisions has a result of its own.
func replaced(later []ledger.RevisionHistory) bool {
	return slices.ContainsFunc(later, func(r ledger.RevisionHistory) bool { return r.State == ledger.StateReported && len(r.Objects) > 0 })
}

// settles says when a study that is still received counts as complete.
func (e *explanation) settles(h *ledger.History) string {
	open := 0
	var quiet time.Duration // the longest of those who sent, as the settler takes it
	var first, last time.Time
	for _, i := range h.Instances {
		if i.Revision != 0 {
			continue
		}
		open++
		own := e.quietOf(i.CallingAE)
		if own == 0 {
			own = time.Duration(e.settle.Quiet)
		}
		quiet = max(quiet, own)
		if first.IsZero() || i.ReceivedAt.Before(first) {
			first = i.ReceivedAt
		}
		if i.ReceivedAt.After(last) {
			last = i.ReceivedAt
		}
	}
	wait := "wait"
	if open == 1 {
		wait = "waits"
	}
	return fmt.Sprintf("%s %s until the study is complete: at %s, if nothing more comes and no association that stored into it is open, and at %s in any case.",
		plural(open, "instance"), wait, clock(last.Add(quiet)), clock(first.Add(time.Duration(e.settle.Limit))))
}
