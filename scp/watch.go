package scp

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"jcsnode/store"
)

const (
	// diskLook is how often the free space is looked at.
	diskLook = 30 * time.Second
	// diskRemind is how often a lack of it is told again.
	diskRemind = time.Hour
	// diskAhead is the multiple of the reserve below which space runs short: the node warns before it refuses.
	diskAhead = 2
)

// Disk is the room of data_dir for people.
type Disk struct {
	Free    int64 `json:"free_bytes"`
	Reserve int64 `json:"reserve_bytes"`
	Refuses bool  `json:"refuses"` // instances are refused for it
	Short   bool  `json:"short"`   // they will be soon
}

// DiskOf judges the room of a store.
func DiskOf(r store.Room) Disk {
	return Disk{Free: r.Free, Reserve: r.Reserve, Refuses: r.Spent(), Short: !r.Spent() && r.Free < diskAhead*r.Reserve}
}

// String says it in a sentence without its full stop.
func (d Disk) String() string {
	text := Bytes(d.Free) + " free on the disk of data_dir"
	switch {
	case d.Refuses:
		return text + ", not more than node.reserve, " + Bytes(d.Reserve) + ": instances are refused until there is room"
	case d.Short:
		return text + ", which runs short: below node.reserve, " + Bytes(d.Reserve) + ", instances are refused"
	}
	return text
}

// Watch warns when the disk runs short, before a scanner is refused, and says when it does no longer. It returns when ctx ends.
func (b *Inbox) Watch(ctx context.Context, log *slog.Logger, now func() time.Time) error {
	tick := time.NewTicker(diskLook)
	defer tick.Stop()
	w := diskWatch{log: log}
	for {
		if r, err := b.store.Room(ctx); err == nil { // else whoever writes says so
			w.look(DiskOf(r), now())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// diskWatch remembers what was said.
type diskWatch struct {
	log  *slog.Logger
	last Disk
	told time.Time
}

func (w *diskWatch) look(d Disk, now time.Time) {
	changed := d.Refuses != w.last.Refuses || d.Short != w.last.Short
	if !changed && (!d.Refuses && !d.Short || now.Sub(w.told) < diskRemind) {
		return
	}
	w.last, w.told = d, now
	log := w.log.With("free", Bytes(d.Free), "reserve", Bytes(d.Reserve))
	const remedy = "make room on the disk of data_dir, or let the node do so (keep.days)"
	switch {
	case d.Refuses:
		log.Error("disk is full up to the reserve: instances are refused until there is room", "remedy", remedy)
	case d.Short:
		log.Warn("disk runs short: below the reserve instances are refused", "remedy", remedy)
	default:
		log.Info("disk has room again")
	}
}

// Bytes is a size for people, in powers of 1024 as the configuration has them: "0 bytes", "52.5 MB", "2.0 GB".
func Bytes(n int64) string {
	if n < 1<<10 && n > -1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/(1<<10), "KB"
	for _, next := range []string{"MB", "GB", "TB"} {
		if math.Abs(value) < 1023.95 { // it would be written as 1024.0
			break
		}
		value, unit = value/(1<<10), next
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
