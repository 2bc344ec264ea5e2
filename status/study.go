package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jcsnode/findings"
	"jcsnode/ledger"
)

// Study is the view of one study, `jcsnode status --json STUDY_UID`: its history, and what holds now.
type Study struct {
	*ledger.History
	Decision *findings.Decision `json:"decision"`
	Cautions []string           `json:"cautions"` // about the decision
	Limits   []string           `json:"limits"`   // of the decision
	Reason   *ledger.Reason     `json:"reason"`
	Notice   string             `json:"notice"`
}

// NotStoredError says that nothing of a study is here. It is ledger.ErrNotFound.
type NotStoredError struct {
	StudyUID string
	Refusals []ledger.RefusedInstances // what somebody tried to store
}

func (e *NotStoredError) Error() string {
	if len(e.Refusals) == 0 {
		return fmt.Sprintf("study %s is not known here; `jcsnode status` lists the studies", e.StudyUID)
	}
	text := fmt.Sprintf("nothing of study %s is stored here:", e.StudyUID)
	for _, s := range refusals(e.Refusals) {
		text += "\n  " + strings.Join(append([]string{s.Text}, s.Details...), "\n    ")
	}
	return text
}

func (e *NotStoredError) Unwrap() error { return ledger.ErrNotFound }

// OfStudy is the view of a study, or a *NotStoredError.
func OfStudy(ctx context.Context, l Ledger, uid string) (Study, error) {
	h, err := l.History(ctx, uid)
	if errors.Is(err, ledger.ErrNotFound) {
		refused, err := l.RefusalsOf(ctx, uid)
		if err != nil {
			return Study{}, err
		}
		return Study{}, &NotStoredError{uid, refused}
	}
	if err != nil {
		return Study{}, err
	}
	return NewStudy(h), nil
}

// NewStudy makes the view of a history.
func NewStudy(h *ledger.History) Study {
	s := Study{History: h, Cautions: []string{}, Limits: []string{}, Notice: findings.Notice}
	if n := len(h.Revisions); n > 0 {
		last := &h.Revisions[n-1]
		found := findingsIn(last.Findings)
		s.Decision, s.Reason = found.Decision, &last.Reason
		s.Cautions, s.Limits = listed(found.Cautions), listed(found.Limits)
	}
	return s
}

// Parts is the study as lists, with every event.
func (s Study) Parts() []Part {
	parts := []Part{{Heading: fmt.Sprintf("study %s: %s, %s %s",
		s.StudyUID, s.State, Plural(len(s.Instances), "instance"), between(s.FirstAt, s.LastAt))}}
	for i := range s.Revisions {
		parts = append(parts, revisionPart(&s.Revisions[i]))
	}
	instances := refusals(s.Refusals)
	for _, i := range s.Instances {
		for _, why := range i.Reasons {
			instances = append(instances, say("%s was not used: %s", i.SOPInstanceUID, why.Text))
		}
		if i.Flag != "" {
			instances = append(instances, say("%s is flagged: %s", i.SOPInstanceUID, i.Flag))
		}
	}
	var told, events []Sentence
	for _, n := range s.Notifications {
		told = append(told, say("webhook %s, %s: %s", n.Receiver, n.Notice.Subject(),
			standing(n.State, n.Attempts, n.Detail)+nextAttempt(n.State == ledger.NotificationWaiting, n.NextAt)))
	}
	for _, e := range s.Events {
		events = append(events, say("%s  %-24s %s", Clock(e.At), e.Kind, e.Text))
	}
	for _, p := range []Part{{"instances", instances}, {"notifications", told}, {"history", events}} {
		if len(p.Sentences) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

func revisionPart(r *ledger.RevisionHistory) Part {
	p := Part{Heading: fmt.Sprintf("revision %d: %s, settled %s (%s)", r.Number, r.State, Clock(r.SettledAt), r.SettledWhy)}
	add := func(all ...Sentence) { p.Sentences = append(p.Sentences, all...) }
	if r.Reason.Text != "" {
		add(say("%s", r.Reason.Text).todo(r.Reason.Remedy))
	}
	found := findingsIn(r.Findings)
	for _, caution := range found.Cautions {
		add(say("caution: %s", caution))
	}
	for _, limit := range found.Limits {
		add(say("limit: %s", limit))
	}
	for _, s := range r.Series {
		add(say("series %s was %s: %s", s.SeriesUID, read(s.Chosen), s.Text))
	}
	for _, omitted := range found.Omitted {
		add(say("in its objects %s", omitted))
	}
	type key struct{ destination, state string }
	for _, g := range grouped(r.Deliveries,
		func(d ledger.Delivery) key { return key{d.Destination, d.State} },
		func(k key) string { return k.destination }) {
		s := say("%s: %s %s", g.key.destination, Plural(len(g.all), "object"), g.key.state)
		for _, d := range g.all {
			s.Details = append(s.Details, deliveryDetails(d)...)
		}
		add(s)
	}
	for _, c := range r.Commitments {
		asked := "not asked yet"
		if c.Asked > 0 {
			asked = "asked " + times(c.Asked)
		}
		if c.Detail != "" {
			asked += ", " + c.Detail
		}
		add(say("%s, storage commitment: %s, %s%s", c.Destination, c.State, asked, nextAttempt(c.State == ledger.SCUWaiting, c.NextAt)))
	}
	return p
}

// deliveryDetails say of a delivery what its state alone does not.
func deliveryDetails(d ledger.Delivery) []string {
	var details []string
	if d.Commitment == ledger.ObjectNotCommitted {
		details = append(details, fmt.Sprintf("%s has no storage commitment of %s: %s", d.Object.Title, d.Destination, d.CommitmentDetail))
	}
	if d.State == ledger.DeliverySent || d.State == ledger.DeliveryWithdrawn {
		return details
	}
	return append(details, fmt.Sprintf("%s to %s: %s%s", d.Object.Title, d.Destination, standing(d.State, d.Attempts, said(d)),
		nextAttempt(d.State == ledger.DeliveryWaiting, d.NextAt)))
}

// nextAttempt says when something that waits is tried again, if that is known.
func nextAttempt(waits bool, at time.Time) string {
	if !waits || at.IsZero() {
		return ""
	}
	return "; next attempt " + Clock(at)
}

// said is what a destination answered.
func said(d ledger.Delivery) string { return strings.TrimSpace(d.Status + " " + d.Detail) }

func read(chosen bool) string {
	if chosen {
		return "read"
	}
	return "not read"
}

// refusals say who was refused what, and why.
func refusals(all []ledger.RefusedInstances) []Sentence {
	var sentences []Sentence
	for _, r := range all {
		sentences = append(sentences, refusal(r).todo(r.Remedy))
	}
	return sentences
}

func refusal(r ledger.RefusedInstances) Sentence {
	from := slices.DeleteFunc([]string{r.CallingAE, r.Address}, func(s string) bool { return s == "" })
	return say("%s from %s %s refused %s with status %s: %s",
		Plural(r.Count, "instance"), strings.Join(from, " at "), number(r.Count, "was", "were"),
		between(r.FirstAt, r.LastAt), r.Status, stop(r.Text))
}
