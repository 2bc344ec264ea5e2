package notify

import (
	"context"
	"log/slog"
	"time"

	"jcsnode/ledger"
)

// Watch looks for what is stuck.
type Watch struct {
	Ledger     *ledger.Ledger
	StuckAfter ledger.StuckAfter
	Logger     *slog.Logger
}

// Run looks until ctx ends, as often as the shortest patience needs.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(max(100*time.Millisecond, min(w.StuckAfter.Receiving, w.StuckAfter.Study, w.StuckAfter.Delivery, 4*time.Minute)/4))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		stuck, err := w.Ledger.NoteStuck(ctx, w.StuckAfter)
		if err != nil && ctx.Err() == nil {
			w.Logger.Error("cannot look for what is stuck; trying again", "error", err)
		}
		for _, f := range stuck {
			w.Logger.Warn(f.Subject(), "study", f.StudyUID, "revision", f.Revision, "why", f.Reason.Text, "remedy", f.Reason.Remedy)
		}
	}
}
