package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tally counts texts and keeps the order in which they first came.
type tally struct {
	order  []string
	counts map[string]int
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

func (t *tally) add(text string, n int) {
	if t.counts[text] == 0 {
		t.order = append(t.order, text)
	}
	t.counts[text] += n
}

// String is "1 summary, 2 outline".
func (t *tally) String() string {
	var each []string
	for _, text := range t.order {
		each = append(each, fmt.Sprintf("%d %s", t.counts[text], text))
	}
	return strings.Join(each, ", ")
}

// plural is a number with its noun: "1 delivery", "2 deliveries".
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// counted is what is how often, by name: "2 failed, 17 sent".
func counted(counts map[string]int) string {
	t := newTally()
	for _, text := range sorted(counts) {
		t.add(text, counts[text])
	}
	if len(t.order) == 0 {
		return "none"
	}
	return t.String()
}

// after is ", after 2 attempts", and nothing when there was none: a connection that fails before an object's turn is no attempt at it.
func after(attempts int) string {
	if attempts == 0 {
		return ""
	}
	return ", after " + plural(attempts, "attempt")
}

// standing is a state with what led to it: "waiting, after 2 attempts: A700H peer cannot store now".
func standing(state string, attempts int, said string) string {
	switch {
	case said != "":
		return state + after(attempts) + ": " + said
	case attempts == 0:
		return state + ", not tried yet"
	}
	return state + after(attempts)
}

// stop ends a sentence that has no end yet.
func stop(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
