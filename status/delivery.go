package status

import (
	"maps"
	"slices"

	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

// shares say what of a revision each destination gets, and which of those that are configured get nothing.
func shares(all []ledger.Delivery, configured []string) []Sentence {
	kinds := map[string]*tally{}
	for _, d := range all {
		if kinds[d.Destination] == nil {
			kinds[d.Destination] = &tally{}
		}
		kinds[d.Destination].add(object.PlainName(d.Object.Kind))
	}
	var sentences []Sentence
	for _, destination := range slices.Sorted(maps.Keys(kinds)) {
		sentences = append(sentences, say("%s is to have %s.", destination, kinds[destination]))
	}
	for _, destination := range configured {
		if kinds[destination] == nil {
			sentences = append(sentences,
				say("%s is to have nothing of it: its profile asks for none of these objects, or it was configured later.", destination))
		}
	}
	return sentences
}

// deliveries say what each destination answered, the same answers together.
func deliveries(all []ledger.Delivery) []Sentence {
	type answer struct{ destination, state, said string }
	var sentences []Sentence
	for _, g := range grouped(all,
		func(d ledger.Delivery) answer { return answer{d.Destination, d.State, said(d)} },
		func(a answer) string { return a.destination }) {
		to, why, n := g.key.destination, stop(g.key.said), Plural(len(g.all), "object")
		verb := number(len(g.all), "was", "were")
		tries := after(slices.MaxFunc(g.all, func(x, y ledger.Delivery) int { return x.Attempts - y.Attempts }).Attempts)
		switch {
		case g.key.state == ledger.DeliverySent:
			last := slices.MaxFunc(g.all, func(x, y ledger.Delivery) int { return x.SentAt.Compare(y.SentAt) })
			sentences = append(sentences, say("%s took %s by %s: %s", to, n, Clock(last.SentAt), why))
		case g.key.state == ledger.DeliveryFailed:
			sentences = append(sentences, say("%s for %s %s given up%s: %s", n, to, verb, tries, why))
		case g.key.state == ledger.DeliveryWithdrawn:
			each := number(len(g.all), "", "each ") // the reason speaks of one object
			sentences = append(sentences, say("%s for %s %s withdrawn: %s%s", n, to, verb, each, why))
		case g.key.said == "":
			sentences = append(sentences, say("%s has not been asked about %s yet.", to, n))
		default:
			sentences = append(sentences, say("%s has not taken %s so far%s: %s", to, n, tries, why))
		}
	}
	return sentences
}

// commitments say what destinations that are asked for storage commitment answer of what they were sent.
func commitments(r *ledger.RevisionHistory) []Sentence {
	open := map[string]int{} // without an answer, by destination
	var answered []ledger.Delivery
	for _, d := range r.Deliveries {
		switch d.Commitment {
		case "":
		case ledger.ObjectAsked:
			open[d.Destination]++
		default:
			answered = append(answered, d)
		}
	}
	type answer struct{ destination, commitment, detail string }
	var sentences []Sentence
	for _, g := range grouped(answered,
		func(d ledger.Delivery) answer { return answer{d.Destination, d.Commitment, d.CommitmentDetail} },
		func(a answer) string { return a.destination }) {
		n := Plural(len(g.all), "object")
		if g.key.commitment == ledger.ObjectNotCommitted {
			sentences = append(sentences, say("%s gave no storage commitment for %s: %s", g.key.destination, n, stop(g.key.detail)))
			continue
		}
		last := slices.MaxFunc(g.all, func(x, y ledger.Delivery) int { return x.CommitmentAt.Compare(y.CommitmentAt) })
		sentences = append(sentences, say("%s gave storage commitment for %s by %s.", g.key.destination, n, Clock(last.CommitmentAt)))
	}
	for _, c := range r.Commitments {
		n := Plural(open[c.Destination], "object")
		switch {
		case c.State != ledger.SCUWaiting:
		case c.Attempts > 0:
			sentences = append(sentences,
				say("%s could not be asked for storage commitment of %s%s: %s", c.Destination, n, after(c.Attempts), stop(c.Detail)))
		case c.Asked > 0:
			sentences = append(sentences,
				say("%s was asked for storage commitment of %s %s, last at %s, and has not answered.",
					c.Destination, n, times(c.Asked), Clock(c.AskedAt)))
		default:
			sentences = append(sentences, say("%s has not been asked for storage commitment of %s yet.", c.Destination, n))
		}
	}
	return sentences
}

// notifications say who was told of what.
func notifications(all []ledger.Notification) []Sentence {
	var sentences []Sentence
	for _, n := range all {
		what := n.Notice.Subject()
		switch {
		case n.State == ledger.NotificationSent:
			sentences = append(sentences, say("%s was told of the %s at %s: %s", n.Receiver, what, Clock(n.SentAt), stop(n.Detail)))
		case n.State == ledger.NotificationFailed:
			sentences = append(sentences,
				say("Telling %s of the %s was given up%s: %s", n.Receiver, what, after(n.Attempts), stop(n.Detail)))
		case n.Attempts == 0:
			sentences = append(sentences, say("%s has not been told of the %s yet.", n.Receiver, what))
		default:
			sentences = append(sentences,
				say("%s has not been told of the %s so far%s: %s", n.Receiver, what, after(n.Attempts), stop(n.Detail)))
		}
	}
	return sentences
}
