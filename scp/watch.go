package scp

import (
	"context"
	"log/slog"
	"time"

	"jcsnode/store"
)

const (
	// diskLook is how often the free space is looked at.
	diskLook = 30 * time.Second
	// diskRemind is how often a lack of it is told again.
	diskRemind = time.Hour
)

// Watch warns when the disk runs short, before a scanner is refused, and says when it does no longer. It returns when ctx ends.
func (b *Inbox) Watch(ctx context.Context, log *slog.Logger, now func() time.Time) error {
	tick := time.NewTicker(diskLook)
	defer tick.Stop()
	w := diskWatch{log: log}
	for {
		if r, err := b.store.Room(ctx); err == nil { // else whoever writes says so
			w.look(r, now())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

const remedyReadOnly = "look for faults of the disk in the log of the kernel (dmesg), and mount it for writing; " +
	"reception goes on by itself then"

// diskWatch remembers what was said.
type diskWatch struct {
	log          *slog.Logger
	spent, short bool
	readOnly     bool
	told         time.Time
}

func (w *diskWatch) look(r store.Room, now time.Time) {
	spent, short := r.Spent(), r.Short()
	changed := spent != w.spent || short != w.short || r.ReadOnly != w.readOnly
	if !changed && (!spent && !short || now.Sub(w.told) < diskRemind) {
		return
	}
	w.spent, w.short, w.readOnly, w.told = spent, short, r.ReadOnly, now
	log := w.log.With("free", store.Bytes(r.Free), "reserve", store.Bytes(r.Reserve))
	const remedy = "make room on the disk of data_dir (of store.path, if that is set), or let the node do so (keep.days)"
	switch {
	case r.ReadOnly:
		w.log.Error("disk is read only: instances are refused", "remedy", remedyReadOnly)
	case spent:
		log.Error("disk is full up to the reserve: instances are refused until there is room", "remedy", remedy)
	case short:
		log.Warn("disk runs short: below the reserve instances are refused", "remedy", remedy)
	default:
		log.Info("disk has room again")
	}
}
