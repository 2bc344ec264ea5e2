package main

import (
	"context"

	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

// replacedObjects finds in the ledger what a revision replaces: the objects of the newest earlier one that made any, since a
// revision that changed nothing makes none. Rejections of still older objects are left out: they stay true.
func replacedObjects(l *ledger.Ledger) func(ctx context.Context, studyUID string, revision int) (int, []object.Reference, error) {
	return func(ctx context.Context, studyUID string, revision int) (int, []object.Reference, error) {
		h, err := l.History(ctx, studyUID)
		if err != nil {
			return 0, nil, err
		}
		for i := len(h.Revisions) - 1; i >= 0; i-- {
			r := h.Revisions[i]
			if r.Number >= revision {
				continue
			}
			var objects []object.Reference
			for _, o := range r.Objects {
				if o.Kind != object.Rejection.Name {
					objects = append(objects, object.Reference{Kind: o.Kind, SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, SeriesInstanceUID: o.SeriesUID})
				}
			}
			if len(objects) > 0 {
				return r.Number, objects, nil
			}
		}
		return 0, nil, nil
	}
}
