package dicomout

import (
	"context"
	"fmt"
	"slices"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
)

// Preflight is what a destination says of the objects that it is to get before there are any.
type Preflight struct {
	NoAssociation *deliver.Verdict // why it could not be asked, nil if it could
	Offers        []Offered        // by kind, in the order in which objects are sent
	// CommitmentAsked tells that it is one that is asked for storage commitment, and Commitment is nil if it takes requests.
	CommitmentAsked bool
	Commitment      error
}

// Offered is a kind of objects with the destination's answer.
type Offered struct {
	Kind   object.Kind
	Answer deliver.Answer
}

// Preflight opens one association and offers every class and transfer syntax in which results would go to the destination, and another
// one for storage commitment if it is asked for that. Nothing is sent.
func (d Destination) Preflight(ctx context.Context) Preflight {
	var p Preflight
	kinds := d.Profile.Kinds()
	items := make([]deliver.Item, len(kinds))
	for i, k := range kinds {
		items[i] = offer(k)
	}
	answers, err := deliver.Probe(ctx, d.Destination, items)
	if err != nil {
		v := deliver.ClassifyError(err)
		p.NoAssociation = &v
	}
	for i, a := range answers {
		p.Offers = append(p.Offers, Offered{kinds[i], a})
	}
	if p.CommitmentAsked = d.CommitmentAETitle != ""; p.CommitmentAsked {
		p.Commitment = deliver.ProbeCommitment(ctx, d.Destination)
	}
	return p
}

// Good tells whether everything would be taken.
func (p Preflight) Good() bool {
	return p.NoAssociation == nil && p.Commitment == nil && !slices.ContainsFunc(p.Offers, func(o Offered) bool { return !o.Accepted() })
}

// Remedies say what to do about what would be refused, each once.
func (p Preflight) Remedies() []string {
	var all []string
	add := func(remedy string) {
		if remedy != "" && !slices.Contains(all, remedy) {
			all = append(all, remedy)
		}
	}
	if p.NoAssociation != nil {
		add(p.NoAssociation.Remedy)
	}
	for _, o := range p.Offers {
		if !o.Accepted() {
			add(o.Answer.Verdict.Remedy)
		}
	}
	return all
}

// Accepted tells whether objects of the kind would be taken, in this form or another.
func (o Offered) Accepted() bool { return o.Answer.SOPClassUID != "" }

// String is the answer in words: "accepted, Explicit VR Little Endian".
func (o Offered) String() string {
	a := o.Answer
	syntax := a.TransferSyntaxUID
	if s, known := dataset.LookupTransferSyntax(syntax); known {
		syntax = s.Name
	}
	switch {
	case !o.Accepted():
		return "REFUSED: " + a.Verdict.Text
	case a.SOPClassUID != o.Kind.SOPClassUID:
		return fmt.Sprintf("accepted as SOP class %s, %s", a.SOPClassUID, syntax)
	}
	return "accepted, " + syntax
}

// offer is what a destination is asked about objects of the kind before there are any.
func offer(kind object.Kind) deliver.Item {
	item := deliver.Item{SOPClassUID: kind.SOPClassUID, TransferSyntaxUID: dataset.ExplicitVRLittleEndian}
	for _, other := range order {
		if other.Name == otherForm(kind.Name) {
			item.Alternative = &deliver.Item{SOPClassUID: other.SOPClassUID, TransferSyntaxUID: dataset.ExplicitVRLittleEndian}
		}
	}
	return item
}
