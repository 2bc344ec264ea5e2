package status

import (
	"fmt"

	"jcsnode/store"
)

// Disk is the room where files are kept.
type Disk struct {
	Shared   string `json:"-"` // the folder that nodes share; "": data_dir
	Free     int64  `json:"free_bytes"`
	Reserve  int64  `json:"reserve_bytes"`
	ReadOnly bool   `json:"read_only,omitempty"` // nothing can be written to it
	Refuses  bool   `json:"refuses"`             // instances are refused for it
	Short    bool   `json:"short"`               // they will be soon
	DaysLeft *int   `json:"days_left,omitempty"` // until they are, at the pace of the last days; nil where it cannot be told
}

// DiskOf is the view of the room of a store, in data_dir or in a folder that nodes share.
func DiskOf(r store.Room, shared string) Disk {
	return Disk{Shared: shared, Free: r.Free, Reserve: r.Reserve, ReadOnly: r.ReadOnly, Refuses: r.Spent(), Short: r.Short()}
}

// mostDays is from when on nobody plans.
const mostDays = 9999

// lasting is the disk with the days that are left of it at a pace.
func (d Disk) lasting(perDay int64) *Disk {
	if perDay > 0 && !d.ReadOnly {
		days := int(min(max(0, d.Free-d.Reserve)/perDay, mostDays))
		d.DaysLeft = &days
	}
	return &d
}

// String says it in a sentence without its full stop.
func (d Disk) String() string {
	in, where := "on", "the disk of data_dir"
	if d.Shared != "" {
		in, where = "in", d.Shared
	}
	if d.ReadOnly {
		return where + " is read only: instances are refused until it can be written"
	}
	text := store.Bytes(d.Free) + " free " + in + " " + where
	switch {
	case d.Refuses:
		return text + ", not more than node.reserve, " + store.Bytes(d.Reserve) + ": instances are refused until there is room"
	case d.Short:
		text += ", which runs short: below node.reserve, " + store.Bytes(d.Reserve) + ", instances are refused"
	}
	switch {
	case d.DaysLeft == nil:
		return text
	case *d.DaysLeft >= mostDays:
		return text + "; enough for years at the pace of the last days"
	}
	return text + fmt.Sprintf("; about %s left at the pace of the last days", Plural(*d.DaysLeft, "day"))
}
