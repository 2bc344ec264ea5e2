package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Clock is a time as people at the node read it, "-" for one that never was.
func Clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// between is "between TIME and TIME", or "at TIME" where both read the same.
func between(first, last time.Time) string {
	if Clock(first) == Clock(last) {
		return "at " + Clock(last)
	}
	return "between " + Clock(first) + " and " + Clock(last)
}

// in is a time to come and how far off it is: "at TIME, in 90 s".
func in(now, at time.Time) string {
	return fmt.Sprintf("at %s, in %s", Clock(at), span(at.Sub(now)))
}

// span is a length of time in the unit that fits: "90 s", "26 h".
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d >= 72*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// Plural is a number with its noun: "1 delivery", "2 deliveries", "2 days".
func Plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y") && !strings.HasSuffix(noun, "ay"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// number chooses the form of a word that goes with a number.
func number(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// was is a number with its noun and verb: "1 object was", "2 objects were".
func was(n int, noun string) string { return Plural(n, noun) + " " + number(n, "was", "were") }

// waits is a number with its noun and verb: "1 object waits", "2 objects wait".
func waits(n int, noun string) string { return Plural(n, noun) + " " + number(n, "waits", "wait") }

// times is "once", "twice", "3 times".
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return Plural(n, "time")
}

// Counted is what is how often, by name: "2 failed, 17 sent".
func Counted(counts map[string]int) string {
	var each []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		each = append(each, fmt.Sprintf("%d %s", counts[name], name))
	}
	if len(each) == 0 {
		return "none"
	}
	return strings.Join(each, ", ")
}

// tally counts texts and keeps the order in which they first came.
type tally struct {
	order  []string
	counts map[string]int
}

func (t *tally) add(text string) {
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	if t.counts[text] == 0 {
		t.order = append(t.order, text)
	}
	t.counts[text]++
}

// String is "summary, outline (2)".
func (t *tally) String() string {
	var each []string
	for _, text := range t.order {
		if n := t.counts[text]; n > 1 {
			text = fmt.Sprintf("%s (%d)", text, n)
		}
		each = append(each, text)
	}
	return strings.Join(each, ", ")
}

// group is what has something in common.
type group[K comparable, V any] struct {
	key K
	all []V
}

// grouped puts together what has the same key. Groups stand in the order of their names, those of one name in the order in which they
// first came.
func grouped[K comparable, V any](all []V, key func(V) K, name func(K) string) []group[K, V] {
	var groups []group[K, V]
	for _, v := range all {
		k := key(v)
		i := slices.IndexFunc(groups, func(g group[K, V]) bool { return g.key == k })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group[K, V]{key: k})
		}
		groups[i].all = append(groups[i].all, v)
	}
	slices.SortStableFunc(groups, func(a, b group[K, V]) int { return strings.Compare(name(a.key), name(b.key)) })
	return groups
}

// after is " after 2 attempts", and nothing when there was none: a connection that fails before an object's turn is no attempt at it.
func after(attempts int) string {
	if attempts == 0 {
		return ""
	}
	return " after " + Plural(attempts, "attempt")
}

// standing is a state with what led to it: "waiting after 2 attempts: A700H peer cannot store now".
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
