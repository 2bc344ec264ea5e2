package status

import "fmt"

// Part is a heading with what there is to say under it.
type Part struct {
	Heading   string     `json:"heading"`
	Sentences []Sentence `json:"sentences"`
}

// Sentence is one of them, with what belongs to it, such as what to do about it.
type Sentence struct {
	Text    string   `json:"text"`
	Details []string `json:"details,omitempty"`
}

// say makes a sentence.
func say(format string, arguments ...any) Sentence {
	return Sentence{Text: fmt.Sprintf(format, arguments...)}
}

// todo adds a remedy, if there is one.
func (s Sentence) todo(remedy string) Sentence {
	if remedy != "" {
		s.Details = append(s.Details, "What to do: "+stop(remedy))
	}
	return s
}
