package notify

import (
	"context"
	"log/slog"
	"time"

	"jcsnode/ledger"
)

// WatchLedger is what Watch asks of the ledger.
type WatchLedger interface {
	NoteStuck(ctx context.Context, after ledger.StuckAfter) (fresh []ledger.Notice, err error)
	Senders(ctx context.Context) (map[string]ledger.PeerSeen, error)
	NoteSilent(ctx context.Context, peer string, since time.Time, why ledger.Reason) (fresh *ledger.Notice, err error)
	NoteDisk(ctx context.Context, why ledger.Reason) (fresh *ledger.Notice, err error)
	NoteRoom(ctx context.Context) error
}

// Watch looks for what nobody else notices: what is stuck, who is silent, a disk that runs short. All fields that others see must be set.
type Watch struct {
	Ledger      WatchLedger
	StuckAfter  ledger.StuckAfter
	SilentAfter func() map[string]time.Duration // by calling AE title, as it is now; peers without are not watched
	Room        func(ctx context.Context) (Room, error)
	Started     time.Time // of the node: what is before it was not seen
	Now         func() time.Time
	Logger      *slog.Logger

	short bool // the disk was, when it was last looked at
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
		w.Look(ctx)
	}
}

// Look looks once.
func (w *Watch) Look(ctx context.Context) {
	for _, look := range []func(context.Context) ([]ledger.Notice, error){w.lookStuck, w.lookSilent, w.lookDisk} {
		fresh, err := look(ctx)
		if err != nil && ctx.Err() == nil {
			w.Logger.Error("cannot look for what is to be told; trying again", "error", err)
		}
		for _, n := range fresh {
			log := w.Logger.With("why", n.Reason.Text, "remedy", n.Reason.Remedy)
			if n.StudyUID != "" {
				log = log.With("study", n.StudyUID, "revision", n.Revision)
			}
			log.Warn(n.Subject())
		}
	}
}

func (w *Watch) lookStuck(ctx context.Context) ([]ledger.Notice, error) {
	return w.Ledger.NoteStuck(ctx, w.StuckAfter)
}
