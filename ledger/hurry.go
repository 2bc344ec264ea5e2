package ledger

import "context"

// HurryDestination has what waits for a destination come up now, however long it was to wait: for somebody who ends it.
func (l *Ledger) HurryDestination(ctx context.Context, name string) error {
	return l.each(l.hurrying(ctx), name, deliverJob, commitmentSCUJob)
}

// HurryReceiver does so for a receiver.
func (l *Ledger) HurryReceiver(ctx context.Context, name string) error {
	return l.each(l.hurrying(ctx), name, notifyJob)
}

func (l *Ledger) hurrying(ctx context.Context) func(kind, who string) error {
	return func(kind, who string) error { return l.jobs.Hurry(ctx, kind, who) }
}
