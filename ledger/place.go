package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// away is a subselect: of how many instances of study s not every node can read the file.
const away = `(SELECT COUNT(*) FROM instance w WHERE w.study_uid = s.uid AND w.at <> '')`

// Stored queues for the writer that every node can read the file of an instance now, whichever node it came up from: a name stands for
// its bytes. The file must not be taken away from the node before.
func (l *Ledger) Stored(ctx context.Context, path string) error {
	if path == "" {
		return errors.New("no path")
	}
	return l.enqueue(ctx, entry{stored: path})
}

func writeStored(ctx context.Context, tx *sql.Tx, paths []string) error {
	if err := execIn(ctx, tx, `UPDATE instance SET at = '' WHERE at <> '' AND path IN`, paths); err != nil {
		return fmt.Errorf("note what is in the store: %w", err)
	}
	return nil
}

// leaveBehind has a study wait no longer for files that are on the disk of nodes that do not run: one that is lost never gives them. It
// tells how many. They may come up all the same.
func (l *Ledger) leaveBehind(ctx context.Context, tx *sql.Tx, studyUID string) (files int64, err error) {
	result, err := tx.ExecContext(ctx, `
		UPDATE instance SET at = ''
		WHERE study_uid = ? AND at <> '' AND at NOT IN (SELECT id FROM node WHERE incarnation <> '' AND stopped_at = 0)`, studyUID)
	if err == nil {
		files, err = result.RowsAffected()
	}
	if err != nil || files == 0 {
		return 0, err
	}
	text := fmt.Sprintf("the study waits no longer for files on the disk of nodes that do not run: %d", files)
	return files, l.event(ctx, tx, studyUID, EventRequeued, text, map[string]any{"files": files})
}

// AtNode lists the instances whose file is on a node alone, as far as the ledger knows.
func (l *Ledger) AtNode(ctx context.Context, node string) (paths []string, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		paths, err = query(ctx, tx, `SELECT path FROM instance WHERE at = ? AND at <> '' ORDER BY path`, oneValue[string], node)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list what is on node %s alone: %w", node, err)
	}
	return paths, nil
}
