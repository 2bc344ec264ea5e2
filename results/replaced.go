package results

import (
	"context"

	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

// Ledger is what results ask of the ledger.
type Ledger interface {
	History(ctx context.Context, studyUID string) (*ledger.History, error)
}

// replaced are the objects that a revision replaces: those of all earlier ones, the oldest first, but for what rejected others.
// Revisions count as they do in the objects, where one that made none has no number.
func replaced(ctx context.Context, l Ledger, studyUID string, revision int) ([]object.ReferencedObject, error) {
	h, err := l.History(ctx, studyUID)
	if err != nil {
		return nil, err
	}
	var objects []object.ReferencedObject
	number := 0
	for _, r := range h.Revisions {
		if len(r.Objects) == 0 {
			continue
		}
		if number++; number == revision {
			break
		}
		for _, o := range r.Objects {
			if o.Kind != object.Rejection.Name {
				objects = append(objects, object.ReferencedObject{
					Kind:              o.Kind,
					SOPClassUID:       o.SOPClassUID,
					SOPInstanceUID:    o.SOPInstanceUID,
					SeriesInstanceUID: o.SeriesUID,
				})
			}
		}
	}
	return objects, nil
}
