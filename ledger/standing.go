package ledger

import (
	"context"
	"time"
)

// Standing is how the node is: everything that an overview asks of the ledger, of one moment. Its cost does not grow with the ledger.
type Standing struct {
	Counts       Counts
	Alive        Alive
	Peers        []PeerSeen        // by calling AE title
	Destinations []DestinationSeen // by name
	Receivers    []ReceiverSeen    // by name
	Today        Day
	BytesPerDay  int64 // that came or were made, mean of the last full days; 0 = not known yet
}

// PeerSeen is when somebody who calls by a title was last here. Times may be zero.
type PeerSeen struct {
	CallingAE       string
	Address         string // of the newest association or rejection, without port
	AssociationAt   time.Time
	InstanceAt      time.Time
	RejectedAt      time.Time
	RejectedBecause string
}

// DestinationSeen is what a destination did last, and what it is still to do. Times may be zero.
type DestinationSeen struct {
	Name         string
	Deliveries   map[string]int // by state
	OldestAt     time.Time      // of those that wait
	SentAt       time.Time
	FailedAt     time.Time
	Answer       string    // newest, or what came instead of one
	TroubleSince time.Time // first failure since it took something last; zero: its newest answer was good
}

// ReceiverSeen is what is on its way to a webhook.
type ReceiverSeen struct {
	Name          string
	Notifications map[string]int // by state
}

// Day is what was finished since a time.
type Day struct {
	Since        time.Time
	Positive     int
	Negative     int
	NotProcessed int
	Median       time.Duration // from settled to finished, of the reported ones
}

// Standing is how the node is now. Midnight is since when today is.
func (l *Ledger) Standing(ctx context.Context, midnight time.Time) (s Standing, err error) {
	s.Today.Since = midnight
	if s.Counts, err = l.Counts(ctx); err != nil {
		return Standing{}, err
	}
	return s, nil
}
