package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Alive is what only the running node knows of itself, as it wrote it last.
type Alive struct {
	StartedAt  time.Time // zero: no node has started on this ledger since it can tell
	SeenAt     time.Time // of the newest sign of life
	StoppedAt  time.Time // zero: it runs, or it died
	PID        int
	Version    string // of the program
	ConfigPath string
	ConfigHash string // of the file's bytes, hex SHA-256
	Device     string // that the networks run on
	Weights    string // worst status of the networks
	Free       int64  // bytes on the disk of data_dir
	Reserve    int64
	Work       []Work

	// RecordedAt is a time up to which every instance that was stored is in the ledger; zero = nobody can tell.
	RecordedAt time.Time

	// Held says that a process works on the ledger now, whatever it wrote; nil where that cannot be seen. The ledger adds it.
	Held *bool
}

// Work is a study that is being read.
type Work struct {
	StudyUID string    `json:"study_uid"`
	Step     string    `json:"step"`
	Done     int       `json:"done"`
	Total    int       `json:"total"` // 0 = not known
	Since    time.Time `json:"since,omitzero"`
}

// SignOfLife keeps what the node says of itself instead of what it said before. The time of it is now.
func (l *Ledger) SignOfLife(ctx context.Context, a Alive) error {
	work, err := json.Marshal(append([]Work{}, a.Work...))
	if err == nil {
		err = l.update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO alive (id, started_at, seen_at, stopped_at, recorded_at, pid, version, config_path,
					config_hash, device, weights, free, reserve, work)
				VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE
				SET started_at = excluded.started_at, seen_at = excluded.seen_at, stopped_at = excluded.stopped_at,
					recorded_at = excluded.recorded_at, pid = excluded.pid, version = excluded.version, config_path = excluded.config_path,
					config_hash = excluded.config_hash, device = excluded.device, weights = excluded.weights, free = excluded.free,
					reserve = excluded.reserve, work = excluded.work`,
				ms(a.StartedAt), ms(l.now()), ms(a.StoppedAt), ms(a.RecordedAt), a.PID, a.Version, a.ConfigPath, a.ConfigHash, a.Device,
				a.Weights, a.Free, a.Reserve, string(work))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("give a sign of life: %w", err)
	}
	return nil
}

// Alive is what the node said last; the zero value if none did.
func (l *Ledger) Alive(ctx context.Context) (a Alive, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		a, err = alive(ctx, tx)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("look what the node said last: %w", err)
	}
	a.Held = l.db.Held()
	return a, nil
}

// alive is what the node said last; the zero value if none did.
func alive(ctx context.Context, tx *sql.Tx) (a Alive, err error) {
	var started, seen, stopped, recorded int64
	var work string
	err = tx.QueryRowContext(ctx, `
		SELECT started_at, seen_at, stopped_at, recorded_at, pid, version, config_path, config_hash, device, weights, free, reserve, work
		FROM alive`).Scan(&started, &seen, &stopped, &recorded, &a.PID, &a.Version, &a.ConfigPath, &a.ConfigHash, &a.Device, &a.Weights,
		&a.Free, &a.Reserve, &work)
	if errors.Is(err, sql.ErrNoRows) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.StartedAt, a.SeenAt, a.StoppedAt, a.RecordedAt = at(started), at(seen), at(stopped), at(recorded)
	return a, json.Unmarshal([]byte(work), &a.Work)
}
