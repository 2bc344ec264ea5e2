package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Counts is the state of the node in numbers, for status, health and metrics.
type Counts struct {
	Instances     int            `json:"instances"`
	Flagged       int            `json:"flagged"`
	Bytes         int64          `json:"bytes"`
	Studies       map[string]int `json:"studies"`    // by state
	Deliveries    map[string]int `json:"deliveries"` // by state
	OldestWaiting time.Time      `json:"oldest_waiting_delivery,omitzero"`
	Notifications map[string]int `json:"notifications"` // by state
	Missing       int            `json:"studies_with_files_missing"`
	Refused       int            `json:"refused"`     // instances that were not stored, as far as they are remembered
	Commitments   map[string]int `json:"commitments"` // what destinations say about objects: asked, committed, failed
	Finished      map[string]int `json:"finished"`    // revisions ever, by outcome: positive, negative, not processed
	LastInstance  time.Time      `json:"last_instance,omitzero"`
	Queued        int            `json:"queued"`          // rows that wait for the writer, in this process
	Fault         string         `json:"fault,omitempty"` // why the writer cannot commit, in this process
}

// Kinds of the counters that the database keeps in the transactions that change what they count.
const (
	counterDelivery     = "delivery"   // by destination and state
	counterCommitment   = "commitment" // by destination and answer
	counterNotification = "notification"
	counterFinished     = "finished" // by outcome
)

// Counts reads the counters. Its cost does not grow with the ledger.
func (l *Ledger) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		c, err = l.counts(ctx, tx)
		return err
	})
	if err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	return c, nil
}

func (l *Ledger) counts(ctx context.Context, tx *sql.Tx) (Counts, error) {
	c := Counts{Queued: len(l.queue)}
	if err := l.Fault(); err != nil {
		c.Fault = err.Error()
	}
	var oldest, last int64
	err := tx.QueryRowContext(ctx, `
		SELECT instances, flagged, bytes, (SELECT coalesce(MAX(instance_at), 0) FROM peer_now),
			(SELECT COUNT(*) FROM study WHERE files_missing = 1), (SELECT coalesce(SUM(count), 0) FROM refusal),
			(SELECT coalesce(MIN(oldest), 0) FROM (
				SELECT (SELECT MIN(created_at) FROM delivery WHERE destination = name AND state = '`+DeliveryWaiting+`') AS oldest
				FROM counter_now
				WHERE kind = '`+counterDelivery+`' AND state = '`+DeliveryWaiting+`' AND n > 0) waiting)
		FROM received_now`).Scan(&c.Instances, &c.Flagged, &c.Bytes, &last, &c.Missing, &c.Refused, &oldest)
	if err != nil {
		return c, err
	}
	c.OldestWaiting, c.LastInstance = at(oldest), at(last)
	if c.Studies, err = countBy(ctx, tx, `SELECT state, SUM(n) FROM study_count_now GROUP BY state HAVING SUM(n) > 0`); err != nil {
		return c, err
	}
	for kind, to := range map[string]*map[string]int{
		counterDelivery:     &c.Deliveries,
		counterCommitment:   &c.Commitments,
		counterNotification: &c.Notifications,
		counterFinished:     &c.Finished,
	} {
		if *to, err = countBy(ctx, tx, `
			SELECT state, SUM(n)
			FROM counter_now
			WHERE kind = ?
			GROUP BY state
			HAVING SUM(n) > 0`, kind); err != nil {
			return c, err
		}
	}
	return c, nil
}

// counted reads the counters of a kind and a name, by state.
func counted(ctx context.Context, tx *sql.Tx, kind, name string) (map[string]int, error) {
	return countBy(ctx, tx, `SELECT state, n FROM counter_now WHERE kind = ? AND name = ? AND n > 0`, kind, name)
}
