package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// recoverAll leaves the jobs as they should be before the first one runs.
func recoverAll(ctx context.Context, tx *sql.Tx, kinds []Kind, missing func(ctx context.Context, tx *sql.Tx) error) error {
	interrupted, err := running(ctx, tx)
	if err != nil {
		return err
	}
	for _, j := range interrupted {
		if err := setBack(ctx, tx, kinds, j); err != nil {
			return fmt.Errorf("job %d: %w", j.id, err)
		}
	}
	for _, k := range kinds {
		if err := gather(ctx, tx, k); err != nil {
			return err
		}
	}
	if err := missing(ctx, tx); err != nil {
		return err
	}
	// Due work starts at once, not when the dead process's term as leader is over.
	_, err = tx.ExecContext(ctx, `DELETE FROM river_leader`)
	return err
}

// running lists the jobs that a killed process left running. Nobody else runs them.
func running(ctx context.Context, tx *sql.Tx) ([]Job, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT id, kind, json(args), attempt, max_attempts
		FROM river_job
		WHERE state = 'running'
		ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Job
	for rows.Next() {
		var j Job
		if err := rows.Scan(&j.id, &j.Kind, &j.Key, &j.Attempt, &j.MaxAttempts); err != nil {
			return nil, err
		}
		all = append(all, j)
	}
	return all, rows.Err()
}

// setBack has the job run again, or ends it when it was the last attempt of a suspect.
func setBack(ctx context.Context, tx *sql.Tx, kinds []Kind, j Job) error {
	var kind Kind
	if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == j.Kind }); i >= 0 {
		kind = kinds[i]
	}
	if kind.Interrupted != nil {
		if err := kind.Interrupted(ctx, tx, j); err != nil {
			return err
		}
	}
	if kind.Suspect && j.Last() {
		_, err := tx.ExecContext(ctx, `
			UPDATE river_job
			SET state = 'discarded', finalized_at = datetime('now', 'subsec')
			WHERE id = ?`, j.id)
		return err
	}
	if !kind.Suspect {
		j.Attempt = max(j.Attempt-1, 0)
	}
	_, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', attempt = ? WHERE id = ?`, j.Attempt, j.id)
	return err
}

// gather moves jobs of those who have no queue of their own any more to the shared one: they still need somebody who ends them.
func gather(ctx context.Context, tx *sql.Tx, kind Kind) error {
	args := []any{kind.Name, kind.Name, kind.Name}
	for _, who := range kind.Own {
		args = append(args, queueOf(kind.Name, who))
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE river_job
		SET queue = ?
		WHERE finalized_at IS NULL AND kind = ? AND queue NOT IN (?`+strings.Repeat(", ?", len(kind.Own))+`)`, args...)
	return err
}
