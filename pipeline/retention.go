package pipeline

import (
	"context"
	"log/slog"
	"time"

	"jcsnode/ledger"
	"jcsnode/store"
)

// RetentionLedger is what Retention asks of the ledger.
type RetentionLedger interface {
	Ended(ctx context.Context, before time.Time, limit int) ([]ledger.Ended, error)
	FilesGo(ctx context.Context, studyUID string, before time.Time) (may bool, err error)
	FilesRemoved(ctx context.Context, studyUID string, before time.Time, instances, objects int) error
	Thin(ctx context.Context, before time.Time, limit int) (studies int, err error)
	ForgetCommitments(ctx context.Context, before time.Time) error
}

// Retention removes the files of studies that are over, so that the disk does not fill up, and ledger rows that nobody will ask for.
// What happened to a study stays in the ledger.
type Retention struct {
	Ledger RetentionLedger
	Store  store.Store
	For    func() time.Duration // how long files stay when all about a study is over, as of now; 0: for ever
	Rows   func() time.Duration // how long rows of its instances stay, no shorter than files; 0: for ever
	Now    func() time.Time
	Logger *slog.Logger
}

const (
	keepEvery = time.Hour
	keepBatch = 100 // studies looked up at a time
	thinBatch = 10  // studies whose rows go in one transaction, which nothing else can be written beside
	// keepCommitments is how long an answered request of storage commitment is known by its transaction UID.
	keepCommitments = 30 * 24 * time.Hour
)

// Run removes what is due until ctx ends.
func (k *Retention) Run(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		if err := k.Sweep(ctx); err != nil && ctx.Err() == nil {
			k.Logger.Error("cannot remove files of studies that are over; trying again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep removes what is due now.
func (k *Retention) Sweep(ctx context.Context) error {
	stay := k.For()
	if err := k.Ledger.ForgetCommitments(ctx, k.Now().Add(-keepCommitments)); err != nil || stay == 0 {
		return err
	}
	if err := k.removeFiles(ctx, k.Now().Add(-stay)); err != nil {
		return err
	}
	return k.thin(ctx)
}

// thin removes the rows that are due.
func (k *Retention) thin(ctx context.Context) error {
	stay := k.Rows()
	if stay == 0 {
		return nil
	}
	all := 0
	for {
		studies, err := k.Ledger.Thin(ctx, k.Now().Add(-stay), thinBatch)
		if err != nil {
			return err
		}
		if all += studies; studies < thinBatch {
			break
		}
	}
	if all > 0 {
		k.Logger.Info("rows of the instances of studies removed from the ledger, since all has long been over", "studies", all)
	}
	return nil
}

// removeFiles removes those of studies that are over since before a time.
func (k *Retention) removeFiles(ctx context.Context, before time.Time) error {
	for {
		ended, err := k.Ledger.Ended(ctx, before, keepBatch)
		if err != nil {
			return err
		}
		removed := 0
		for _, e := range ended {
			gone, err := k.remove(ctx, e, before)
			if err != nil {
				return err
			}
			if gone {
				removed++
			}
		}
		if removed == 0 || len(ended) < keepBatch { // a study that is coming again stays for now
			return nil
		}
	}
}

// remove removes the files of a study and tells whether all are gone. An instance that came again since before stays, and with it the
// objects; so does a study of which something came while those before it were removed.
func (k *Retention) remove(ctx context.Context, e ledger.Ended, before time.Time) (bool, error) {
	if may, err := k.Ledger.FilesGo(ctx, e.StudyUID, before); err != nil || !may {
		return false, err
	}
	all := true
	for _, path := range e.Instances {
		gone, err := k.Store.Remove(ctx, path, before)
		if err != nil {
			return false, err
		}
		all = all && gone
	}
	if !all {
		return false, nil
	}
	for _, path := range e.Objects {
		if _, err := k.Store.Remove(ctx, path, time.Time{}); err != nil {
			return false, err
		}
	}
	k.Logger.Info("files of a study removed, since all is over",
		"study", e.StudyUID, "instances", len(e.Instances), "objects", len(e.Objects))
	return true, k.Ledger.FilesRemoved(ctx, e.StudyUID, before, len(e.Instances), len(e.Objects))
}
