package status

import "jcsnode/store"

// Disk is the room of data_dir.
type Disk struct {
	Free    int64 `json:"free_bytes"`
	Reserve int64 `json:"reserve_bytes"`
	Refuses bool  `json:"refuses"` // instances are refused for it
	Short   bool  `json:"short"`   // they will be soon
}

// DiskOf is the view of the room of a store.
func DiskOf(r store.Room) Disk {
	return Disk{Free: r.Free, Reserve: r.Reserve, Refuses: r.Spent(), Short: r.Short()}
}

// String says it in a sentence without its full stop.
func (d Disk) String() string {
	text := store.Bytes(d.Free) + " free on the disk of data_dir"
	switch {
	case d.Refuses:
		return text + ", not more than node.reserve, " + store.Bytes(d.Reserve) + ": instances are refused until there is room"
	case d.Short:
		return text + ", which runs short: below node.reserve, " + store.Bytes(d.Reserve) + ", instances are refused"
	}
	return text
}
