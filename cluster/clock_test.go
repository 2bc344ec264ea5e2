package cluster

import (
	"testing"
	"time"
)

// What is known of the server's clock is mended by answers that come soon, is not spoilt by such as come late, and follows a clock that is
// set.
func TestServerClock(t *testing.T) {
	var s serverClock
	const ms = time.Millisecond
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // the server's time when clock says 0
	for _, step := range []struct {
		what             string
		set              time.Duration // of the server's clock
		asked, answering time.Duration // answering: of asked
		answered         time.Duration
		off              time.Duration // of what is known, after it
	}{
		{"the first, whose answer was long under way", 0, 1000 * ms, 0, 400 * ms, -200 * ms},
		{"a quick one", 0, 2000 * ms, 1 * ms, 2 * ms, -1 * ms},
		{"a slow one tells nothing new", 0, 3000 * ms, 2900 * ms, 3000 * ms, -1 * ms},
		{"the server's clock was set ahead", time.Minute, 4000 * ms, 1 * ms, 2 * ms, -1 * ms},
		{"and back", -time.Hour, 5000 * ms, 1 * ms, 2 * ms, 1 * ms},
	} {
		said := begin.Add(step.set + step.asked + step.answering)
		s.heard(said, step.asked, step.asked+step.answered)
		if off := s.at(step.asked).Sub(begin.Add(step.set + step.asked)); off != step.off {
			t.Errorf("%s: off by %v, want %v", step.what, off, step.off)
		}
	}
}
