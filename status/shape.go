package status

import (
	"fmt"
	"strings"

	"jcsnode/ledger"
)

// Shape is what decides about what becomes of a study at a node: digests, alike where that is alike. "": it does not decide about that.
type Shape struct {
	Identity     string // [node] id, as are the next four of a node that reads
	Settings     string // [cascade] and [objects]
	Networks     string
	Device       string // what calculates
	Destinations string // and what they get
	Settle       string // when a study is complete, as are the next two of a node that may lead
	Keep         string // how long files and rows stay
	Stuck        string // what is told of as stuck, or silent
}

// parts are those of the shape, in the order of the text.
func (s *Shape) parts() []shapePart {
	return []shapePart{
		{"identity", "[node] id", &s.Identity},
		{"settings", "[cascade] or [objects]", &s.Settings},
		{"networks", "the networks", &s.Networks},
		{"device", "the device", &s.Device},
		{"destinations", "the destinations or what they get", &s.Destinations},
		{"settle", "[settle], or quiet or stays_open of a [[peer]]", &s.Settle},
		{"keep", "[keep]", &s.Keep},
		{"stuck", "[stuck], or silent_after of a [[peer]]", &s.Stuck},
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
		if *p.digest != "" {
			all = append(all, p.name+"="+*p.digest)
		}
	}
	return strings.Join(all, " ")
}

// readShape reads that text. What another version says besides is left out.
func readShape(text string) (s Shape) {
	for word := range strings.FieldsSeq(text) {
		name, digest, _ := strings.Cut(word, "=")
		for _, p := range s.parts() {
			if p.name == name {
				*p.digest = digest
			}
		}
	}
	return s
}

// differing says in what a node is set otherwise than the first of the others that says something of that; "" for nothing.
func differing(one ledger.Alive, others ...ledger.Alive) string {
	var all []string
	own := readShape(one.Shape)
	for i, p := range own.parts() {
		for _, other := range others {
			theirs := readShape(other.Shape)
			digest := *theirs.parts()[i].digest
			if *p.digest == "" || digest == "" {
				continue
			}
			words := p.words
			if p.name == "device" && one.Device != other.Device {
				words = fmt.Sprintf("the device: %s on %s, %s on %s", one.ID, one.Device, other.ID, other.Device)
			}
			if digest != *p.digest {
				all = append(all, words)
			}
			break
		}
	}
	return strings.Join(all, "; ")
}
