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
		over        bool
	}{
		{0, 2 * time.Second, false},
		{time.Second, 2 * time.Second, false},
		{7 * time.Second, 7 * time.Second, false},
		{time.Hour, 15 * time.Second, false},
		{time.Hour, 2 * time.Second, true},
	} {
		if c.over {
			o.Over()
		}
		if got := o.Pause(begins.Add(c.after)); got != c.want {
			t.Errorf("away for %v: again in %v, want %v", c.after, got, c.want)
		}
	}
}
