package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// maxSilentPeers of those from whom no instance came are kept, the newest: anybody can call under any title.
const maxSilentPeers = 100

// sighting is somebody who was here.
type sighting struct {
	callingAE, address string
	at                 time.Time
	rejected           string // why the association was rejected, "" if it was not
}

// Called queues for the writer that somebody opened an association, or, with a reason, was rejected. Address is without the port.
func (l *Ledger) Called(ctx context.Context, callingAE, address, rejected string, at time.Time) error {
	short := func(s string) string { return s[:min(len(s), maxRefusalText)] }
	return l.enqueue(ctx, entry{sighting: &sighting{short(callingAE), short(address), at, short(rejected)}})
}

func insertSighting(ctx context.Context, tx *sql.Tx, s *sighting) error {
	var associated, rejected int64
	if s.rejected == "" {
		associated = ms(s.at)
	} else {
		rejected = ms(s.at)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO peer (calling_ae, address, association_at, rejected_at, rejected_because)
		VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (calling_ae) DO UPDATE
		SET address = ?2, association_at = max(peer.association_at, ?3), rejected_at = max(peer.rejected_at, ?4),
			rejected_because = CASE ?5 WHEN '' THEN peer.rejected_because ELSE ?5 END`,
		s.callingAE, s.address, associated, rejected, s.rejected)
	if err != nil {
		return fmt.Errorf("note who called: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM peer
		WHERE calling_ae IN (
			SELECT calling_ae
			FROM peer_now
			WHERE instances = 0
			ORDER BY max(association_at, rejected_at) DESC
			LIMIT ? OFFSET ?)`, noLimit, maxSilentPeers); err != nil {
		return fmt.Errorf("forget who called: %w", err)
	}
	return nil
}

// seeAgain notes when an instance of a caller came that is in the ledger already.
func seeAgain(ctx context.Context, tx *sql.Tx, callingAE string, at int64) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO peer (calling_ae, instance_at)
		VALUES (?1, ?2)
		ON CONFLICT (calling_ae) DO UPDATE
		SET instance_at = max(peer.instance_at, ?2)`, callingAE, at); err != nil {
		return fmt.Errorf("note who sent again: %w", err)
	}
	return nil
}

func peersSeen(ctx context.Context, tx *sql.Tx) ([]PeerSeen, error) {
	all, err := query(ctx, tx, `
		SELECT calling_ae, address, association_at, instance_at, rejected_at, rejected_because, instances, bytes
		FROM peer_now
		ORDER BY calling_ae`, func(rows *sql.Rows) (p PeerSeen, err error) {
		var association, instance, rejected int64
		err = rows.Scan(&p.CallingAE, &p.Address, &association, &instance, &rejected, &p.RejectedBecause, &p.Instances, &p.Bytes)
		p.AssociationAt, p.InstanceAt, p.RejectedAt = at(association), at(instance), at(rejected)
		return p, err
	})
	for i := range all {
		if p := &all[i]; err == nil && p.Instances > 0 {
			p.Usual, err = usual(ctx, tx, p.CallingAE)
		}
	}
	return all, err
}

const (
	// rhythmStudies are looked at to see how often a peer sends: a day or two of a scanner.
	rhythmStudies = 50
	// leastGaps are few enough to be reached in a day, and too many for one test study after another.
	leastGaps = 5
)

// usual is the time that mostly lies between two studies of a peer. Half of the gaps are shorter, so that nights and weekends do not
// count.
func usual(ctx context.Context, tx *sql.Tx, callingAE string) (time.Duration, error) {
	at, err := query(ctx, tx, `
		SELECT last_at
		FROM study
		WHERE calling_ae = ?
		ORDER BY last_at DESC
		LIMIT ?`, oneValue[int64], callingAE, rhythmStudies)
	return time.Duration(median(gaps(at))) * time.Millisecond, err
}

// gaps are those between times, the newest of which comes first.
func gaps(at []int64) []int64 {
	var all []int64
	for i := 1; i < len(at); i++ {
		all = append(all, at[i-1]-at[i])
	}
	return all
}

// median is the value in the middle, 0 of too few.
func median(values []int64) int64 {
	if len(values) < leastGaps {
		return 0
	}
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
