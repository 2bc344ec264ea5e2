package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// RefusedInstances is one or more instances of a study that were refused to one sender for one reason. Texts are those of the newest one.
type RefusedInstances struct {
	StudyUID    string    `json:"study_uid"` // "" when it could not be read
	CallingAE   string    `json:"calling_ae"`
	Address     string    `json:"address"` // of the sender, without port
	Code        string    `json:"code"`
	Status      string    `json:"status"` // of the C-STORE response
	Text        string    `json:"text"`
	Remedy      string    `json:"remedy,omitempty"`
	Instance    string    `json:"instance,omitempty"` // SOP Instance UID
	Association string    `json:"association"`
	Count       int       `json:"count"`
	FirstAt     time.Time `json:"first_at,omitzero"`
	LastAt      time.Time `json:"last_at,omitzero"`
}

const (
	// maxRefusals rows are kept, the newest: a sender can make up as many studies as it likes.
	maxRefusals = 1000
	// maxRefusalText bounds each text of a row, in bytes.
	maxRefusalText = 500
)

// Refused queues a refusal for the writer. At is the time of it.
func (l *Ledger) Refused(ctx context.Context, r RefusedInstances, at time.Time) error {
	r.Count, r.FirstAt, r.LastAt = 1, at, at
	return l.enqueue(ctx, entry{refusal: &r})
}

func insertRefusal(ctx context.Context, tx *sql.Tx, r *RefusedInstances) error {
	short := func(s string) string { return s[:min(len(s), maxRefusalText)] }
	_, err := tx.ExecContext(ctx, `
		INSERT INTO refusal (study_uid, calling_ae, address, code, status, text, remedy, instance, association, first_at, last_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
		ON CONFLICT (study_uid, calling_ae, address, code) DO UPDATE
		SET count = refusal.count + 1, status = ?5, text = ?6, remedy = ?7, instance = ?8, association = ?9, last_at = ?10`,
		short(r.StudyUID), short(r.CallingAE), short(r.Address), short(r.Code), short(r.Status),
		short(r.Text), short(r.Remedy), short(r.Instance), short(r.Association), ms(r.LastAt))
	if err != nil {
		return fmt.Errorf("write a refusal: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM refusal
		WHERE rowid IN (SELECT rowid FROM refusal ORDER BY last_at DESC LIMIT ? OFFSET ?)`, noLimit, maxRefusals); err != nil {
		return fmt.Errorf("forget old refusals: %w", err)
	}
	return nil
}

// Refusals lists what was refused, the newest first, of all studies.
func (l *Ledger) Refusals(ctx context.Context, limit int) ([]RefusedInstances, error) {
	var all []RefusedInstances
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = queryRefusals(ctx, tx, `ORDER BY last_at DESC, rowid DESC LIMIT ?`, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list refusals: %w", err)
	}
	return all, nil
}

// RefusalsOf lists what was refused of a study, in order of time; none for a study that nobody has tried to send.
func (l *Ledger) RefusalsOf(ctx context.Context, studyUID string) ([]RefusedInstances, error) {
	var all []RefusedInstances
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		all, err = queryRefusals(ctx, tx, `WHERE study_uid = ? ORDER BY first_at, rowid`, studyUID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list refusals of study %s: %w", studyUID, err)
	}
	return all, nil
}

func queryRefusals(ctx context.Context, tx *sql.Tx, rest string, args ...any) ([]RefusedInstances, error) {
	return query(ctx, tx, `
		SELECT study_uid, calling_ae, address, code, status, text, remedy, instance, association, count, first_at, last_at
		FROM refusal `+rest,
		func(rows *sql.Rows) (r RefusedInstances, err error) {
			var first, last int64
			err = rows.Scan(&r.StudyUID, &r.CallingAE, &r.Address, &r.Code, &r.Status,
				&r.Text, &r.Remedy, &r.Instance, &r.Association, &r.Count, &first, &last)
			r.FirstAt, r.LastAt = at(first), at(last)
			return r, err
		}, args...)
}
