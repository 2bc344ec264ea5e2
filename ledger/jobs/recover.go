package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// recoverAll leaves the jobs as they should be before the first one runs.
func (j *Jobs) recoverAll(ctx context.Context, tx *sql.Tx, kinds []Kind, missing func(ctx context.Context, tx *sql.Tx) error) error {
	if !j.opt.Shared {
		if err := j.setAllBack(ctx, tx, kinds, true, ``); err != nil {
			return err
		}
		// Due work starts at once, not when the dead process's term as leader is over.
		if _, err := tx.ExecContext(ctx, `DELETE FROM river_leader`); err != nil {
			return err
		}
	}
	for _, k := range kinds {
		if k.Taken { // another process may know who is unknown to this one
			continue
		}
		if err := gather(ctx, tx, k); err != nil {
			return err
		}
	}
	return missing(ctx, tx)
}

// Recover sets back what processes left running that do not live any more, by their client IDs. It comes before their queues are taken:
// a job that was running would be overtaken by the next one.
func (j *Jobs) Recover(ctx context.Context, dead ...string) error { return j.recover(ctx, true, dead) }

// Resume sets back what this process left running under client IDs of its own when it lost the database, and does not run any more. That
// was no attempt: it did not end while it worked.
func (j *Jobs) Resume(ctx context.Context, own ...string) error { return j.recover(ctx, false, own) }

func (j *Jobs) recover(ctx context.Context, killed bool, workers []string) error {
	if len(workers) == 0 {
		return nil
	}
	j.mu.Lock()
	kinds := slices.Clone(j.kinds)
	j.mu.Unlock()
	if len(kinds) == 0 {
		return errors.New("recover jobs: they do not run here")
	}
	var ids []any
	for _, id := range workers {
		ids = append(ids, id)
	}
	in := `IN (?` + strings.Repeat(", ?", len(ids)-1) + `)`
	err := j.opt.Update(ctx, func(tx *sql.Tx) error {
		if err := j.setAllBack(ctx, tx, kinds, killed, `AND `+j.opt.Dialect.worker+` `+in, ids...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM river_leader WHERE leader_id `+in, ids...)
		return err
	})
	if err != nil {
		return fmt.Errorf("recover jobs: %w", err)
	}
	return nil
}

// AtWork gives the client IDs of the processes that have jobs running, as the rows say.
func (j *Jobs) AtWork(ctx context.Context, tx *sql.Tx) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT DISTINCT `+j.opt.Dialect.worker+`
		FROM river_job
		WHERE state = 'running' AND attempted_by IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// setAllBack sets back the running jobs that a condition names: nobody runs them.
func (j *Jobs) setAllBack(ctx context.Context, tx *sql.Tx, kinds []Kind, killed bool, condition string, args ...any) error {
	interrupted, err := j.running(ctx, tx, condition, args...)
	if err != nil {
		return err
	}
	for _, one := range interrupted {
		if err := j.setBack(ctx, tx, kinds, killed, one); err != nil {
			return fmt.Errorf("job %d: %w", one.id, err)
		}
	}
	return nil
}

func (j *Jobs) running(ctx context.Context, tx *sql.Tx, condition string, values ...any) ([]Job, error) {
	return j.list(ctx, tx, `state = 'running' `+condition, values...)
}

func (j *Jobs) list(ctx context.Context, tx *sql.Tx, condition string, values ...any) ([]Job, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT id, kind, `+j.opt.Dialect.args+`, attempt, max_attempts
		FROM river_job
		WHERE `+condition+`
		ORDER BY id`, values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Job
	for rows.Next() {
		var one Job
		var key args
		var text []byte
		if err := rows.Scan(&one.id, &one.Kind, &text, &one.Attempt, &one.MaxAttempts); err != nil {
			return nil, err
		}
		if err := key.UnmarshalJSON(text); err != nil {
			return nil, err
		}
		one.Key = key.key
		all = append(all, one)
	}
	return all, rows.Err()
}

// setBack has the job run again, or ends it when it was the last attempt of a suspect whose process was killed.
func (j *Jobs) setBack(ctx context.Context, tx *sql.Tx, kinds []Kind, killed bool, one Job) error {
	var kind Kind
	if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == one.Kind }); i >= 0 {
		kind = kinds[i]
	}
	if kind.Interrupted != nil {
		if err := kind.Interrupted(ctx, tx, one, killed); err != nil {
			return err
		}
	}
	if kind.Suspect && killed && one.Last() {
		_, err := tx.ExecContext(ctx, `
			UPDATE river_job
			SET state = 'discarded', finalized_at = `+j.opt.Dialect.now+`
			WHERE id = ?`, one.id)
		return err
	}
	if !kind.Suspect || !killed {
		one.Attempt = max(one.Attempt-1, 0)
	}
	_, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', attempt = ? WHERE id = ?`, one.Attempt, one.id)
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

// sort is Sort for a kind.
func (j *Jobs) sort(ctx context.Context, tx *sql.Tx, kind Kind) error {
	common, err := j.list(ctx, tx, `kind = ? AND queue = ? AND state IN `+sleeping, kind.Name, kind.Name)
	if err != nil {
		return err
	}
	for _, one := range common {
		who, err := kind.Whose(ctx, tx, one.Key)
		if errors.Is(err, sql.ErrNoRows) { // what it was about is gone
			if _, err := tx.ExecContext(ctx, `
				UPDATE river_job
				SET state = 'discarded', finalized_at = `+j.opt.Dialect.now+`
				WHERE id = ?`, one.id); err != nil {
				return err
			}
			continue
		}
		if err != nil { // one that cannot be read keeps no other back
			j.opt.Logger.Error("cannot tell for whom a job is, which stays where nobody works on it", "job", one.id, "kind", kind.Name,
				"error", err)
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE river_job SET queue = ? WHERE id = ?`, queueOf(kind.Name, who), one.id); err != nil {
			return err
		}
	}
	return nil
}
