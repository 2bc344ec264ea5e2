package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/riverqueue/river"
)

// queueNotify is for receivers that left the configuration; each other has a queue of its own, so that one that does not answer
// delays nobody.
const queueNotify = "notify"

// notifyWorkers is how many notifications each receiver gets at a time.
const notifyWorkers = 2

type notifyArgs struct {
	NotificationID int64 `json:"notification_id"`
}

func (notifyArgs) Kind() string { return "notify" }

type notifyWorker struct {
	river.WorkerDefaults[notifyArgs]
	l      *Ledger
	handle func(ctx context.Context, notificationID int64) error
}

// Work implements river.Worker.
func (w *notifyWorker) Work(ctx context.Context, job *river.Job[notifyArgs]) error {
	id := job.Args.NotificationID
	n, err := w.l.Notification(ctx, id)
	if err != nil {
		return w.l.postpone(ctx, job.JobRow, err)
	}
	if n.State != NotificationWaiting {
		return nil
	}
	return w.l.workOn(ctx, job.JobRow, id, Revision{StudyUID: n.Notice.StudyUID, Number: n.Notice.Revision}, w.handle, func(ctx context.Context, tx *sql.Tx, why Reason) error {
		return w.l.finishNotification(ctx, tx, id, NotificationFailed, why.Text)
	})
}

func (l *Ledger) enqueueNotify(ctx context.Context, tx *sql.Tx, id int64, receiver string) error {
	queue := queueNotify
	if slices.ContainsFunc(l.receivers, func(r Subscription) bool { return r.Name == receiver }) {
		queue = queueOf(queueNotify, receiver)
	}
	if err := l.enqueueOne(ctx, tx, notifyArgs{NotificationID: id}, queue, "notification_id", id); err != nil {
		return fmt.Errorf("enqueue notification of %s: %w", receiver, err)
	}
	return nil
}

// requeueNotifications has those of a study that were given up tried again.
func (l *Ledger) requeueNotifications(ctx context.Context, tx *sql.Tx, studyUID string) error {
	failed, err := queryNotifications(ctx, tx, `WHERE study_uid = ? AND state = ?`, studyUID, NotificationFailed)
	if err != nil {
		return err
	}
	for _, n := range failed {
		if _, err := tx.ExecContext(ctx, `UPDATE notification SET state = ?, attempts = 0 WHERE id = ?`, NotificationWaiting, n.ID); err != nil {
			return err
		}
		if err := l.enqueueNotify(ctx, tx, n.ID, n.Receiver); err != nil {
			return err
		}
	}
	return nil
}

// recoverNotifications gives every waiting notification a job.
func (l *Ledger) recoverNotifications(ctx context.Context, tx *sql.Tx) error {
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
