package status

import (
	"fmt"
	"strings"

	"jcsnode/ledger"
)

// Shape is what decides about the objects of a study at a node that reads it: digests, alike where that is alike.
type Shape struct {
	Identity     string // [node] id
	Settings     string // [cascade] and [objects]
	Networks     string
	Device       string // what calculates
	Destinations string // and what they get
}

// parts are those of the shape, in the order of the text.
func (s *Shape) parts() []shapePart {
	return []shapePart{
		{"identity", "[node] id", &s.Identity},
		{"settings", "[cascade] or [objects]", &s.Settings},
		{"networks", "the networks", &s.Networks},
		{"device", "the device", &s.Device},
		{"destinations", "the destinations or what they get", &s.Destinations},
	}
}

// shapePart is one of them, with the words for what it stands for.
type shapePart struct {
	name, words string
	digest      *string
}

// String is the text that a node says of itself.
func (s Shape) String() string {
	var all []string
	for _, p := range s.parts() {
		all = append(all, p.name+"="+*p.digest)
	}
	return strings.Join(all, " ")
}

// readShape reads that text; ok is false for that of another version.
func readShape(text string) (s Shape, ok bool) {
	for _, p := range s.parts() {
		var one string
		one, text, _ = strings.Cut(text, " ")
		if *p.digest, ok = strings.CutPrefix(one, p.name+"="); !ok {
			return s, false
		}
	}
	return s, true
}

// differing says in what two nodes that read would make other objects of a study; "" for nothing, or if nobody can tell.
func differing(one, other ledger.Alive) string {
	a, known := readShape(one.Shape)
	b, too := readShape(other.Shape)
	if !known || !too {
		return ""
	}
	var all []string
	theirs := b.parts()
	for i, p := range a.parts() {
		if *p.digest == *theirs[i].digest {
			continue
		}
		words := p.words
		if p.name == "device" && one.Device != other.Device {
			words = fmt.Sprintf("the device: %s on %s, %s on %s", one.ID, one.Device, other.ID, other.Device)
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ")
}
