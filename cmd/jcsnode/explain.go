package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"jcsnode/findings"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/dicomout/object"
	"jcsnode/ledger"
	"jcsnode/node"
)

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain STUDY_UID",
		Short: "say in sentences what happened to a study, and what happens next",
		Long: "explain says what arrived of a study, what was chosen of it and why, what was found and made, what each destination\n" +
			"answered, and what happens next and when. `jcsnode status STUDY_UID` has the same and every event, as lists.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cfg, err := config.Read(*path)
		if err != nil {
			return err
		}
		l, err := readLedger(c.Context(), cfg)
		if err != nil {
			return err
		}
		defer l.Close()
		h, err := historyOf(c.Context(), l, args[0])
		if err != nil {
			return err
		}
		e := explanation{w: c.OutOrStdout(), settle: cfg.Settle, quietOf: node.QuietOf(cfg.Peers), destinations: node.DestinationNames(cfg.Destinations), now: time.Now()}
		e.study(h)
		return nil
	}
	return c
}

// explanation tells the history of a study in sentences.
type explanation struct {
	w            io.Writer
	settle       config.Settle
	quietOf      func(callingAETitle string) time.Duration // 0: that of settle
	destinations []string                                  // of the configuration
	now          time.Time
}

func (e *explanation) study(h *ledger.History) {
	fmt.Fprintf(e.w, "Study %s is %s.\n", h.StudyUID, h.State)
	e.part("What arrived", arrived(h))
	for i := range h.Revisions {
		r := &h.Revisions[i]
		e.part(fmt.Sprintf("Revision %d", r.Number), revisionSentences(r))
		if len(r.Deliveries) > 0 {
			e.part(fmt.Sprintf("Delivery of revision %d", r.Number), slices.Concat(e.shares(r), deliverySentences(r.Deliveries), commitmentSentences(r)))
		}
	}
	if len(h.Notifications) > 0 {
		e.part("Notification", notificationSentences(h.Notifications))
	}
	e.part("What happens next", e.next(h))
}

// part prints a heading and its sentences, each on a line.
func (e *explanation) part(title string, sentences []string) {
	fmt.Fprintf(e.w, "\n%s\n", title)
	for _, s := range sentences {
		fmt.Fprintf(e.w, "  %s\n", s)
	}
}

func arrived(h *ledger.History) []string {
	series, callers, associations := map[string]bool{}, map[string]bool{}, map[string]bool{}
	again := 0
	flags := newTally()
	for _, i := range h.Instances {
		series[i.SeriesUID], associations[i.Association] = true, true
		callers[strings.TrimSpace(i.CallingAE+" "+host(i.RemoteAddr))] = true
		again += i.ReceivedAgain
		if i.Flag != "" {
			flags.add(i.Flag, 1)
		}
	}
	sentences := []string{fmt.Sprintf("%s of %d series came from %s between %s and %s, over %s.", plural(len(h.Instances), "instance"), len(series),
		strings.Join(sorted(callers), ", "), clock(h.FirstAt), clock(h.LastAt), plural(len(associations), "association"))}
	if again > 0 {
		sentences = append(sentences, fmt.Sprintf("The same bytes came again %d times, which changes nothing where no correction had replaced them. If a destination has lost the results, `jcsnode requeue --resend %s` sends them again.", again, h.StudyUID))
	}
	if h.Missing {
		sentences = append(sentences, fmt.Sprintf("Files of it were missing at %s, though nobody removed them: data_dir was restored without them. To have it read again, restore them and "+
			"restart the node, or send the study again; then requeue it.", clock(h.RemovedAt)))
	} else if !h.RemovedAt.IsZero() {
		sentences = append(sentences, fmt.Sprintf("The files were removed at %s, since all was over (keep.days). To have it read again, send the study again and requeue it.", clock(h.RemovedAt)))
	}
	for _, f := range flags.order {
		sentences = append(sentences, fmt.Sprintf("%s flagged: %s.", plural(flags.counts[f], "instance"), f))
	}
	return append(sentences, refusalSentences(h.Refusals)...)
}

// host is an address without its port, which is another one for each association.
func host(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// revisionSentences say what was read of a revision, what was found and what was made.
func revisionSentences(r *ledger.RevisionHistory) []string {
	sentences := []string{fmt.Sprintf("Taken as complete at %s: %s.", clock(r.SettledAt), r.SettledWhy)}
	for _, s := range r.Series {
		verb := "was not read"
		if s.Chosen {
			verb = "was read"
		}
		sentences = append(sentences, fmt.Sprintf("Series %s %s: %s", s.SeriesUID, verb, stop(s.Text)))
		if s.Remedy != "" {
			sentences = append(sentences, "  What to do: "+stop(s.Remedy))
		}
	}
	left := newTally()
	for _, i := range r.Reasons {
		left.add(i.Text, 1)
	}
	for _, why := range left.order {
		sentences = append(sentences, fmt.Sprintf("%s left out: %s", plural(left.counts[why], "instance"), stop(why)))
	}
	sentences = append(sentences, outcome(r)...)
	if r.SupersededBy > 0 {
		sentences = append(sentences, fmt.Sprintf("Revision %d followed.", r.SupersededBy))
	}
	return sentences
}

// outcome says how the revision ended, or that it has not.
func outcome(r *ledger.RevisionHistory) []string {
	var sentences []string
	var found findings.Findings
	known := len(r.Findings) > 0 && json.Unmarshal(r.Findings, &found) == nil
	switch r.State {
	case ledger.StateSettled, ledger.StateProcessing:
		return unfinished(r)
	case ledger.StateNotProcessed:
		sentences = append(sentences, fmt.Sprintf("It was not processed (%s): %s", r.Reason.Code, stop(r.Reason.Text)))
		if r.Reason.Remedy != "" {
			sentences = append(sentences, "What to do: "+stop(r.Reason.Remedy))
		}
	case ledger.StateReported:
		if known && found.Decision != nil {
			sentences = append(sentences, "The study is "+stop(found.Decision.Text))
			for _, caution := range found.Cautions {
				sentences = append(sentences, "  Caution: "+stop(caution))
			}
			for _, limit := range found.Limits {
				sentences = append(sentences, "  What limits that: "+stop(limit))
			}
		}
		if l := found.Lesions; known && l != nil && found.Lungs != nil {
			sentences = append(sentences, fmt.Sprintf("%s of %.1f mL were segmented, %.1f %% of the lungs.", plural(l.Count, "lesion"), l.VolumeML, 100*found.Lungs.LesionShare))
		}
		if r.Reason.Code != "" {
			sentences = append(sentences, "That is nothing new: "+stop(r.Reason.Text))
		}
	}
	if known && len(found.Models) > 0 {
		sentences = append(sentences, fmt.Sprintf("The weights of the networks are %s.", findings.Weights(found.Models)))
	}
	for _, omitted := range found.Omitted {
		sentences = append(sentences, "In its objects "+stop(omitted))
	}
	kinds := newTally()
	for _, o := range r.Objects {
		kinds.add(object.PlainName(o.Kind), 1)
	}
	if len(r.Objects) == 0 {
		return append(sentences, "No object was made.")
	}
	return append(sentences, fmt.Sprintf("%s made by %s: %s.", plural(len(r.Objects), "object"), clock(r.FinishedAt), kinds))
}

// unfinished says how far a revision without an outcome is.
func unfinished(r *ledger.RevisionHistory) []string {
	var sentences []string
	if f := r.Failure; f != nil {
		sentences = append(sentences, fmt.Sprintf("Processing failed at %s: %s", clock(f.At), stop(f.Text)))
	}
	switch {
	case !r.RetryAt.IsZero():
		return sentences
	case r.State == ledger.StateSettled:
		return append(sentences, "It waits to be processed.")
	}
	return append(sentences, fmt.Sprintf("It is being processed since %s.", clock(r.StartedAt)))
}

// shares say what of a revision each destination is to have.
func (e *explanation) shares(r *ledger.RevisionHistory) []string {
	kinds := map[string]*tally{}
	for _, d := range r.Deliveries {
		if kinds[d.Destination] == nil {
			kinds[d.Destination] = newTally()
		}
		kinds[d.Destination].add(object.PlainName(d.Object.Kind), 1)
	}
	var sentences []string
	for _, destination := range sorted(kinds) {
		sentences = append(sentences, fmt.Sprintf("%s is to have %s.", destination, kinds[destination]))
	}
	for _, destination := range e.destinations {
		if kinds[destination] == nil {
			sentences = append(sentences, fmt.Sprintf("%s is to have nothing of it: its profile asks for none of these objects, or it was configured later.", destination))
		}
	}
	return sentences
}

// deliverySentences say what each destination answered, deliveries with the same answer together.
func deliverySentences(all []ledger.Delivery) []string {
	type answer struct{ destination, state, status, detail string }
	groups := map[answer][]ledger.Delivery{}
	var order []answer
	for _, d := range all {
		a := answer{d.Destination, d.State, d.Status, d.Detail}
		if groups[a] == nil {
			order = append(order, a)
		}
		groups[a] = append(groups[a], d)
	}
	slices.SortStableFunc(order, func(a, b answer) int { return strings.Compare(a.destination, b.destination) })
	var sentences []string
	for _, a := range order {
		group := groups[a]
		said := strings.TrimSpace(a.status + " " + a.detail)
		switch a.state {
		case ledger.DeliverySent:
			last := slices.MaxFunc(group, func(x, y ledger.Delivery) int { return x.SentAt.Compare(y.SentAt) })
			sentences = append(sentences, fmt.Sprintf("%s took %s by %s: %s", a.destination, plural(len(group), "object"), clock(last.SentAt), stop(said)))
		case ledger.DeliveryFailed:
			sentences = append(sentences, fmt.Sprintf("%s did not take %s, for good%s: %s", a.destination, plural(len(group), "object"), after(attempts(group)), stop(said)))
		case ledger.DeliveryWithdrawn:
			sentences = append(sentences, fmt.Sprintf("%s does not get %s: %s", a.destination, plural(len(group), "object"), stop(said)))
		default:
			if said == "" {
				sentences = append(sentences, fmt.Sprintf("%s has not been asked yet about %s.", a.destination, plural(len(group), "object")))
				continue
			}
			sentences = append(sentences, fmt.Sprintf("%s has not taken %s so far%s: %s", a.destination, plural(len(group), "object"), after(attempts(group)), stop(said)))
		}
	}
	return sentences
}

// commitmentSentences say what destinations that are asked for storage commitment say of what they were sent.
func commitmentSentences(r *ledger.RevisionHistory) []string {
	type answer struct{ destination, commitment, detail string }
	groups := map[answer][]ledger.Delivery{}
	var order []answer
	open := map[string]int{} // without an answer, by destination
	for _, d := range r.Deliveries {
		switch d.Commitment {
		case "":
			continue
		case ledger.ObjectAsked:
			open[d.Destination]++
			continue
		}
		a := answer{d.Destination, d.Commitment, d.CommitmentDetail}
		if groups[a] == nil {
			order = append(order, a)
		}
		groups[a] = append(groups[a], d)
	}
	slices.SortStableFunc(order, func(a, b answer) int { return strings.Compare(a.destination, b.destination) })
	var sentences []string
	for _, a := range order {
		group := groups[a]
		n := plural(len(group), "object")
		if a.commitment == ledger.ObjectNotCommitted {
			sentences = append(sentences, fmt.Sprintf("%s does not confirm that it keeps %s: %s", a.destination, n, stop(a.detail)))
			continue
		}
		last := slices.MaxFunc(group, func(x, y ledger.Delivery) int { return x.CommitmentAt.Compare(y.CommitmentAt) })
		sentences = append(sentences, fmt.Sprintf("%s has confirmed by %s that it keeps %s.", a.destination, clock(last.CommitmentAt), n))
	}
	for _, c := range r.Confirmations {
		n := plural(open[c.Destination], "object")
		switch {
		case c.State != ledger.SCUWaiting:
		case c.Attempts > 0:
			sentences = append(sentences, fmt.Sprintf("%s could not be asked to confirm that it keeps %s, after %s: %s", c.Destination, n, plural(c.Attempts, "attempt"), stop(c.Detail)))
		case c.Asked > 0:
			sentences = append(sentences, fmt.Sprintf("%s was asked to confirm that it keeps %s, %s, last at %s, and has not answered.", c.Destination, n, plural(c.Asked, "time"), clock(c.AskedAt)))
		default:
			sentences = append(sentences, fmt.Sprintf("%s has not been asked yet to confirm that it keeps %s.", c.Destination, n))
		}
	}
	return sentences
}

// notificationSentences say who was told of what.
func notificationSentences(all []ledger.Notification) []string {
	var sentences []string
	for _, n := range all {
		what := n.Notice.Subject()
		switch {
		case n.State == ledger.NotificationSent:
			sentences = append(sentences, fmt.Sprintf("%s was told of the %s at %s: %s.", n.Receiver, what, clock(n.SentAt), n.Detail))
		case n.State == ledger.NotificationFailed:
			sentences = append(sentences, fmt.Sprintf("%s was not told of the %s, for good%s: %s", n.Receiver, what, after(n.Attempts), stop(n.Detail)))
		case n.Attempts == 0:
			sentences = append(sentences, fmt.Sprintf("%s has not been told yet of the %s.", n.Receiver, what))
		default:
			sentences = append(sentences, fmt.Sprintf("%s has not been told of the %s so far%s: %s", n.Receiver, what, after(n.Attempts), stop(n.Detail)))
		}
	}
	return sentences
}

// attempts is the largest number of attempts of the deliveries.
func attempts(all []ledger.Delivery) int {
	most := 0
	for _, d := range all {
		most = max(most, d.Attempts)
	}
	return most
}
