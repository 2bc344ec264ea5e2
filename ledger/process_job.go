package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"jcsnode/ledger/jobs"
)

const processJob = "process"

type processKey struct {
	RevisionID int64 `json:"revision_id"`
}

// processKind takes a job that was running at each of its attempts when the program ended for the cause of that.
func (l *Ledger) processKind(handle func(ctx context.Context, revisionID int64) error, workers int) jobs.Kind {
	return jobs.Kind{
		Name:        processJob,
		Workers:     workers,
		LongestWait: l.longestWait(),
		Suspect:     true,
		Interrupted: l.processInterrupted,
		Work: works(l, func(ctx context.Context, key processKey) (*task, error) {
			var rev Revision
			err := l.view(ctx, func(tx *sql.Tx) (err error) {
				rev, err = oneRevision(ctx, tx, `WHERE id = ?`, key.RevisionID)
				return err
			})
			if err != nil || rev.Over() {
				return nil, err // superseded, or a crash came after its last write
			}
			return &task{
				revision: rev,
				do:       func(ctx context.Context) error { return handle(ctx, rev.ID) },
				giveUp:   func(ctx context.Context, tx *sql.Tx, why Reason) error { return l.giveUpRevision(ctx, tx, rev.ID, why) },
			}, nil
		}),
	}
}

// enqueueProcess makes sure that a process job of the revision will start, now if it waited for its time.
func (l *Ledger) enqueueProcess(ctx context.Context, tx *sql.Tx, revisionID int64) error {
	if err := l.jobs.Enqueue(ctx, tx, processJob, processKey{revisionID}, ""); err != nil {
		return fmt.Errorf("enqueue processing: %w", err)
	}
	return nil
}

// enqueueRevisions gives every revision that has not ended a job.
func (l *Ledger) enqueueRevisions(ctx context.Context, tx *sql.Tx) error {
	return l.enqueueOpen(ctx, tx, `1 = 1`)
}

// enqueueOpen does so for those that a condition names, and has jobs that wait for their time start now.
func (l *Ledger) enqueueOpen(ctx context.Context, tx *sql.Tx, condition string, args ...any) error {
	revisions, err := queryRevisions(ctx, tx, `
		WHERE state IN ('`+StateSettled+`', '`+StateProcessing+`') AND `+condition+`
		ORDER BY id`, args...)
	if err != nil {
		return err
	}
	for _, r := range revisions {
		if err := l.enqueueProcess(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// interrupted writes into the history that a job of a revision was interrupted: by the end of the program, or since it lost the ledger.
func (l *Ledger) interrupted(ctx context.Context, tx *sql.Tx, j jobs.Job, revisionID int64, killed bool) (Revision, error) {
	rev, err := l.lockRevision(ctx, tx, revisionID)
	if err != nil {
		return rev, fmt.Errorf("revision %d: %w", revisionID, err)
	}
	text := fmt.Sprintf("%s was interrupted by the end of the program at attempt %d of %d", j.Kind, j.Attempt, j.MaxAttempts)
	if !killed {
		text = fmt.Sprintf("%s was interrupted at attempt %d of %d, which does not count: the node had lost the ledger's database", j.Kind,
			j.Attempt, j.MaxAttempts)
	}
	l.log.Warn("job interrupted, set back", "killed", killed, "job", j.Kind, "study", rev.StudyUID, "revision", rev.Number,
		"attempt", j.Attempt, "of", j.MaxAttempts)
	return rev, l.event(ctx, tx, rev.StudyUID, EventRecovered, text, map[string]any{"revision": rev.Number})
}

func (l *Ledger) processInterrupted(ctx context.Context, tx *sql.Tx, j jobs.Job, killed bool) error {
	key, err := keyOf[processKey](j.Key)
	if err != nil {
		return err
	}
	rev, err := l.interrupted(ctx, tx, j, key.RevisionID, killed)
	if err != nil || !killed || !j.Last() {
		return err
	}
	return l.giveUpRevision(ctx, tx, rev.ID, Reason{
		Code:   ReasonCrashed,
		Text:   fmt.Sprintf("the program ended %d times while it processed this study", j.Attempt),
		Remedy: "look for a crash or a lack of memory in the system's log, then have the study processed again",
	})
}

// giveUpRevision ends a revision that is not ended yet.
func (l *Ledger) giveUpRevision(ctx context.Context, tx *sql.Tx, id int64, why Reason) error {
	rev, err := l.lockRevision(ctx, tx, id)
	if err != nil || rev.Over() {
		return err
	}
	return l.finish(ctx, tx, rev, StateNotProcessed, why, fmt.Sprintf("revision %d: %s", rev.Number, why.Text))
}
