package node

import (
	"context"
	"errors"
	"fmt"

	"jcsnode/ledger"
	"jcsnode/status"
)

// Requeue has the study of a UID, or of its beginning, read again, and its failed deliveries and notifications tried again; with resend,
// all of it sent again. It returns the UID; the error says in an operator's words why it cannot be.
func Requeue(ctx context.Context, l *ledger.Ledger, views status.Reader, beginning string, resend bool) (uid string, err error) {
	if uid, err = views.Find(ctx, beginning); err != nil {
		return beginning, err
	}
	if resend {
		err = l.Resend(ctx, uid)
	} else {
		err = l.Requeue(ctx, uid)
	}
	switch {
	case errors.Is(err, ledger.ErrNotFound): // it is still being received
		study, err := views.Study(ctx, uid)
		if err != nil {
			return uid, err
		}
		return uid, fmt.Errorf("study %s is still being received and will be processed by itself: %s",
			uid, status.Settles(study.History, views.Site()))
	case errors.Is(err, ledger.ErrFilesRemoved):
		return uid, fmt.Errorf(
			"the files of study %s are not here any more (keep.days, or the ledger was restored without them); its outcome stays. "+
				"Send the study again, or restore the files and restart the node; then requeue it", uid)
	}
	return uid, err
}
