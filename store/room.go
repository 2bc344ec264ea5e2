package store

import (
	"fmt"
	"math"
)

// ahead is the multiple of the reserve below which space runs short.
const ahead = 2

// Room is the free space of a store against its reserve, in bytes. Who receives leaves the reserve alone, so that there is room for the
// results of what was received; Stage itself goes on until the store is full.
type Room struct {
	Free, Reserve int64
	ReadOnly      bool // nothing can be written, however much is free, and Free is 0
}

// Spent tells whether no more than the reserve is free.
func (r Room) Spent() bool { return r.ReadOnly || r.Free <= r.Reserve }

// Short tells whether the room will soon be spent, so that people can be warned before anything is refused.
func (r Room) Short() bool { return !r.Spent() && r.Free < ahead*r.Reserve }

// Lacks is how much more would have to be free for it to be neither spent nor short, 0 if it is neither or if room would not help.
func (r Room) Lacks() int64 {
	if r.ReadOnly {
		return 0
	}
	return max(0, ahead*r.Reserve-r.Free)
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
