package model

import "fmt"

// step is one thing that can happen in a state.
type step[S comparable] struct {
	what  string // "node %s opens its session"
	node  int    // of whom, -1 if what names nobody
	to    S
	fault bool   // that nobody may count on
	wrong string // what it breaks, "" nothing
}

// world is a set of states and what can happen in them.
type world[S comparable] struct {
	start S
	steps func(s S, emit func(step[S]))
	good  func(s S) bool // all that was promised has come true
}

// Result of a search.
type Result struct {
	States, Steps int
	Wrong         string   // what breaks; "" = nothing does
	Trace         []string // the shortest way there
}

// label is a step without its state.
type label struct {
	what string
	node int
}

func (l label) String() string {
	if l.node < 0 {
		return l.what
	}
	return fmt.Sprintf(l.what, string(rune('A'+l.node)))
}

// explore visits every state, the nearest first. Whatever happened, a good state must be within reach without another fault.
func explore[S comparable](w world[S]) Result {
	states, index := []S{w.start}, map[S]int32{w.start: 0}
	from, by := []int32{-1}, []label{{}}
	var tails, heads []int32 // of the steps that are no faults
	r := Result{}
	trace := func(i int32, more ...string) []string {
		var back []string
		for ; i > 0; i = from[i] {
			back = append(back, by[i].String())
		}
		for a, b := 0, len(back)-1; a < b; a, b = a+1, b-1 {
			back[a], back[b] = back[b], back[a]
		}
		return append(back, more...)
	}
	for i := int32(0); int(i) < len(states) && r.Wrong == ""; i++ {
		w.steps(states[i], func(s step[S]) {
			r.Steps++
			if s.wrong != "" {
				if r.Wrong == "" {
					r.Wrong, r.Trace = s.wrong, trace(i, label{s.what, s.node}.String())
				}
				return
			}
			at, known := index[s.to]
			if !known {
				at = int32(len(states))
				index[s.to] = at
				states, from, by = append(states, s.to), append(from, i), append(by, label{s.what, s.node})
			}
			if !s.fault {
				tails, heads = append(tails, i), append(heads, at)
			}
		})
	}
	r.States = len(states)
	if r.Wrong == "" {
		if i := firstLost(states, tails, heads, w.good); i >= 0 {
			r.Wrong, r.Trace = "from here nothing that may happen leads to a good end", trace(i)
		}
	}
	return r
}

// firstLost is the first state from which no good one can be reached, -1 if there is none.
func firstLost[S comparable](states []S, tails, heads []int32, good func(S) bool) int32 {
	into := make([][]int32, len(states))
	for k, head := range heads {
		into[head] = append(into[head], tails[k])
	}
	reached := make([]bool, len(states))
	var todo []int32
	for i, s := range states {
		if good(s) {
			reached[i] = true
			todo = append(todo, int32(i))
		}
	}
	for len(todo) > 0 {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range into[last] {
			if !reached[i] {
				reached[i] = true
				todo = append(todo, i)
			}
		}
	}
	for i, ok := range reached {
		if !ok {
			return int32(i)
		}
	}
	return -1
}
