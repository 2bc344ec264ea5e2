package store_test

import (
	"testing"
	"time"

	"jcsnode/store"
)

func TestOutage(t *testing.T) {
	var o store.Outage
	begins := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after, want time.Duration
		through     int64 // 1 and 2 wait
	}{
		{0, 2 * time.Second, 0},
		{time.Second, 2 * time.Second, 0},
		{7 * time.Second, 7 * time.Second, 3},
		{time.Hour, 15 * time.Second, 0},
		{time.Hour, 2 * time.Second, 1},
	} {
		o.Over(c.through)
		o.Pause(1, begins.Add(c.after))
		if got := o.Pause(2, begins.Add(c.after)); got != c.want {
			t.Errorf("away for %v: again in %v, want %v", c.after, got, c.want)
		}
	}
}
