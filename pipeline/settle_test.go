package pipeline

import (
	"log/slog"
	"testing"
	"time"

	"jcsnode/ledger"
)

func TestDueReason(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const quiet, limit = time.Minute, time.Hour
	for name, c := range map[string]struct {
		first, last time.Duration // before now
		held        bool
		want        bool
	}{
		"still coming":                     {2 * time.Minute, 10 * time.Second, false, false},
		"quiet":                            {2 * time.Minute, time.Minute, false, true},
		"quiet, but an association holds":  {2 * time.Minute, 10 * time.Minute, true, false},
		"held for longer than the limit":   {time.Hour, time.Minute, true, true},
		"still coming, beyond the limit":   {time.Hour, time.Second, false, true},
		"first instance a moment ago":      {0, 0, false, false},
		"clock was set back after the end": {-time.Hour, -time.Hour, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := ledger.Activity{FirstAt: now.Add(-c.first), LastAt: now.Add(-c.last)}
			why, due := dueReason(a, now, quiet, limit, c.held)
			a.Away = 1
			if _, due := dueReason(a, now, quiet, limit, c.held); due {
				t.Error("due while a file is on another node")
			}
			if due != c.want || due && why == "" {
				t.Errorf("due %v (%q), want %v", due, why, c.want)
			}
		})
	}
}

func TestSettler_QuietOfTheSenders(t *testing.T) {
	s := &Settler{Quiet: time.Minute, QuietOf: func(title string) time.Duration {
		return map[string]time.Duration{"FAST": 10 * time.Second, "SLOW": 5 * time.Minute}[title]
	}}
	for _, c := range []struct {
		titles []string
		want   time.Duration
	}{
		{nil, time.Minute}, {[]string{"CT1"}, time.Minute}, {[]string{"FAST"}, 10 * time.Second},
		{[]string{"FAST", "CT1"}, time.Minute}, {[]string{"FAST", "SLOW"}, 5 * time.Minute},
	} {
		if got := s.quiet(c.titles); got != c.want {
			t.Errorf("%q: %v, want %v", c.titles, got, c.want)
		}
	}
	if got := (&Settler{Quiet: time.Minute}).quiet([]string{"FAST"}); got != time.Minute {
		t.Errorf("nobody has his own: %v", got)
	}
}

// Instances that came while the clock was ahead do not keep their study open until it is as late again.
func TestSettler_ClockWasAhead(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &Settler{Quiet: time.Minute, Limit: time.Hour, Logger: slog.New(slog.DiscardHandler)}
	look := func() bool {
		ahead := ledger.Activity{StudyUID: "1.2", FirstAt: now.Add(1463 * time.Hour), LastAt: now.Add(1464 * time.Hour)}
		s.noteFuture([]ledger.Activity{ahead}, now)
		_, due := dueReason(s.withoutFuture(ahead, now), now, s.Quiet, s.Limit, false)
		return due
	}
	if look() {
		t.Error("due at once: more may come")
	}
	now = now.Add(30 * time.Second)
	if look() {
		t.Error("due before the quiet time is over")
	}
	now = now.Add(31 * time.Second)
	if !look() {
		t.Error("not due after the quiet time")
	}
}
