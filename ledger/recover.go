package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// recoverJobs sets back the jobs that a killed process left running. Nobody else runs
// them: Open took the lock. A process job that was running at each of its last
// attempts is taken for the cause of the crashes, and ends.
func (l *Ledger) recoverJobs(ctx context.Context, queues []string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		// Jobs about one row speak to others: they are interrupted by any stop, and only their own failures count.
		if _, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', attempt = max(attempt - 1, 0) WHERE state = 'running' AND kind NOT IN (?, ?)`,
			processArgs{}.Kind(), deliverArgs{}.Kind()); err != nil {
			return err
		}
		if err := l.recoverCommitments(ctx, tx); err != nil {
			return err
		}
		if err := l.recoverNotifications(ctx, tx); err != nil {
			return err
		}
		if err := l.recoverConfirmations(ctx, tx); err != nil {
			return err
		}
		jobs, err := query(ctx, tx, `SELECT id, kind, json_extract(args, '$.revision_id'), attempt, max_attempts FROM river_job WHERE state = 'running'`,
			func(rows *sql.Rows) (j interrupted, err error) {
				err = rows.Scan(&j.id, &j.kind, &j.revision, &j.attempt, &j.max)
				return j, err
			})
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := l.setBack(ctx, tx, j); err != nil {
				return err
			}
		}
		// Jobs for a destination or a receiver that left the configuration still need somebody who ends them.
		names, err := json.Marshal(queues)
		if err != nil {
			return err
		}
		for kind, queue := range map[string]string{deliverArgs{}.Kind(): queueDeliver, notifyArgs{}.Kind(): queueNotify, confirmArgs{}.Kind(): queueConfirm} {
			if _, err := tx.ExecContext(ctx, `UPDATE river_job SET queue = ? WHERE finalized_at IS NULL AND kind = ? AND queue NOT IN (SELECT value FROM json_each(?))`,
				queue, kind, string(names)); err != nil {
				return err
			}
		}
		if err := l.enqueueMissing(ctx, tx); err != nil {
			return err
		}
		// Due work starts at once, not when the dead process's term as leader is over.
		_, err = tx.ExecContext(ctx, `DELETE FROM river_leader`)
		return err
	})
	if err != nil {
		return fmt.Errorf("recover jobs: %w", err)
	}
	return nil
}

// interrupted is a job that a killed process left running.
type interrupted struct {
	id       int64
	kind     string
	revision int64
	attempt  int
	max      int
}

// setBack has the job run again, or ends it when it was its last attempt.
func (l *Ledger) setBack(ctx context.Context, tx *sql.Tx, j interrupted) error {
	rev, err := oneRevision(ctx, tx, `WHERE id = ?`, j.revision)
	if err != nil {
		return fmt.Errorf("job %d of revision %d: %w", j.id, j.revision, err)
	}
	process := j.kind == processArgs{}.Kind()
	text := fmt.Sprintf("%s was interrupted by the end of the program at attempt %d of %d", j.kind, j.attempt, j.max)
	if err := l.event(ctx, tx, rev.StudyUID, EventRecovered, text, map[string]any{"revision": rev.Number}); err != nil {
		return err
	}
	l.log.Warn("job interrupted by the end of the program, set back", "job", j.kind, "study", rev.StudyUID, "revision", rev.Number, "attempt", j.attempt, "of", j.max)
	if process && j.attempt >= j.max {
		why := Reason{Code: ReasonCrashed, Text: fmt.Sprintf("the program ended %d times while it processed this study", j.attempt),
			Remedy: "look for a crash or a lack of memory in the system's log, then have the study processed again"}
		if err := l.giveUpRevision(ctx, tx, rev.ID, why); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'discarded', finalized_at = datetime('now', 'subsec') WHERE id = ?`, j.id)
		return err
	}
	if !process {
		j.attempt-- // sending is interrupted by any stop; only its own failures count
	}
	_, err = tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', attempt = ? WHERE id = ?`, max(j.attempt, 0), j.id)
	return err
}

// enqueueMissing makes sure that whatever is not at its end has a job. A job that lives already stays alone.
func (l *Ledger) enqueueMissing(ctx context.Context, tx *sql.Tx) error {
	revisions, err := queryRevisions(ctx, tx, `WHERE state IN (?, ?)`, StateSettled, StateProcessing)
	if err != nil {
		return err
	}
	for _, r := range revisions {
		if err := l.enqueueProcess(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	waiting, err := query(ctx, tx, `SELECT DISTINCT o.revision_id, d.destination FROM delivery d JOIN object o ON o.id = d.object_id WHERE d.state = ?`,
		func(rows *sql.Rows) (d deliverArgs, err error) {
			err = rows.Scan(&d.RevisionID, &d.Destination)
			return d, err
		}, DeliveryWaiting)
	if err != nil {
		return err
	}
	for _, d := range waiting {
		if err := l.enqueueDeliver(ctx, tx, d.RevisionID, d.Destination); err != nil {
			return err
		}
	}
	return nil
}

// giveUpRevision ends a revision that is not ended yet.
func (l *Ledger) giveUpRevision(ctx context.Context, tx *sql.Tx, id int64, why Reason) error {
	rev, err := oneRevision(ctx, tx, `WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if rev.State != StateSettled && rev.State != StateProcessing {
		return nil
	}
	return l.finish(ctx, tx, rev, StateNotProcessed, why, fmt.Sprintf("revision %d: %s", rev.Number, why.Text))
}

// giveUpDeliveries ends the waiting deliveries of a revision to one destination.
func (l *Ledger) giveUpDeliveries(ctx context.Context, tx *sql.Tx, id int64, destination string, why Reason) error {
	rev, err := oneRevision(ctx, tx, `WHERE id = ?`, id)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?, status = ?, detail = ?, failed_at = ? WHERE destination = ? AND state = ?
		AND object_id IN (SELECT id FROM object WHERE revision_id = ?)`, DeliveryFailed, why.Code, why.Text, ms(l.now()), destination, DeliveryWaiting, id)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if err := l.delivered(ctx, tx, rev, destination); err != nil {
		return err
	}
	return l.event(ctx, tx, rev.StudyUID, EventDeliveryFailed, fmt.Sprintf("%s: %d objects: %s", destination, n, why.Text),
		map[string]any{"destination": destination, "revision": rev.Number, "remedy": why.Remedy})
}
