package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Standing is how the node is: everything that an overview asks of the ledger, of one moment. Its cost does not grow with the ledger.
type Standing struct {
	Counts       Counts
	Alive        Alive             // of the node that was heard of last
	Nodes        []Alive           // all that ever worked on the ledger, by ID
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
	Instances       int // that it stored, ever
	Bytes           int64
	Usual           time.Duration // between two studies of it; 0: not known, or nothing usual about it
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
func (l *Ledger) Standing(ctx context.Context, midnight time.Time) (Standing, error) {
	var s Standing
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		if s.Counts, err = l.counts(ctx, tx); err != nil {
			return err
		}
		if s.Alive, err = newestAlive(ctx, tx); err != nil {
			return err
		}
		if s.Nodes, err = queryAlive(ctx, tx, `ORDER BY id`); err != nil {
			return err
		}
		if s.Peers, err = peersSeen(ctx, tx); err != nil {
			return err
		}
		if s.Destinations, err = destinationsSeen(ctx, tx); err != nil {
			return err
		}
		if s.Receivers, err = receiversSeen(ctx, tx); err != nil {
			return err
		}
		if s.Today, err = finishedSince(ctx, tx, midnight); err != nil {
			return err
		}
		s.BytesPerDay, err = bytesPerDay(ctx, tx, l.now())
		return err
	})
	if err != nil {
		return Standing{}, fmt.Errorf("look how the node is: %w", err)
	}
	s.Alive.Held = l.db.Held()
	return s, nil
}

func destinationsSeen(ctx context.Context, tx *sql.Tx) ([]DestinationSeen, error) {
	seen, err := query(ctx, tx, `
		SELECT name, sent_at, failed_at, answer, trouble_since
		FROM (
			SELECT name, sent_at, failed_at, answer, trouble_since FROM destination
			UNION ALL SELECT DISTINCT name, 0, 0, '', 0 FROM counter_now
			WHERE kind = 'delivery' AND name NOT IN (SELECT name FROM destination)) seen
		ORDER BY name`,
		func(rows *sql.Rows) (d DestinationSeen, err error) {
			var sent, failed, since int64
			err = rows.Scan(&d.Name, &sent, &failed, &d.Answer, &since)
			d.SentAt, d.FailedAt, d.TroubleSince = at(sent), at(failed), at(since)
			return d, err
		})
	if err != nil {
		return nil, err
	}
	for i := range seen {
		d := &seen[i]
		if d.Deliveries, err = counted(ctx, tx, counterDelivery, d.Name); err != nil {
			return nil, err
		}
		var oldest int64
		if err := tx.QueryRowContext(ctx, `
			SELECT coalesce(MIN(created_at), 0)
			FROM delivery
			WHERE destination = ? AND state = '`+DeliveryWaiting+`'`, d.Name).Scan(&oldest); err != nil {
			return nil, err
		}
		d.OldestAt = at(oldest)
	}
	return seen, nil
}

func receiversSeen(ctx context.Context, tx *sql.Tx) ([]ReceiverSeen, error) {
	seen, err := query(ctx, tx, `
		SELECT DISTINCT name
		FROM counter_now
		WHERE kind = '`+counterNotification+`'
		ORDER BY name`, func(rows *sql.Rows) (r ReceiverSeen, err error) {
		err = rows.Scan(&r.Name)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	for i := range seen {
		if seen[i].Notifications, err = counted(ctx, tx, counterNotification, seen[i].Name); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// finishedSince reads one row for each revision that was finished since a time: as many as a node reads in a day.
func finishedSince(ctx context.Context, tx *sql.Tx, since time.Time) (Day, error) {
	d := Day{Since: since}
	var took []int64
	_, err := query(ctx, tx, `
		SELECT outcome, took
		FROM brief
		WHERE finished_at > 0 AND finished_at >= ?`, func(rows *sql.Rows) (struct{}, error) {
		var outcome string
		var each int64
		err := rows.Scan(&outcome, &each)
		switch outcome {
		case ResultPositive:
			d.Positive++
		case ResultNegative:
			d.Negative++
		case StateNotProcessed:
			d.NotProcessed++
		}
		if outcome != StateNotProcessed {
			took = append(took, each)
		}
		return struct{}{}, err
	}, ms(since))
	if len(took) > 0 {
		slices.Sort(took)
		d.Median = time.Duration(took[len(took)/2]) * time.Millisecond
	}
	return d, err
}

// paceDays is over how many full days the pace is taken: scanners rest at weekends.
const paceDays = 7

// bytesPerDay is what came and was made on the last full days, on average.
func bytesPerDay(ctx context.Context, tx *sql.Tx, now time.Time) (int64, error) {
	today := ms(now) / (24 * time.Hour).Milliseconds()
	var first, bytes int64
	err := tx.QueryRowContext(ctx, `
		SELECT coalesce((SELECT MIN(day) FROM day_now), ?2), coalesce(SUM(bytes), 0)
		FROM day_now
		WHERE day >= ?1 AND day < ?2`, today-paceDays, today).Scan(&first, &bytes)
	days := min(paceDays, today-first)
	if err != nil || days <= 0 {
		return 0, err
	}
	return bytes / days, nil
}
