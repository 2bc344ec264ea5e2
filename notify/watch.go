package notify

import (
	"context"
	"log/slog"
	"time"

	"jcsnode/ledger"
)

// StuckLedger is what Watch asks of the ledger.
type StuckLedger interface {
	NoteStuck(ctx context.Context, after ledger.StuckAfter) (fresh []ledger.Notice, err error)
}

// Watch looks for what is stuck.
type Watch struct {
	Ledger     StuckLedger
	StuckAfter ledger.StuckAfter
	Logger     *slog.Logger
}

// Run looks until ctx ends, as often as the shortest time needs.
func (w *Watch) Run(ctx context.Context) error {
	shortest := min(w.StuckAfter.Receiving, w.StuckAfter.Study, w.StuckAfter.Delivery, 4*time.Minute)
	tick := time.NewTicker(max(100*time.Millisecond, shortest/4))
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
		for _, n := range stuck {
			w.Logger.Warn(n.Subject(), "study", n.StudyUID, "revision", n.Revision, "why", n.Reason.Text, "remedy", n.Reason.Remedy)
		}
	}
}
