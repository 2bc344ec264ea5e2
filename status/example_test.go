package status_test

import (
	"fmt"
	"time"

	"jcsnode/ledger"
	"jcsnode/status"
)

// What explain prints is parts, each a heading with sentences.
func ExampleExplain() {
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateNotProcessed, Revisions: []ledger.RevisionHistory{{Revision: ledger.Revision{
		Number: 1,
		State:  ledger.StateNotProcessed,
		Reason: ledger.Reason{Code: "no-axial-series", Text: "no axial series", Remedy: "send one"},
	}}}}
	parts := status.Explain(h, status.Site{Destinations: []string{"pacs"}}, time.Now())
	for _, p := range []status.Part{parts[0], parts[2], parts[3]} {
		fmt.Println(p.Heading)
		for _, s := range p.Sentences[max(0, len(p.Sentences)-2):] {
			fmt.Println(" ", s.Text, s.Details)
		}
	}
	// Output:
	// Study 1.2 was not processed.
	// Revision 1
	//   It was not processed (no-axial-series): no axial series. [What to do: send one.]
	//   No object was made. []
	// What happens next
	//   Nothing, unless more instances of the study come. []
}
