package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// States of a request for storage commitment that a peer made.
const (
	SCPWaiting  = "waiting"
	SCPReported = "reported"
	SCPFailed   = "failed"   // given up
	SCPReplaced = "replaced" // the same request came again before it was reported
)

// Kinds of the events of storage commitment.
const (
	EventCommitmentRequested = "commitment requested"
	EventCommitmentReported  = "commitment reported"
	EventCommitmentFailed    = "commitment not reported"
)

// CommitmentSCP is a storage commitment request of a peer (PS3.4 annex J): what is asked for and what became of the report.
type CommitmentSCP struct {
	ID             int64
	TransactionUID string
	CallingAE      string // of the requestor
	CalledAE       string // how it calls us
	RemoteAddr     string
	Association    string
	References     []Reference

	// What the ledger adds.
	Duplicate  bool // the transaction UID belongs to another request
	State      string
	Attempts   int // of the report on an association of ours
	Detail     string
	CreatedAt  time.Time
	FinishedAt time.Time
}

// Reference names an instance.
type Reference struct{ SOPClassUID, SOPInstanceUID string }

// Presence says what the ledger knows about a Reference.
type Presence int

// An instance is present when one with its UID and its class is recorded, and the files of its study are not removed.
const (
	Absent Presence = iota
	OtherClass
	Present
)

// RequestCommitment records a request, durably, before it returns. The same request again (requestor, transaction and
// instances) replaces the earlier one, since the requestor has evidently missed the report; the same transaction UID for
// something else is a duplicate.
func (l *Ledger) RequestCommitment(ctx context.Context, c CommitmentSCP) (id int64, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		c.Duplicate = false
		earlier, err := queryCommitmentsSCP(ctx, tx, `WHERE transaction_uid = ? AND duplicate = 0 ORDER BY id LIMIT 1`, c.TransactionUID)
		if err != nil {
			return err
		}
		if len(earlier) > 0 {
			before, err := references(ctx, tx, earlier[0].ID)
			if err != nil {
				return err
			}
			c.Duplicate = earlier[0].CallingAE != c.CallingAE || !slices.Equal(before, c.References)
			if !c.Duplicate {
				if _, err := tx.ExecContext(ctx, `
					UPDATE commitment
					SET state = ?, finished_at = ?
					WHERE transaction_uid = ? AND duplicate = 0 AND state = ?`,
					SCPReplaced, ms(l.now()), c.TransactionUID, SCPWaiting); err != nil {
					return err
				}
			}
		}
		id, err = newID(ctx, tx, `
			INSERT INTO commitment (transaction_uid, calling_ae, called_ae, remote_addr, association, duplicate, state, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			c.TransactionUID, c.CallingAE, c.CalledAE, c.RemoteAddr, c.Association, c.Duplicate, SCPWaiting, ms(l.now()))
		if err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO commitment_reference (commitment_id, class_uid, sop_uid) VALUES (?, ?, ?)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, r := range c.References {
			if _, err := insert.ExecContext(ctx, id, r.SOPClassUID, r.SOPInstanceUID); err != nil {
				return err
			}
		}
		text := fmt.Sprintf("%s at %s asks whether %d instances are safe, transaction %s",
			c.CallingAE, c.RemoteAddr, len(c.References), c.TransactionUID)
		return l.commitmentSCPEvent(ctx, tx, id, EventCommitmentRequested, text)
	})
	if err != nil {
		return 0, fmt.Errorf("record storage commitment request: %w", err)
	}
	return id, nil
}

// commitmentSCPEvent writes the event into the history of each study that has an instance asked for, or into that of the node.
func (l *Ledger) commitmentSCPEvent(ctx context.Context, tx *sql.Tx, id int64, kind, text string) error {
	studies, err := query(ctx, tx, `
		SELECT DISTINCT i.study_uid
		FROM commitment_reference r
		JOIN instance i ON i.sop_uid = r.sop_uid
		WHERE r.commitment_id = ?`, oneValue[string], id)
	if err != nil {
		return err
	}
	if len(studies) == 0 {
		studies = []string{""}
	}
	for _, study := range studies {
		if err := l.event(ctx, tx, study, kind, text, map[string]any{"commitment": id}); err != nil {
			return err
		}
	}
	return nil
}

// CommitmentSCP returns a request with its references in the order in which they were asked for.
func (l *Ledger) CommitmentSCP(ctx context.Context, id int64) (c CommitmentSCP, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		found, err := queryCommitmentsSCP(ctx, tx, `WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		c = found[0]
		c.References, err = references(ctx, tx, id)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("look up storage commitment %d: %w", id, err)
	}
	return c, nil
}

// UnreportedCommitments lists waiting requests of a peer whose report was tried in vain, the oldest first.
func (l *Ledger) UnreportedCommitments(ctx context.Context, callingAE string, limit int) (ids []int64, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		ids, err = query(ctx, tx, `
			SELECT id
			FROM commitment
			WHERE state = ? AND calling_ae = ? AND attempts > 0
			ORDER BY id
			LIMIT ?`, oneValue[int64], SCPWaiting, callingAE, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list storage commitments of %s: %w", callingAE, err)
	}
	return ids, nil
}

// Presence looks the references up, each in its place, when everything recorded so far is committed.
func (l *Ledger) Presence(ctx context.Context, of []Reference) ([]Presence, error) {
	if err := l.Flush(ctx); err != nil {
		return nil, fmt.Errorf("look up instances: %w", err)
	}
	all := make([]Presence, len(of))
	err := l.view(ctx, func(tx *sql.Tx) error {
		look, err := tx.PrepareContext(ctx, `
			SELECT coalesce(MAX(CASE class_uid WHEN ? THEN 2 ELSE 1 END), 0)
			FROM instance
			WHERE sop_uid = ? AND gone = 0 AND study_uid IN (SELECT uid FROM study WHERE files_removed_at = 0)`)
		if err != nil {
			return err
		}
		defer look.Close()
		for i, r := range of {
			if err := look.QueryRowContext(ctx, r.SOPClassUID, r.SOPInstanceUID).Scan(&all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up instances: %w", err)
	}
	return all, nil
}

// QueueCommitmentSCP has the report sent by a job.
func (l *Ledger) QueueCommitmentSCP(ctx context.Context, id int64) error {
	err := l.update(ctx, func(tx *sql.Tx) error { return l.enqueueCommitmentSCP(ctx, tx, id) })
	if err != nil {
		return fmt.Errorf("queue the report of storage commitment %d: %w", id, err)
	}
	return nil
}

// RetryCommitmentSCP notes an attempt that came to nothing.
func (l *Ledger) RetryCommitmentSCP(ctx context.Context, id int64, detail string) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE commitment SET attempts = attempts + 1, detail = ? WHERE id = ?`, detail, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("note an attempt at storage commitment %d: %w", id, err)
	}
	return nil
}

// FinishCommitmentSCP ends a waiting request: reported or failed.
func (l *Ledger) FinishCommitmentSCP(ctx context.Context, id int64, state, detail string) error {
	err := l.update(ctx, func(tx *sql.Tx) error { return l.finishCommitmentSCP(ctx, tx, id, state, detail) })
	if err != nil {
		return fmt.Errorf("end storage commitment %d: %w", id, err)
	}
	return nil
}

func (l *Ledger) finishCommitmentSCP(ctx context.Context, tx *sql.Tx, id int64, state, detail string) error {
	result, err := tx.ExecContext(ctx, `
		UPDATE commitment
		SET state = ?, detail = ?, finished_at = ?
		WHERE id = ? AND state = ?`,
		state, detail, ms(l.now()), id, SCPWaiting)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	kind := EventCommitmentReported
	if state == SCPFailed {
		kind = EventCommitmentFailed
	}
	return l.commitmentSCPEvent(ctx, tx, id, kind, detail)
}

func queryCommitmentsSCP(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]CommitmentSCP, error) {
	return query(ctx, tx, `
		SELECT id, transaction_uid, calling_ae, called_ae, remote_addr, association,
			duplicate, state, attempts, detail, created_at, finished_at
		FROM commitment `+rest,
		func(rows *sql.Rows) (c CommitmentSCP, err error) {
			var created, finished int64
			err = rows.Scan(&c.ID, &c.TransactionUID, &c.CallingAE, &c.CalledAE, &c.RemoteAddr, &c.Association,
				&c.Duplicate, &c.State, &c.Attempts, &c.Detail, &created, &finished)
			c.CreatedAt, c.FinishedAt = at(created), at(finished)
			return c, err
		}, args...)
}

func references(ctx context.Context, tx *sql.Tx, id int64) ([]Reference, error) {
	return query(ctx, tx, `SELECT class_uid, sop_uid FROM commitment_reference WHERE commitment_id = ? ORDER BY rowid`,
		func(rows *sql.Rows) (r Reference, err error) {
			err = rows.Scan(&r.SOPClassUID, &r.SOPInstanceUID)
			return r, err
		}, id)
}
