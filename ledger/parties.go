package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"jcsnode/ledger/jobs"
)

// Parties are those outside whom the ledger has work for. Values are not changed once they are given.
type Parties struct {
	Destinations   []string       // that have a queue of their own
	CommitmentFrom []string       // destinations that are asked for storage commitment of what they were sent
	Receivers      []Subscription // that are told of what happens
	LongestWait    time.Duration  // that any handler asks for; 6 h at least
}

// ErrAway says that the ledger's database does not answer, or has only just begun to again: what was to be done can be done later.
var ErrAway = errors.New("the ledger is not there")

// SetParties changes who they are while the jobs run: what is written from now on is for these. Whoever is not among them any more gets
// nothing new, and its waiting jobs still run, for the handlers to end.
func (l *Ledger) SetParties(p Parties) error {
	before := l.parties.Swap(&p)
	errs := []error{
		l.jobs.Change(deliverJob, p.Destinations, l.longestWait()),
		l.jobs.Change(notifyJob, l.receiverNames(), l.longestWait()),
		l.jobs.Change(commitmentSCUJob, p.CommitmentFrom, max(l.longestWait(), longestAsk)),
	}
	if err := l.db.InWords(errors.Join(errs...)); err != nil {
		l.parties.Store(before)
		if l.db.Passing(err) || errors.Is(err, jobs.ErrStopped) {
			err = fmt.Errorf("%w: %w", ErrAway, err)
		}
		return fmt.Errorf("change for whom the ledger works: %w", err)
	}
	return nil
}

func (l *Ledger) longestWait() time.Duration {
	return max(l.parties.Load().LongestWait, defaultLongestWait)
}

func (l *Ledger) receivers() []Subscription { return l.parties.Load().Receivers }

// receiverNames are the names of the receivers.
func (l *Ledger) receiverNames() []string {
	var names []string
	for _, r := range l.receivers() {
		names = append(names, r.Name)
	}
	return names
}

// asksCommitment says whether a destination is asked for storage commitment.
func (l *Ledger) asksCommitment(destination string) bool {
	return slices.Contains(l.parties.Load().CommitmentFrom, destination)
}

// tells whether anybody wants notices of the kind.
func (l *Ledger) tells(kind string) bool {
	return slices.ContainsFunc(l.receivers(), func(s Subscription) bool { return slices.Contains(s.Kinds, kind) })
}
