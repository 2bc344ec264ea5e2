package store

// Room is the free space of a store against its reserve, in bytes. Who receives leaves the reserve alone, so that there is room for the
// results of what was received; Stage itself goes on until the store is full.
type Room struct{ Free, Reserve int64 }

// Spent tells whether no more than the reserve is free.
func (r Room) Spent() bool { return r.Free <= r.Reserve }
