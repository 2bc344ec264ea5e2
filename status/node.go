package status

import (
	"encoding/json"
	"fmt"

	"jcsnode/findings"
	"jcsnode/ledger"
)

// Node is the view of the whole node, `jcsnode status --json`.
type Node struct {
	Overview
	StudyList
	Refused []ledger.RefusedInstances `json:"refused"` // instances that were not stored, the newest first
}

// LimitSentences say with which caution the decisions of the list are to be read, and what limits them.
func (l StudyList) LimitSentences() []string {
	var all []string
	for _, s := range l.Studies {
		for _, caution := range s.Cautions {
			all = append(all, fmt.Sprintf("caution about %s: %s", s.StudyUID, caution))
		}
		for _, limit := range s.Limits {
			all = append(all, fmt.Sprintf("limit of %s: %s", s.StudyUID, limit))
		}
	}
	return all
}

// MoreSentence says how many studies come after those of the list, "" when there are none.
func (l StudyList) MoreSentence() string {
	switch {
	case l.AtLeast:
		return fmt.Sprintf("and more than %d more", l.More)
	case l.More > 0:
		return fmt.Sprintf("and %d more, %d in all", l.More, l.Total)
	}
	return ""
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

// newRow makes the view of a study in a list.
func newRow(s ledger.Summary) Row {
	found := findingsIn(s.Findings)
	return Row{s, found.Decision, found.Lesions, found.Lungs, listed(found.Cautions), listed(found.Limits)}
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
