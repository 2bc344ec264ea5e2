package status

import (
	"context"
	"encoding/json"
	"fmt"

	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/store"
)

// Ledger is what status asks of the ledger.
type Ledger interface {
	Counts(ctx context.Context) (ledger.Counts, error)
	Studies(ctx context.Context, f ledger.Filter) ([]ledger.Summary, error)
	Refusals(ctx context.Context, limit int) ([]ledger.RefusedInstances, error)
	RefusalsOf(ctx context.Context, studyUID string) ([]ledger.RefusedInstances, error)
	History(ctx context.Context, studyUID string) (*ledger.History, error)
}

// Self is what the node knows of itself beside its ledger.
type Self struct {
	Version string
	AETitle string
	Models  []findings.Model // nil where they cannot be read
	Disk    *Disk            // of data_dir, nil where it cannot be seen
}

// Node is the view of the whole node, `jcsnode status --json`.
type Node struct {
	Version string                    `json:"version"`
	AETitle string                    `json:"ae_title"`
	Weights string                    `json:"weights"`
	Models  []findings.Model          `json:"models"`
	Counts  ledger.Counts             `json:"counts"`
	Disk    *Disk                     `json:"disk,omitempty"`
	Studies []Row                     `json:"studies"`
	Refused []ledger.RefusedInstances `json:"refused"` // instances that were not stored, the newest first
	Notice  string                    `json:"notice"`
}

// Row is a study in a list.
type Row struct {
	ledger.Summary
	Decision *findings.Decision `json:"decision,omitempty"`
	Cautions []string           `json:"cautions"` // about the decision: how easily it could be the other one
	Limits   []string           `json:"limits"`   // of the decision: what of the chest it says nothing about
}

// OfNode is the view of the node, with at most limit studies and as many refusals, the newest first.
func OfNode(ctx context.Context, l Ledger, self Self, limit int) (Node, error) {
	counts, err := l.Counts(ctx)
	if err != nil {
		return Node{}, err
	}
	studies, err := l.Studies(ctx, ledger.Filter{Limit: limit})
	if err != nil {
		return Node{}, err
	}
	refused, err := l.Refusals(ctx, limit)
	if err != nil {
		return Node{}, err
	}
	return NewNode(self, counts, studies, refused), nil
}

// NewNode makes the view of what the ledger answered.
func NewNode(self Self, counts ledger.Counts, studies []ledger.Summary, refused []ledger.RefusedInstances) Node {
	n := Node{Version: self.Version, AETitle: self.AETitle, Weights: "unknown", Models: []findings.Model{}, Counts: counts, Disk: self.Disk,
		Studies: []Row{}, Refused: refused, Notice: findings.Notice}
	if self.Models != nil {
		n.Models, n.Weights = self.Models, findings.Weights(self.Models)
	}
	for _, s := range studies {
		found := findingsIn(s.Findings)
		n.Studies = append(n.Studies, Row{s, found.Decision, listed(found.Cautions), listed(found.Limits)})
	}
	return n
}

// Overview says in a few sentences how the node is.
func (n Node) Overview() []string {
	c := n.Counts
	counts := fmt.Sprintf("%s (%d flagged, %d refused), %s; deliveries: %s",
		Plural(c.Instances, "instance"), c.Flagged, c.Refused, store.Bytes(c.Bytes), Counted(c.Deliveries))
	if len(c.Commitments) > 0 {
		counts += "; storage commitment: " + Counted(c.Commitments)
	}
	if len(c.Notifications) > 0 {
		counts += "; notifications: " + Counted(c.Notifications)
	}
	all := []string{fmt.Sprintf("%s, jcsnode %s, weights %s. %s", n.AETitle, n.Version, n.Weights, n.Notice), counts}
	if n.Disk != nil {
		all = append(all, n.Disk.String())
	}
	if c.Missing > 0 {
		all = append(all, fmt.Sprintf("files of %s are missing in data_dir; `jcsnode explain` of %s says what to do",
			Plural(c.Missing, "study"), number(c.Missing, "it", "each")))
	}
	return all
}

// LimitSentences say with which caution the decisions of the list are to be read, and what limits them.
func (n Node) LimitSentences() []string {
	var all []string
	for _, s := range n.Studies {
		for _, caution := range s.Cautions {
			all = append(all, fmt.Sprintf("caution about %s: %s", s.StudyUID, caution))
		}
		for _, limit := range s.Limits {
			all = append(all, fmt.Sprintf("limit of %s: %s", s.StudyUID, limit))
		}
	}
	return all
}

// RefusalSentences say what was not stored, and of which study.
func (n Node) RefusalSentences() []string {
	var all []string
	for _, r := range n.Refused {
		of := "no known study"
		if r.StudyUID != "" {
			of = "study " + r.StudyUID
		}
		all = append(all, of+": "+refusal(r).Text)
	}
	return all
}

// Result is a study's result in a few words: "positive, with caution, limited". It is the reason's code if the study was not processed,
// and "-" if there is none.
func (r Row) Result() string {
	switch {
	case r.State == ledger.StateNotProcessed:
		return r.Reason.Code
	case r.State != ledger.StateReported, r.Decision == nil:
		return "-"
	}
	text := "negative"
	if r.Decision.Positive {
		text = "positive"
	}
	if len(r.Cautions) > 0 {
		text += ", with caution"
	}
	if len(r.Limits) > 0 {
		text += ", limited"
	}
	return text
}

// findingsIn reads the findings of a revision, as far as there are any.
func findingsIn(text []byte) (f findings.Findings) {
	if len(text) == 0 || json.Unmarshal(text, &f) != nil {
		return findings.Findings{}
	}
	return f
}

// listed are the sentences, never nil.
func listed(sentences []string) []string { return append([]string{}, sentences...) }
