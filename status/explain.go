package status

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/findings"
	"jcsnode/ledger"
)

// Site is what the configuration says of how studies are taken and where results go.
type Site struct {
	Quiet, Limit time.Duration                             // settle.quiet, settle.limit
	QuietOf      func(callingAETitle string) time.Duration // of a peer that has its own, 0 for all others
	Peers        []string                                  // calling AE titles
	Destinations []string
	Webhooks     []string
	FilesGo      bool // files of studies that are over are removed, keep.days
}

// Explain tells the history of a study: what arrived, what was chosen and why, what was found, made and sent, and, as of now, what
// happens next.
func Explain(h *ledger.History, site Site, now time.Time) []Part {
	parts := []Part{{fmt.Sprintf("Study %s %s.", h.StudyUID, stateWords[h.State]), []Sentence{}}, {"What arrived", arrived(h)}}
	for i := range h.Revisions {
		r := &h.Revisions[i]
		parts = append(parts, Part{fmt.Sprintf("Revision %d", r.Number), revision(r)})
		if len(r.Deliveries) > 0 {
			parts = append(parts, Part{fmt.Sprintf("Delivery of revision %d", r.Number),
				slices.Concat(shares(r.Deliveries, site.Destinations), deliveries(r.Deliveries), commitments(r))})
		}
	}
	if len(h.Notifications) > 0 {
		parts = append(parts, Part{"Notification", notifications(h.Notifications)})
	}
	return append(parts, Part{"What happens next", next(h, site, now)})
}

// stateWords say what the states of a study mean.
var stateWords = map[string]string{
	ledger.StateReceiving:    "is being received",
	ledger.StateSettled:      "is complete and waits to be processed",
	ledger.StateProcessing:   "is being processed",
	ledger.StateReported:     "is reported",
	ledger.StateNotProcessed: "was not processed",
}

func arrived(h *ledger.History) []Sentence {
	series, callers, associations := map[string]bool{}, map[string]bool{}, map[string]bool{}
	again, gone := 0, 0
	var flags tally
	for _, i := range h.Instances {
		series[i.SeriesUID], associations[i.Association] = true, true
		callers[strings.TrimSpace(i.CallingAE+" "+host(i.RemoteAddr))] = true
		again += i.ReceivedAgain
		if i.Gone {
			gone++
		}
		if i.Flag != "" {
			flags.add(i.Flag)
		}
	}
	if len(h.Instances) == 0 && h.Thinned > 0 {
		return append([]Sentence{say("%s came %s. The rows of each were removed from the ledger at %s, as keep.ledger_days asks.",
			Plural(h.Thinned, "instance"), between(h.FirstAt, h.LastAt), Clock(h.ThinnedAt)), filesGone(h)}, refusals(h.Refusals)...)
	}
	all := []Sentence{say("%s of %d series came from %s %s, over %s.", Plural(len(h.Instances), "instance"), len(series),
		strings.Join(slices.Sorted(maps.Keys(callers)), ", "), between(h.FirstAt, h.LastAt), Plural(len(associations), "association"))}
	if again > 0 {
		all = append(all, say("The same bytes came again %s. That changes nothing, unless a correction had replaced them. "+
			"If a destination has lost the results, `jcsnode requeue --resend %s` sends them again.", times(again), h.StudyUID))
	}
	switch {
	case h.Missing:
		all = append(all, say("Files of it were found missing at %s. "+
			"The node had not removed them: the ledger may have been restored without them.", Clock(h.RemovedAt)).
			todo("to have it read again, restore the files and restart the node, or send the study again; "+
				"then `jcsnode requeue "+h.StudyUID+"`"))
	case !h.RemovedAt.IsZero():
		all = append(all, filesGone(h))
	case gone > 0:
		all = append(all, say("The files of %d of them were removed, as keep.days asks.", gone).
			todo("to have it read again, send the whole study again; then `jcsnode requeue "+h.StudyUID+"`"))
	}
	if h.Thinned > 0 {
		all = append(all, say("%s that came before %s no rows in the ledger any more, as keep.ledger_days asks.",
			Plural(h.Thinned, "instance"), number(h.Thinned, "has", "have")))
	}
	for _, flag := range flags.order {
		n := flags.counts[flag]
		all = append(all, say("%s %s flagged: %s", Plural(n, "instance"), number(n, "is", "are"), stop(flag)))
	}
	return append(all, refusals(h.Refusals)...)
}

// filesGone says that the node removed the files of a study.
func filesGone(h *ledger.History) Sentence {
	return say("Its files were removed at %s, as keep.days asks.", Clock(h.RemovedAt)).
		todo("to have it read again, send the study again; then `jcsnode requeue " + h.StudyUID + "`")
}

// host is an address without its port, which is another one for each association.
func host(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// revision says what was read of it, what was found and what was made.
func revision(r *ledger.RevisionHistory) []Sentence {
	all := []Sentence{say("Taken as complete at %s: %s", Clock(r.SettledAt), stop(r.SettledWhy))}
	for _, s := range r.Series {
		all = append(all, say("Series %s was %s: %s", s.SeriesUID, read(s.Chosen, len(r.Findings) > 0), stop(s.Text)).todo(s.Remedy))
	}
	var left tally
	for _, i := range r.Reasons {
		left.add(i.Text)
	}
	for _, why := range left.order {
		all = append(all, say("%s left out: %s", was(left.counts[why], "instance"), stop(why)))
	}
	switch r.State {
	case ledger.StateSettled, ledger.StateProcessing:
		all = append(all, unfinished(r)...)
	default:
		all = append(all, outcome(r)...)
		all = append(all, made(r))
	}
	if r.SupersededBy > 0 {
		all = append(all, say("Revision %d followed.", r.SupersededBy))
	}
	return all
}

// outcome says how a revision ended.
func outcome(r *ledger.RevisionHistory) []Sentence {
	var all []Sentence
	found := findingsIn(r.Findings)
	if r.State == ledger.StateNotProcessed {
		all = append(all, say("It was not processed (%s): %s", r.Reason.Code, stop(r.Reason.Text)).todo(r.Reason.Remedy))
	} else {
		if found.Decision != nil {
			s := say("The study is %s", stop(found.Decision.Text))
			for _, caution := range found.Cautions {
				s.Details = append(s.Details, "Caution: "+stop(caution))
			}
			for _, limit := range found.Limits {
				s.Details = append(s.Details, "What limits that: "+stop(limit))
			}
			all = append(all, s)
		}
		if l := found.Lesions; l != nil && found.Lungs != nil {
			all = append(all,
				say("%s segmented, %.1f mL, %.1f %% of the lungs.", was(l.Count, "lesion"), l.VolumeML, 100*found.Lungs.LesionShare))
		}
		if r.Reason.Code != "" {
			all = append(all, say("That is nothing new: %s", stop(r.Reason.Text)))
		}
	}
	if len(found.Models) > 0 {
		all = append(all, say("The weights of the networks are %s.", findings.Weights(found.Models)))
	}
	for _, omitted := range found.Omitted {
		all = append(all, say("In its objects %s", stop(omitted)))
	}
	return all
}

// made says which objects there are of a revision that has ended.
func made(r *ledger.RevisionHistory) Sentence {
	if len(r.Objects) == 0 {
		return say("No object was made.")
	}
	var kinds tally
	for _, o := range r.Objects {
		kinds.add(object.PlainName(o.Kind))
	}
	return say("%s made by %s: %s.", was(len(r.Objects), "object"), Clock(r.FinishedAt), kinds.String())
}

// unfinished says how far a revision without an outcome is.
func unfinished(r *ledger.RevisionHistory) []Sentence {
	var all []Sentence
	if f := r.Failure; f != nil {
		all = append(all, say("Processing failed at %s: %s", Clock(f.At), stop(f.Text)))
	}
	switch {
	case !r.RetryAt.IsZero():
		return all
	case r.State == ledger.StateSettled:
		return append(all, say("It waits to be processed."))
	}
	return append(all, say("Processing began at %s and has not ended.", Clock(r.StartedAt)))
}
