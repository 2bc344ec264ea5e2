package results

import (
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
)

// Recipient is a destination of results. One without a name is the node itself: what it asks for is made and stays here.
type Recipient struct {
	Name    string
	Profile dicomout.Profile
}

// Recipients are all that get results.
type Recipients []Recipient

// Kinds are the kinds of objects that recipients ask for together, of a study or of one that could not be read.
func (r Recipients) Kinds(refused bool) []object.Kind {
	var profiles []dicomout.Profile
	for _, one := range r {
		profiles = append(profiles, one.Profile.Of(refused))
	}
	return dicomout.Kinds(profiles...)
}

// of names those to whom objects of the kind are sent.
func (r Recipients) of(kind string, refused bool) []string {
	var names []string
	for _, one := range r {
		if one.Name != "" && one.Profile.Of(refused).Wants(kind) {
			names = append(names, one.Name)
		}
	}
	return names
}
