package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Earlier is a revision of a study before another one, with the objects that it made.
type Earlier struct {
	Revision
	Objects []Object // in the order in which they were made
}

// Earlier lists the revisions of a study before one of them, the oldest first.
func (l *Ledger) Earlier(ctx context.Context, revisionID int64) ([]Earlier, error) {
	var all []Earlier
	err := l.view(ctx, func(tx *sql.Tx) error {
		rev, err := oneRevision(ctx, tx, `WHERE id = ?`, revisionID)
		if err != nil {
			return err
		}
		revisions, err := queryRevisions(ctx, tx, `
			WHERE study_uid = ? AND number < ?
			ORDER BY number`, rev.StudyUID, rev.Number)
		if err != nil {
			return err
		}
		for _, r := range revisions {
			objects, err := queryObjects(ctx, tx, r.ID)
			if err != nil {
				return err
			}
			all = append(all, Earlier{r, objects})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list revisions before revision %d: %w", revisionID, err)
	}
	return all, nil
}
