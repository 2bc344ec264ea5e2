package node

import (
	"fmt"
	"io"
	"text/tabwriter"

	"jcsnode/commitment"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/netfault"
)

// WritePreflight says what a destination answered to a preflight, and what to do about it.
func WritePreflight(w io.Writer, d dicomout.Destination, p dicomout.Preflight) {
	fmt.Fprintf(w, "%s (%s at %s, called by %s)\n", d.Name, d.AETitle, d.Address, d.CallingAETitle)
	if p.NoAssociation != nil {
		fmt.Fprintf(w, "  NO ASSOCIATION: %s\n", p.NoAssociation.Text)
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	for _, o := range p.Offers {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", object.PlainName(o.Kind.Name), o.Kind.SOPClassUID, o)
	}
	t.Flush()
	for _, remedy := range p.Remedies() {
		fmt.Fprintf(w, "  what to do: %s\n", remedy)
	}
	if !p.CommitmentAsked {
		return
	}
	answer := "accepted"
	if p.Commitment != nil {
		answer = "REFUSED: " + netfault.Words(p.Commitment)
	}
	fmt.Fprintf(w, "  storage commitment  %s by %s  %s\n", commitment.PushModel, d.CommitmentAETitle, answer)
}
