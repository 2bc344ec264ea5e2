package deliver

import (
	"context"
	"fmt"
)

// Answer is what a destination would do with an item.
type Answer struct {
	Item Item
	// SOPClassUID and TransferSyntaxUID are those in which the item would go: its own, or those of its alternative. Both are "" for an
	// item that would be refused, and Verdict says why and what to do.
	SOPClassUID, TransferSyntaxUID string
	Verdict                        Verdict
}

// Probe opens the association that Send would open for the items, and closes it again without having sent anything. There is an
// answer for each item, in their order. The error says that there was no association; ClassifyError reads it.
func Probe(ctx context.Context, dest Destination, items []Item) ([]Answer, error) {
	conn, err := dest.dial(ctx, items)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", dest.Name, err)
	}
	answers := make([]Answer, len(items))
	for i, item := range items {
		answers[i] = Answer{Item: item, Verdict: classifyContexts(item.SOPClassUID, results(conn.Contexts(), item.SOPClassUID))}
		for form := &item; form != nil; form = form.Alternative {
			if syntax, ok := chooseSyntax(*form, conn.Accepted(form.SOPClassUID)); ok {
				answers[i] = Answer{Item: item, SOPClassUID: form.SOPClassUID, TransferSyntaxUID: syntax}
				break
			}
		}
	}
	if err := conn.Release(ctx); err != nil {
		_ = conn.Abort() // the answers stand, however the peer says goodbye
	}
	return answers, nil
}
