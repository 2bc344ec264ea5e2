package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"jcsnode/ledger/jobs"
)

const notifyJob = "notify"

// notifyWorkers is how many notifications each receiver gets at a time.
const notifyWorkers = 2

type notifyKey struct {
	ID int64 `json:"notification_id"`
}

func (l *Ledger) notifyKind(handle func(ctx context.Context, notificationID int64) error) jobs.Kind {
	return jobs.Kind{
		Name:    notifyJob,
		Workers: notifyWorkers,
		Own:     l.receiverNames(),
		Taken:   l.shared,
		Whose: func(ctx context.Context, tx *sql.Tx, key []byte) (who string, err error) {
			k, err := keyOf[notifyKey](key)
			if err == nil {
				err = tx.QueryRowContext(ctx, `SELECT receiver FROM notification WHERE id = ?`, k.ID).Scan(&who)
			}
			return who, err
		},
		LongestWait: l.longestWait(),
		Work: works(l, func(ctx context.Context, key notifyKey) (*task, error) {
			n, err := l.Notification(ctx, key.ID)
			if err != nil || n.State != NotificationWaiting {
				return nil, err
			}
			return &task{
				revision: Revision{StudyUID: n.Notice.StudyUID, Number: n.Notice.Revision},
				do:       func(ctx context.Context) error { return handle(ctx, n.ID) },
				giveUp: func(ctx context.Context, tx *sql.Tx, why Reason) error {
					return l.finishNotification(ctx, tx, n.ID, NotificationFailed, why.Text)
				},
			}, nil
		}),
	}
}

func (l *Ledger) enqueueNotify(ctx context.Context, tx *sql.Tx, id int64, receiver string) error {
	if err := l.jobs.Enqueue(ctx, tx, notifyJob, notifyKey{id}, receiver); err != nil {
		return fmt.Errorf("enqueue notification of %s: %w", receiver, err)
	}
	return nil
}

// enqueueNotifications gives every waiting notification a job.
func (l *Ledger) enqueueNotifications(ctx context.Context, tx *sql.Tx) error {
	waiting, err := queryNotifications(ctx, tx, `WHERE state = ?`, NotificationWaiting)
	if err != nil {
		return err
	}
	for _, n := range waiting {
		if err := l.enqueueNotify(ctx, tx, n.ID, n.Receiver); err != nil {
			return err
		}
	}
	return nil
}

// WakeNotifications has all that wait for a receiver tried now, and says how many had to wait longer.
func (l *Ledger) WakeNotifications(ctx context.Context, receiver string) (woken int, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		waiting, err := queryNotifications(ctx, tx, `WHERE state = ? AND receiver = ? AND next_at > ?`,
			NotificationWaiting, receiver, ms(l.now()))
		if err != nil {
			return err
		}
		woken = len(waiting)
		for _, n := range waiting {
			if _, err := tx.ExecContext(ctx, `UPDATE notification SET next_at = 0 WHERE id = ?`, n.ID); err != nil {
				return err
			}
			if err := l.enqueueNotify(ctx, tx, n.ID, receiver); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("wake notifications for %s: %w", receiver, err)
	}
	return woken, nil
}

// requeueNotifications has those of a study that were given up tried again.
func (l *Ledger) requeueNotifications(ctx context.Context, tx *sql.Tx, studyUID string) error {
	failed, err := queryNotifications(ctx, tx, `WHERE study_uid = ? AND state = ?`, studyUID, NotificationFailed)
	if err != nil {
		return err
	}
	for _, n := range failed {
		_, err := tx.ExecContext(ctx, `
			UPDATE notification
			SET state = ?, attempts = 0
			WHERE id = ?`, NotificationWaiting, n.ID)
		if err != nil {
			return err
		}
		if err := l.enqueueNotify(ctx, tx, n.ID, n.Receiver); err != nil {
			return err
		}
	}
	return nil
}
