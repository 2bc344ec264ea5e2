package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Kinds of the events about the node itself.
const (
	EventSilent   = "peer silent"
	EventDisk     = "disk short"
	EventDiskRoom = "disk has room"
)

// Senders are those from whom an instance came, by calling AE title.
func (l *Ledger) Senders(ctx context.Context) (map[string]PeerSeen, error) {
	senders := map[string]PeerSeen{}
	err := l.view(ctx, func(tx *sql.Tx) error {
		peers, err := peersSeen(ctx, tx)
		for _, p := range peers {
			if !p.InstanceAt.IsZero() {
				senders[p.CallingAE] = p
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up when peers last sent: %w", err)
	}
	return senders, nil
}

// NoteSilent tells the receivers that a peer, from which the newest instance came at a time, has been silent since: once for each such
// time, across restarts. fresh is the notice if nobody knew it before, nil otherwise.
func (l *Ledger) NoteSilent(ctx context.Context, peer string, since time.Time, why Reason) (fresh *Notice, err error) {
	n := Notice{Kind: NoticeSilent, Peer: peer, Since: since, Reason: why}
	return l.noteOnce(ctx, n, ms(since), EventSilent)
}

// NoteDisk tells the receivers that the disk of the node runs short, or has no more room than the reserve: once for each of these, until
// NoteRoom, across restarts. fresh is the notice if nobody knew it before, nil otherwise.
func (l *Ledger) NoteDisk(ctx context.Context, why Reason) (fresh *Notice, err error) {
	if !l.tells(NoticeDisk) {
		return nil, nil
	}
	began, err := l.roomSince(ctx)
	if err != nil {
		return nil, err
	}
	return l.noteOnce(ctx, Notice{Kind: NoticeDisk, Reason: why}, began, EventDisk)
}

// NoteRoom ends a shortage that was told: the next one is told again.
func (l *Ledger) NoteRoom(ctx context.Context) error {
	if !l.tells(NoticeDisk) {
		return nil
	}
	last := ""
	err := l.view(ctx, func(tx *sql.Tx) (err error) {
		last, err = lastDiskEvent(ctx, tx)
		return err
	})
	if err == nil && last == EventDisk {
		err = l.update(ctx, func(tx *sql.Tx) error {
			return l.event(ctx, tx, "", EventDiskRoom, "there is room on the disk again", nil)
		})
	}
	if err != nil {
		return fmt.Errorf("note that the disk has room: %w", err)
	}
	return nil
}

// noteOnce notifies what is about the node, with an event if it is news. mark tells it from others of its kind, see notify.
func (l *Ledger) noteOnce(ctx context.Context, n Notice, mark int64, event string) (fresh *Notice, err error) {
	if !l.tells(n.Kind) {
		return nil, nil
	}
	err = l.update(ctx, func(tx *sql.Tx) error {
		fresh = nil
		news, err := l.notify(ctx, tx, n, mark)
		if err != nil || !news {
			return err
		}
		fresh = &n
		return l.event(ctx, tx, "", event, n.Subject()+": "+n.Reason.Text, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("note the %s: %w", n.Subject(), err)
	}
	return fresh, nil
}

// roomSince names the shortage of the disk by the event that ended the one before; 0: there was none before.
func (l *Ledger) roomSince(ctx context.Context) (began int64, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			SELECT id
			FROM event
			WHERE study_uid = '' AND kind = ?
			ORDER BY id DESC
			LIMIT 1`, EventDiskRoom).Scan(&began)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("look up when the disk last had room: %w", err)
	}
	return began, nil
}

// lastDiskEvent is the kind of the newest event about the disk, "" without any.
func lastDiskEvent(ctx context.Context, tx *sql.Tx) (kind string, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT kind
		FROM event
		WHERE study_uid = '' AND kind IN (?, ?)
		ORDER BY id DESC
		LIMIT 1`, EventDisk, EventDiskRoom).Scan(&kind)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return kind, err
}
