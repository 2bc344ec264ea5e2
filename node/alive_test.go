package node

import (
	"testing"
	"time"

	"jcsnode/ledger"
)

// A new node looks through the inbox from where some other may not have recorded it.
func TestRecordedBy(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	stopped := func(hour int) ledger.Alive { return ledger.Alive{RecordedAt: at(hour), StoppedAt: at(hour)} }
	running := func(hour int) ledger.Alive { return ledger.Alive{RecordedAt: at(hour)} }
	for name, c := range map[string]struct {
		nodes []ledger.Alive
		want  time.Time
	}{
		"none":              {nil, time.Time{}},
		"all stopped":       {[]ledger.Alive{stopped(2), stopped(5), stopped(3)}, at(5)},
		"some run":          {[]ledger.Alive{stopped(2), running(7), running(6), stopped(9)}, at(6)},
		"one has not begun": {[]ledger.Alive{running(7), {}}, time.Time{}},
	} {
		if got := recordedBy(c.nodes); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
