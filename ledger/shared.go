package ledger

import (
	"context"
	"errors"
	"fmt"
)

// RecoverJobs sets back what processes left running that do not live any more, by their client IDs (Options.ClientID). It comes before
// their destinations are taken: what one of them was at would be overtaken by what follows.
func (l *Ledger) RecoverJobs(ctx context.Context, dead ...string) error {
	return l.jobs.Recover(ctx, dead...)
}

// TakeDestination has this process deliver to a destination and ask it for storage commitment, in the order of revisions. The caller sees
// to it that no other process does, until LeaveDestination. What it left running must have been set back.
func (l *Ledger) TakeDestination(name string) error {
	for _, kind := range l.kindsOf(name) {
		if err := l.jobs.Take(kind, name); err != nil {
			return err
		}
	}
	return nil
}

// LeaveDestination has this process work for a destination no more. What runs for it is not ended, but waited for, at most until ctx ends.
func (l *Ledger) LeaveDestination(ctx context.Context, name string) error {
	var errs []error
	for _, kind := range l.kindsOf(name) {
		errs = append(errs, l.jobs.Leave(ctx, kind, name))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("leave destination %s: %w", name, err)
	}
	return nil
}

// kindsOf are the kinds of job of which one at a time runs for a destination.
func (l *Ledger) kindsOf(destination string) []string {
	if l.asksCommitment(destination) && l.jobs.Runs(commitmentSCUJob) {
		return []string{deliverJob, commitmentSCUJob}
	}
	return []string{deliverJob}
}
