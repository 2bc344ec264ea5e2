package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/findings"
	"jcsnode/ledger"
)

// Study is the view of one study, `jcsnode status --json STUDY_UID`: its history, and what holds now.
type Study struct {
	*ledger.History
	Decision *findings.Decision `json:"decision"`
	Lesions  *findings.Lesions  `json:"lesions,omitempty"`
	Lungs    *findings.Lungs    `json:"lungs,omitempty"`
	Cautions []string           `json:"cautions"` // about the decision
	Limits   []string           `json:"limits"`   // of the decision
	Reason   *ledger.Reason     `json:"reason"`
	Kinds    []ObjectKind       `json:"object_kinds"`    // of the newest revision that has objects
	Groups   []DeliveryGroup    `json:"delivery_groups"` // of all revisions
	Explains []Part             `json:"explanation"`     // what `jcsnode explain` says
	Notice   string             `json:"notice"`
}

// ObjectKind is the objects of one kind of a revision.
type ObjectKind struct {
	Revision int    `json:"revision"`
	Kind     string `json:"kind"`
	Name     string `json:"name"` // as people say
	Objects  int    `json:"objects"`
	Bytes    int64  `json:"bytes"`
}

// DeliveryGroup is deliveries of a revision to a destination that stand alike.
type DeliveryGroup struct {
	Revision    int       `json:"revision"`
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Answer      string    `json:"answer,omitempty"` // status and detail of the newest attempt
	Objects     int       `json:"objects"`
	Attempts    int       `json:"attempts"`            // most of one object
	FirstSent   time.Time `json:"first_sent,omitzero"` // of those that were sent
	LastSent    time.Time `json:"last_sent,omitzero"`
	NextAt      time.Time `json:"next_at,omitzero"` // of those that wait: when the first is tried again
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

// NewStudy makes the view of a history.
func NewStudy(h *ledger.History, site Site, now time.Time) Study {
	s := Study{
		History:  h,
		Cautions: []string{},
		Limits:   []string{},
		Kinds:    []ObjectKind{},
		Groups:   []DeliveryGroup{},
		Explains: Explain(h, site, now),
		Notice:   findings.Notice,
	}
	if n := len(h.Revisions); n > 0 {
		last := &h.Revisions[n-1]
		found := findingsIn(last.Findings)
		s.Decision, s.Lesions, s.Lungs, s.Reason = found.Decision, found.Lesions, found.Lungs, &last.Reason
		s.Cautions, s.Limits = listed(found.Cautions), listed(found.Limits)
	}
	for i := range h.Revisions {
		r := &h.Revisions[i]
		s.Groups = append(s.Groups, deliveryGroups(r)...)
		if kinds := objectKinds(r); len(kinds) > 0 {
			s.Kinds = kinds
		}
	}
	return s
}

func objectKinds(r *ledger.RevisionHistory) []ObjectKind {
	var kinds []ObjectKind
	for _, o := range r.Objects {
		i := slices.IndexFunc(kinds, func(k ObjectKind) bool { return k.Kind == o.Kind })
		if i < 0 {
			i = len(kinds)
			kinds = append(kinds, ObjectKind{Revision: r.Number, Kind: o.Kind, Name: object.PlainName(o.Kind)})
		}
		kinds[i].Objects++
		kinds[i].Bytes += o.Size
	}
	return kinds
}

func deliveryGroups(r *ledger.RevisionHistory) []DeliveryGroup {
	type key struct{ destination, state, said string }
	var groups []DeliveryGroup
	for _, same := range grouped(r.Deliveries,
		func(d ledger.Delivery) key { return key{d.Destination, d.State, said(d)} },
		func(k key) string { return k.destination }) {
		g := DeliveryGroup{
			Revision:    r.Number,
			Destination: same.key.destination,
			State:       same.key.state,
			Answer:      same.key.said,
			Objects:     len(same.all),
		}
		for _, d := range same.all {
			g.Attempts = max(g.Attempts, d.Attempts)
			if !d.SentAt.IsZero() && (g.FirstSent.IsZero() || d.SentAt.Before(g.FirstSent)) {
				g.FirstSent = d.SentAt
			}
			if d.SentAt.After(g.LastSent) {
				g.LastSent = d.SentAt
			}
			if d.State == ledger.DeliveryWaiting && !d.NextAt.IsZero() && (g.NextAt.IsZero() || d.NextAt.Before(g.NextAt)) {
				g.NextAt = d.NextAt
			}
		}
		groups = append(groups, g)
	}
	return groups
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
	var told []Sentence
	for _, n := range s.Notifications {
		told = append(told, say("webhook %s, %s: %s", n.Receiver, n.Notice.Subject(),
			standing(n.State, n.Attempts, n.Detail)+nextAttempt(n.State == ledger.NotificationWaiting, n.NextAt)))
	}
	for _, p := range []Part{{"instances", instances}, {"notifications", told}, {"history", events(s.Events)}} {
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
		add(say("series %s was %s: %s", s.SeriesUID, read(s.Chosen, len(r.Findings) > 0), s.Text))
	}
	for _, omitted := range found.Omitted {
		add(say("in its objects %s", omitted))
	}
	type key struct{ destination, state string }
	for _, g := range grouped(r.Deliveries,
		func(d ledger.Delivery) key { return key{d.Destination, d.State} },
		func(k key) string { return k.destination }) {
		s := say("%s: %s %s", g.key.destination, Plural(len(g.all), "object"), g.key.state)
		if first, last := sentBetween(g.all); g.key.state == ledger.DeliverySent {
			s.Text += " " + between(first, last)
		}
		s.Details = details(g.all)
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

// sentBetween is when the first and the last of deliveries were sent.
func sentBetween(all []ledger.Delivery) (first, last time.Time) {
	bySent := func(a, b ledger.Delivery) int { return a.SentAt.Compare(b.SentAt) }
	return slices.MinFunc(all, bySent).SentAt, slices.MaxFunc(all, bySent).SentAt
}

// details say of deliveries what their state alone does not, those of which the same is to be said together.
func details(all []ledger.Delivery) []string {
	type detail struct{ title, text string }
	var each []detail
	for _, d := range all {
		if d.Commitment == ledger.ObjectNotCommitted {
			each = append(each, detail{d.Object.Title, fmt.Sprintf(" no storage commitment of %s: %s", d.Destination, d.CommitmentDetail)})
		}
		if d.State != ledger.DeliverySent && d.State != ledger.DeliveryWithdrawn {
			each = append(each, detail{d.Object.Title, fmt.Sprintf(" to %s: %s%s", d.Destination, standing(d.State, d.Attempts, said(d)),
				nextAttempt(d.State == ledger.DeliveryWaiting, d.NextAt))})
		}
	}
	var lines []string
	for _, same := range grouped(each, func(d detail) string { return d.text }, func(string) string { return "" }) {
		what, has := same.all[0].title, " has"
		if n := len(same.all); n > 1 {
			what, has = Plural(n, "object"), " have"
		}
		if !strings.HasPrefix(same.key, " no storage commitment") {
			has = ""
		}
		lines = append(lines, what+has+same.key)
	}
	return lines
}

// events are a history line by line. Of a positive study hundreds of objects are sent: what is said of many of them in the course of one
// piece of work is said once.
func events(all []ledger.Event) []Sentence {
	type line struct {
		ledger.Event
		n    int
		last time.Time
	}
	var lines []*line
	open := map[string]*line{} // by kind and text
	for _, e := range all {
		switch e.Kind {
		case ledger.EventSent, ledger.EventRetry, ledger.EventDeliveryFailed:
			if l := open[e.Kind+e.Text]; l != nil {
				l.n++
				l.last = e.At
				continue
			}
		case ledger.EventSettled, ledger.EventRequeued, ledger.EventReported, ledger.EventNotProcessed:
			clear(open)
		}
		l := &line{e, 1, e.At}
		open[e.Kind+e.Text] = l
		lines = append(lines, l)
	}
	var sentences []Sentence
	for _, l := range lines {
		text := l.Text
		if l.n > 1 {
			text += fmt.Sprintf(" (%d times, last at %s)", l.n, Clock(l.last))
		}
		sentences = append(sentences, say("%s  %-24s %s", Clock(l.At), l.Kind, text))
	}
	return sentences
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

func read(chosen, found bool) string {
	switch {
	case chosen && found:
		return "read"
	case chosen: // it may have failed
		return "chosen"
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
