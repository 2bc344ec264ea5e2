package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// EventNodeDied is in the history of the ledger's nodes.
const EventNodeDied = "node died"

// RecoverJobs sets back what processes left running that do not live any more, by their client IDs (Crew.ClientID). It comes before
// their destinations are taken: what one of them was at would be overtaken by what follows. It comes again and again, too: a process that
// was stopped and goes on may take a job after it was dead for everybody.
func (l *Ledger) RecoverJobs(ctx context.Context, dead ...string) error {
	return l.jobs.Recover(ctx, dead...)
}

// ResumeJobs sets back what this process left running under earlier client IDs of its own, under which it lost the database: no attempt is
// counted for that, as it is for a job during which a process died. What it had in hand has ended. It comes before anybody takes these
// IDs for dead, if it can.
func (l *Ledger) ResumeJobs(ctx context.Context, earlier ...string) error {
	return l.jobs.Resume(ctx, earlier...)
}

// AtWork gives the client IDs of the processes that have jobs running, be they alive or not.
func (l *Ledger) AtWork(ctx context.Context) (ids []string, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		ids, err = l.jobs.AtWork(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look who is at work: %w", err)
	}
	return ids, nil
}

// NodeDied notes that a node died in an incarnation, and says whether that is news.
func (l *Ledger) NodeDied(ctx context.Context, id, incarnation, text string) (news bool, err error) {
	err = l.update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `
			UPDATE node
			SET incarnation = ''
			WHERE id = ? AND incarnation = ? AND incarnation <> ''`, id, incarnation)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if news = n > 0; err != nil || !news {
			return err
		}
		return l.event(ctx, tx, "", EventNodeDied, text, map[string]any{"node": id, "incarnation": incarnation})
	})
	if err != nil {
		return false, fmt.Errorf("note that node %s died: %w", id, err)
	}
	return news, nil
}

// NodeLooked notes when the inbox was looked through for what a node took that died.
func (l *Ledger) NodeLooked(ctx context.Context, id string, when time.Time) error {
	err := l.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE node SET looked_at = ? WHERE id = ?`, ms(when), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("note that files of node %s were looked for: %w", id, err)
	}
	return nil
}

// TakeDestination has this process deliver to a destination and ask it for storage commitment, in the order of revisions. The caller sees
// to it that no other process does, until LeaveDestination or StopJobs. What a dead one left running must have been set back.
func (l *Ledger) TakeDestination(name string) error {
	return l.each(l.jobs.Take, name, deliverJob, commitmentSCUJob)
}

// LeaveDestination gives back what TakeDestination took, when what runs has ended.
func (l *Ledger) LeaveDestination(ctx context.Context, name string) error {
	return l.each(l.leaving(ctx), name, deliverJob, commitmentSCUJob)
}

// TakeReceiver has this process tell a receiver. The caller sees to it that no other process does, until LeaveReceiver or StopJobs.
func (l *Ledger) TakeReceiver(name string) error { return l.each(l.jobs.Take, name, notifyJob) }

// LeaveReceiver gives back what TakeReceiver took, when what runs has ended.
func (l *Ledger) LeaveReceiver(ctx context.Context, name string) error {
	return l.each(l.leaving(ctx), name, notifyJob)
}

func (l *Ledger) leaving(ctx context.Context) func(kind, who string) error {
	return func(kind, who string) error { return l.jobs.Leave(ctx, kind, who) }
}

// each does something about the queues of somebody, of those of the kinds that run here.
func (l *Ledger) each(do func(kind, who string) error, name string, kinds ...string) error {
	for _, kind := range kinds {
		if !l.jobs.Runs(kind) {
			continue
		}
		if err := do(kind, name); err != nil {
			return err
		}
	}
	return nil
}

// Awaited are the destinations and the receivers for which something waits. Jobs for them that lie in a common queue go to their own.
func (l *Ledger) Awaited(ctx context.Context) (destinations, receivers []string, err error) {
	if err = l.jobs.Sort(ctx); err == nil {
		err = l.view(ctx, func(tx *sql.Tx) error {
			destinations, err = query(ctx, tx, `
				SELECT DISTINCT destination FROM delivery WHERE state = '`+DeliveryWaiting+`'
				UNION
				SELECT DISTINCT destination FROM confirmation WHERE state = '`+SCUWaiting+`'
				ORDER BY 1`, oneValue[string])
			if err == nil {
				receivers, err = query(ctx, tx, `
					SELECT DISTINCT receiver FROM notification WHERE state = '`+NotificationWaiting+`' ORDER BY 1`, oneValue[string])
			}
			return err
		})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for whom something waits: %w", err)
	}
	return destinations, receivers, nil
}
