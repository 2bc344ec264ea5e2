package results

import (
	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

// replaced names the objects that a revision replaces, in their order, but for what rejected others.
func replaced(objects []ledger.Object) []object.ReferencedObject {
	var all []object.ReferencedObject
	for _, o := range objects {
		if o.Kind != object.Rejection.Name {
			all = append(all, object.ReferencedObject{
				Kind:              o.Kind,
				SOPClassUID:       o.SOPClassUID,
				SOPInstanceUID:    o.SOPInstanceUID,
				SeriesInstanceUID: o.SeriesUID,
			})
		}
	}
	return all
}
