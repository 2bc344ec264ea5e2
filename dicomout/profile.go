package dicomout

import (
	"slices"

	"jcsnode/dicomout/object"
)

// Profile says what one destination gets, and in which form.
type Profile struct {
	Summary, Segmentation, Lungs, Report, Activation, ParametricMap, Outline bool
	// LabelMap sends the lesions as a label map, and as BINARY if the destination does not know its class.
	LabelMap bool
	// LabelMapBackground describes the background of a label map as segment 0.
	LabelMapBackground bool
	// MultiFrame sends one object of all activation overlays, true colour. Older archives do not know its class.
	MultiFrame bool
	// Rejection sends a Key Object Selection of the objects that a revision replaces, for archives that then hide them (IHE IOCM).
	Rejection bool
	// NotProcessed sends summary and report of a study that could not be read.
	NotProcessed bool
}

// Of is what the destination gets of a study that was read, or of one that could not be: then summary and report only where it asks
// for them, and a rejection of earlier results, which may be the reason.
func (p Profile) Of(refused bool) Profile {
	if refused && !p.NotProcessed {
		return Profile{Rejection: p.Rejection}
	}
	return p
}

// order is that in which objects are made and sent: what refers to an object comes behind it.
var order = []object.Kind{object.Summary, object.Segmentation, object.LabelMap,
	object.LabelMapPlain, object.Lungs, object.Report, object.ReportAlone,
	object.Rejection, object.Activation, object.ActivationMultiFrame, object.ParametricMap, object.Outline}

// wants tells whether the destination is to get objects of the kind.
func (p Profile) wants(kind object.Kind) bool {
	binary := p.Segmentation && !p.LabelMap
	switch kind {
	case object.Summary:
		return p.Summary
	case object.Segmentation:
		return binary
	case object.LabelMap:
		return p.Segmentation && p.LabelMap && p.LabelMapBackground
	case object.LabelMapPlain:
		return p.Segmentation && p.LabelMap && !p.LabelMapBackground
	case object.Lungs:
		return p.Lungs
	case object.Report:
		return p.Report && binary
	case object.ReportAlone:
		return p.Report && !binary
	case object.Rejection:
		return p.Rejection
	case object.Activation:
		return p.Activation && !p.MultiFrame
	case object.ActivationMultiFrame:
		return p.Activation && p.MultiFrame
	case object.ParametricMap:
		return p.ParametricMap
	case object.Outline:
		return p.Outline
	}
	return false
}

// Kinds are the kinds of objects that the destination is to get, in the order in which they are sent.
func (p Profile) Kinds() []object.Kind {
	return slices.DeleteFunc(slices.Clone(order), func(k object.Kind) bool { return !p.wants(k) })
}

// Wants tells whether the destination is to get objects of the kind with this name.
func (p Profile) Wants(name string) bool {
	return slices.ContainsFunc(order, func(k object.Kind) bool { return k.Name == name && p.wants(k) })
}

// Kinds are the kinds of objects that are made for destinations of the profiles, each once, in the order in which they are made: those
// that one of them is to get, and the other forms of those.
func Kinds(profiles ...Profile) []object.Kind {
	return slices.DeleteFunc(slices.Clone(order), func(k object.Kind) bool {
		return !slices.ContainsFunc(profiles, func(p Profile) bool {
			return p.wants(k) || slices.ContainsFunc(p.Kinds(), func(wanted object.Kind) bool { return otherForm(wanted.Name) == k.Name })
		})
	})
}

// otherForm names the kind that says the same as another one, for destinations that do not know the class of that; "" if there is
// none.
func otherForm(kind string) string {
	if kind == object.LabelMap.Name || kind == object.LabelMapPlain.Name {
		return object.Segmentation.Name
	}
	return ""
}
