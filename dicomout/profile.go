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

// Kinds are the kinds of objects that the profiles ask for together, in the order in which they are made and sent.
func Kinds(profiles ...Profile) []object.Kind {
	var kinds []object.Kind
	for _, k := range []struct {
		kind  object.Kind
		wants func(p Profile) bool
	}{
		{object.Summary, func(p Profile) bool { return p.Summary }},
		{object.Segmentation, func(p Profile) bool { return p.Segmentation && !p.LabelMap }},
		{object.LabelMap, func(p Profile) bool { return p.Segmentation && p.LabelMap && p.LabelMapBackground }},
		{object.LabelMapPlain, func(p Profile) bool { return p.Segmentation && p.LabelMap && !p.LabelMapBackground }},
		{object.Lungs, func(p Profile) bool { return p.Lungs }},
		{object.Report, func(p Profile) bool { return p.Report && p.Segmentation && !p.LabelMap }},
		{object.ReportAlone, func(p Profile) bool { return p.Report && (!p.Segmentation || p.LabelMap) }},
		{object.Rejection, func(p Profile) bool { return p.Rejection }},
		{object.Activation, func(p Profile) bool { return p.Activation && !p.MultiFrame }},
		{object.ActivationMultiFrame, func(p Profile) bool { return p.Activation && p.MultiFrame }},
		{object.ParametricMap, func(p Profile) bool { return p.ParametricMap }},
		{object.Outline, func(p Profile) bool { return p.Outline }},
	} {
		if slices.ContainsFunc(profiles, k.wants) {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// Wants tells whether the profile asks for objects of the kind with this name.
func (p Profile) Wants(kind string) bool {
	return slices.ContainsFunc(Kinds(p), func(k object.Kind) bool { return k.Name == kind })
}
