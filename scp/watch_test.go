package scp

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"jcsnode/store"
)

// The log tells of a disk that runs short before it is full, reminds, and tells when there is room again.
func TestDiskWatch(t *testing.T) {
	var log lines
	w := diskWatch{log: slog.New(slog.NewTextHandler(&log, nil))}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const gb = 1 << 30
	for _, c := range []struct {
		after time.Duration
		free  int64
		want  string
	}{
		{0, 100 * gb, ""},
		{time.Minute, 3 * gb, "level=WARN msg=\"disk runs short"},
		{time.Minute, 3 * gb, ""},
		{time.Minute, 2 * gb, "level=ERROR"},
		{time.Minute, gb, ""},
		{time.Hour, gb, "free=\"1.0 GB\" reserve=\"2.0 GB\""},
		{time.Minute, 3 * gb, "level=WARN"},
		{time.Minute, 50 * gb, "disk has room again"},
		{2 * time.Hour, 50 * gb, ""},
	} {
		before := len(log.all())
		at = at.Add(c.after)
		w.look(store.Room{Free: c.free, Reserve: 2 * gb}, at)
		said := strings.Join(log.all()[before:], "")
		if (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s at %v: %q, want %q", store.Bytes(c.free), at, said, c.want)
		}
	}
	for _, c := range []struct {
		room store.Room
		want string
	}{
		{store.Room{Reserve: 2 * gb, ReadOnly: true}, "level=ERROR msg=\"disk is read only"},
		{store.Room{Reserve: 2 * gb, ReadOnly: true}, ""},
		{store.Room{Free: gb, Reserve: 2 * gb}, "disk is full"},
		{store.Room{Free: 50 * gb, Reserve: 2 * gb}, "disk has room again"},
	} {
		before := len(log.all())
		at = at.Add(time.Minute)
		w.look(c.room, at)
		said := strings.Join(log.all()[before:], "")
		if (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%+v: %q, want %q", c.room, said, c.want)
		}
	}
}
