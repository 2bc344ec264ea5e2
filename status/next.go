package status

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"jcsnode/ledger"
)

// next says what the node will do by itself, and what it leaves to people.
func next(h *ledger.History, site Site, now time.Time) []Sentence {
	var all []Sentence
	if h.State == ledger.StateReceiving {
		all = append(all, say("%s", Settles(h, site)))
		all = append(all, uploads(h)...)
	}
	all = slices.Concat(all, nextReadings(h, now), nextDeliveries(h, now), nextNotifications(h, now), leftToPeople(h))
	if len(all) == 0 {
		all = append(all, say("Nothing, unless more instances of the study come."))
	}
	return all
}

// uploads says which nodes alone have files of a study: until those are in the store it does not count as complete.
func uploads(h *ledger.History) (all []Sentence) {
	at := map[string]int{}
	for _, i := range h.Instances {
		if i.At != "" {
			at[i.At]++
		}
	}
	for _, node := range slices.Sorted(maps.Keys(at)) {
		all = append(all, say("The study waits for %s to go up from node %s, however long that takes. If that disk is lost, "+
			"send the study again; `jcsnode requeue %s` has the node wait no longer, and say what is missing.",
			Plural(at[node], "file"), node, h.StudyUID))
	}
	return all
}

func nextReadings(h *ledger.History, now time.Time) []Sentence {
	var all []Sentence
	for _, r := range h.Revisions {
		switch {
		case r.RetryAt.After(now):
			all = append(all, say("Revision %d is processed again %s; `jcsnode requeue %s` has it done at once.",
				r.Number, in(now, r.RetryAt), h.StudyUID))
		case r.State == ledger.StateSettled, !r.RetryAt.IsZero():
			all = append(all,
				say("Revision %d is processed as soon as a worker is free, or at the next start if the node is down.", r.Number))
		case r.State == ledger.StateProcessing:
			all = append(all, say("The node finishes revision %d; if it is down, it begins again at the next start.", r.Number))
		}
	}
	return all
}

func nextDeliveries(h *ledger.History, now time.Time) []Sentence {
	var all []Sentence
	waiting := map[string]time.Time{}
	for _, r := range h.Revisions {
		for _, c := range r.Commitments {
			if c.State == ledger.SCUWaiting && c.NextAt.After(now) {
				all = append(all, say("%s is asked again for storage commitment %s.", c.Destination, in(now, c.NextAt)))
			}
		}
		for _, d := range r.Deliveries {
			if d.State == ledger.DeliveryWaiting {
				if at, known := waiting[d.Destination]; !known || d.NextAt.Before(at) {
					waiting[d.Destination] = d.NextAt
				}
			}
		}
	}
	for _, destination := range slices.Sorted(maps.Keys(waiting)) {
		if at := waiting[destination]; at.After(now) {
			all = append(all, say("%s is asked again %s.", destination, in(now, at)))
		} else {
			all = append(all, say("%s is asked as soon as an association is free, or at the next start if the node is down.", destination))
		}
	}
	return all
}

func nextNotifications(h *ledger.History, now time.Time) []Sentence {
	var all []Sentence
	for _, n := range h.Notifications {
		switch {
		case n.State != ledger.NotificationWaiting:
		case n.NextAt.After(now):
			all = append(all, say("The next attempt to tell %s of the %s is %s.", n.Receiver, n.Notice.Subject(), in(now, n.NextAt)))
		default:
			all = append(all,
				say("%s is told of the %s at once, or at the next start if the node is down.", n.Receiver, n.Notice.Subject()))
		}
	}
	return all
}

// leftToPeople says what the node has given up, and how to have it tried again.
func leftToPeople(h *ledger.History) []Sentence {
	failed, untold, uncommitted := 0, 0, 0
	for i, r := range h.Revisions {
		for _, d := range r.Deliveries {
			if d.Commitment == ledger.ObjectNotCommitted {
				uncommitted++
			}
			if d.State == ledger.DeliveryFailed && !replaced(h.Revisions[i+1:]) {
				failed++
			}
		}
	}
	for _, n := range h.Notifications {
		if n.State == ledger.NotificationFailed {
			untold++
		}
	}
	var all []Sentence
	if uncommitted > 0 {
		all = append(all, say("%s %s no storage commitment. Once the cause is gone, `jcsnode requeue %s` sends %s again and asks again.",
			Plural(uncommitted, "object"), number(uncommitted, "has", "have"), h.StudyUID, number(uncommitted, "it", "them")))
	}
	if untold > 0 {
		all = append(all, say("%s given up. `jcsnode requeue %s` tries %s again.",
			was(untold, "notification"), h.StudyUID, number(untold, "it", "them")))
	}
	if failed > 0 {
		all = append(all, say("%s given up. Once the cause is gone, `jcsnode requeue %s` tries %s again.",
			was(failed, "delivery"), h.StudyUID, number(failed, "it", "them")))
	}
	return all
}

// replaced tells whether one of the later revisions has a result of its own.
func replaced(later []ledger.RevisionHistory) bool {
	return slices.ContainsFunc(later, func(r ledger.RevisionHistory) bool { return r.State == ledger.StateReported && len(r.Objects) > 0 })
}

// Settles says when a study that is still received counts as complete.
func Settles(h *ledger.History, site Site) string {
	open, away := 0, 0
	var quiet time.Duration // the longest of those who sent, as the settler takes it
	var first, last time.Time
	for _, i := range h.Instances {
		if i.At != "" {
			away++
		}
		if i.Revision != 0 {
			continue
		}
		open++
		own := site.QuietOf(i.CallingAE)
		if own == 0 {
			own = site.Quiet
		}
		quiet = max(quiet, own)
		if first.IsZero() || i.ReceivedAt.Before(first) {
			first = i.ReceivedAt
		}
		if i.ReceivedAt.After(last) {
			last = i.ReceivedAt
		}
	}
	limit := "in any case"
	if away > 0 {
		limit = "in any case, but not before all its files are where every node can read them"
	}
	return fmt.Sprintf("%s %s until the study is complete: "+
		"at %s, if nothing more comes and no association that stored into it is open, and at %s %s.",
		Plural(open, "instance"), number(open, "waits", "wait"), Clock(last.Add(quiet)), Clock(first.Add(site.Limit)), limit)
}
