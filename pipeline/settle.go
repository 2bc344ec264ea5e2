package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"jcsnode/ledger"
)

// SettlerLedger is what the Settler asks of the ledger.
type SettlerLedger interface {
	Receiving(ctx context.Context) ([]ledger.Activity, error)
	SettleDue(ctx context.Context, studyUID string, due func(ledger.Activity) (string, bool)) (ledger.Revision, bool, error)
}

// Settler decides when a study is complete. DICOM does not say; a study is taken as complete when nothing of it has come
// for Quiet and no open association that stored into it remains, at the latest Limit after its first unsettled instance.
type Settler struct {
	Ledger SettlerLedger
	Holds  func(studyUID string) bool // an open association of this process stored into the study; those of others are in the ledger
	Quiet  time.Duration
	// QuietOf is the quiet time of a calling AE title that has its own, otherwise 0; nil: none has. Where several have sent
	// into a study, the longest counts.
	QuietOf func(callingAETitle string) time.Duration
	Limit   time.Duration
	Looked  func() // called whenever it has looked at all studies; may be nil
	// Settled is told of each study that settles how long that took since its first instance; may be nil.
	Settled func(took time.Duration)
	Now     func() time.Time
	Clock   string // whose Now is, for the log
	Logger  *slog.Logger

	ahead map[string]time.Time // studies whose newest instance came in the future: when that was first seen
}

// Run settles studies until the context ends.
func (s *Settler) Run(ctx context.Context) error {
	tick := time.NewTicker(max(50*time.Millisecond, min(s.Quiet/4, time.Second)))
	defer tick.Stop()
	for {
		if err := s.settleDue(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Error("studies cannot be settled; trying again", "error", err)
		}
		if s.Looked != nil {
			s.Looked()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Settler) settleDue(ctx context.Context) error {
	receiving, err := s.Ledger.Receiving(ctx)
	if err != nil {
		return fmt.Errorf("list the studies being received: %w", err)
	}
	now := s.Now()
	var failures []error
	s.noteFuture(receiving, now)
	for _, a := range receiving {
		var why string
		due := func(a ledger.Activity) (string, bool) {
			a = s.withoutFuture(a, now)
			var due bool
			why, due = dueReason(a, now, s.quiet(a.CallingAEs), s.Limit, a.Held || s.Holds(a.StudyUID))
			return why, due
		}
		if _, due := due(a); !due {
			continue
		}
		rev, settled, err := s.Ledger.SettleDue(ctx, a.StudyUID, due)
		if err != nil { // the other studies must not wait for this one
			failures = append(failures, fmt.Errorf("settle study %s: %w", a.StudyUID, err))
			continue
		}
		if !settled { // something came meanwhile
			continue
		}
		if s.Settled != nil {
			s.Settled(now.Sub(a.FirstAt))
		}
		s.Logger.Info("study settled", "study", a.StudyUID, "revision", rev.Number, "instances", a.Instances, "why", why)
	}
	return errors.Join(failures...)
}

// noteFuture notes which studies came while the clock was ahead, or have the time of a file from a machine that is ahead: they would wait
// until it is as late again.
func (s *Settler) noteFuture(receiving []ledger.Activity, now time.Time) {
	seen := map[string]time.Time{}
	for _, a := range receiving {
		if !a.LastAt.After(now.Add(clockSlack)) {
			continue
		}
		first, known := s.ahead[a.StudyUID]
		if !known {
			first = now
			s.Logger.Warn("instances of the study have a time that is still to come: the clock was ahead when they came, or is behind now",
				"study", a.StudyUID, "newest", a.LastAt.Format(time.RFC3339), "clock", s.Clock, "remedy", "keep it right (NTP)")
		}
		seen[a.StudyUID] = first
	}
	s.ahead = seen
}

// withoutFuture corrects the times of such a study. Its newest instance counts as come when that was first seen.
func (s *Settler) withoutFuture(a ledger.Activity, now time.Time) ledger.Activity {
	first, ahead := s.ahead[a.StudyUID]
	if !ahead || !a.LastAt.After(now.Add(clockSlack)) {
		return a
	}
	a.LastAt = first
	if a.FirstAt.After(first) {
		a.FirstAt = first
	}
	return a
}

// clockSlack is how far ahead a time may lie without a fault of the clock: adjustments of a second or two are usual.
const clockSlack = 5 * time.Second

// quiet is the longest quiet time of those who sent.
func (s *Settler) quiet(callingAEs []string) time.Duration {
	longest := time.Duration(0)
	for _, title := range callingAEs {
		own := s.Quiet
		if s.QuietOf != nil {
			if d := s.QuietOf(title); d > 0 {
				own = d
			}
		}
		longest = max(longest, own)
	}
	if longest == 0 {
		return s.Quiet
	}
	return longest
}

// dueReason says whether a study is complete at now, and why.
func dueReason(a ledger.Activity, now time.Time, quiet, limit time.Duration, held bool) (string, bool) {
	switch {
	case a.Away > 0: // whoever reads it could not
		return "", false
	case now.Sub(a.FirstAt) >= limit:
		return fmt.Sprintf("first instance came %v ago, the limit", limit), true
	case held:
		return "", false
	case now.Sub(a.LastAt) >= quiet:
		return fmt.Sprintf("quiet for %v", quiet), true
	}
	return "", false
}
