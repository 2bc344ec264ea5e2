package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Alive is what only a running node knows of itself, as it wrote it last.
type Alive struct {
	ID          string    // of the node; "" = it has none, since it is the only one
	Incarnation string    // name of its present life among others
	Roles       []string  // what it does
	StartedAt   time.Time // zero: it has never started on this ledger since that can tell
	SeenAt      time.Time // of the newest sign of life
	StoppedAt   time.Time // zero: it runs, or it died
	PID         int
	Version     string // of the program
	ConfigPath  string
	ConfigHash  string // of the file's bytes, hex SHA-256
	Device      string // that the networks run on
	Weights     string // worst status of the networks
	Free        int64  // bytes on the disk of data_dir
	Reserve     int64
	Work        []Work
	Shape       string   // where two differ, what becomes of a study does; "": nothing is said of that
	Waiting     int      // files on its disk that wait for the object store
	Owns        []string // locks that it has, as the node names them
	Sends       []Sending
	StoreAway   string        // why the object store does not take its files; "": it does, or there is none
	AwaySince   time.Time     // of that
	ClockAhead  time.Duration // of its machine's clock over that which all nodes go by

	// RecordedAt is a time up to which every instance that was stored is in the ledger; zero = nobody can tell.
	RecordedAt time.Time

	// LookedAt is when the inbox was last looked through for what it had taken and not recorded when it died. SignOfLife leaves it alone.
	LookedAt time.Time

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

// Sending is a study whose objects are on their way to a destination.
type Sending struct {
	StudyUID    string    `json:"study_uid"`
	Destination string    `json:"destination"`
	Since       time.Time `json:"since,omitzero"`
}

// owning is the text of the column owns: what is true of an incarnation. A program that does not know of it leaves that of another one.
type owning struct {
	Incarnation string    `json:"incarnation"`
	Locks       []string  `json:"locks,omitempty"`
	Sends       []Sending `json:"sends,omitempty"`
	ClockAhead  int64     `json:"clock_ahead_ms,omitempty"`
	StoreAway   string    `json:"store_away,omitempty"`
	AwaySince   int64     `json:"store_away_since,omitempty"`
}

// SignOfLife keeps what a node says of itself instead of what it said before. The time of it is now.
func (l *Ledger) SignOfLife(ctx context.Context, a Alive) error {
	work, err := json.Marshal(append([]Work{}, a.Work...))
	var roles []byte
	if err == nil {
		roles, err = json.Marshal(append([]string{}, a.Roles...))
	}
	var owns []byte
	if err == nil {
		owns, err = json.Marshal(owning{a.Incarnation, a.Owns, a.Sends, a.ClockAhead.Milliseconds(), a.StoreAway, ms(a.AwaySince)})
	}
	if err == nil {
		err = l.update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO node (id, incarnation, roles, started_at, seen_at, stopped_at, recorded_at, pid, version, config_path,
					config_hash, device, weights, free, reserve, work, shape, waiting_files, owns)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE
				SET incarnation = excluded.incarnation, roles = excluded.roles,
					started_at = excluded.started_at, seen_at = excluded.seen_at, stopped_at = excluded.stopped_at,
					recorded_at = excluded.recorded_at, pid = excluded.pid, version = excluded.version, config_path = excluded.config_path,
					config_hash = excluded.config_hash, device = excluded.device, weights = excluded.weights, free = excluded.free,
					reserve = excluded.reserve, work = excluded.work, shape = excluded.shape,
					waiting_files = excluded.waiting_files, owns = excluded.owns`,
				a.ID, a.Incarnation, string(roles), ms(a.StartedAt), ms(l.now()), ms(a.StoppedAt), ms(a.RecordedAt), a.PID, a.Version,
				a.ConfigPath, a.ConfigHash, a.Device, a.Weights, a.Free, a.Reserve, string(work), a.Shape, a.Waiting,
				string(owns))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("give a sign of life: %w", err)
	}
	return nil
}

// Alive is what a node said last; the zero value if it never did.
func (l *Ledger) Alive(ctx context.Context, id string) (a Alive, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		a, err = one(queryAlive(ctx, tx, `WHERE id = ?`, id))
		return err
	})
	if err != nil {
		return a, fmt.Errorf("look what the node said last: %w", err)
	}
	a.Held = l.db.Held()
	return a, nil
}

// Nodes is what each node that ever worked on the ledger said last, by ID. Who of them lives, their incarnations tell.
func (l *Ledger) Nodes(ctx context.Context) (all []Alive, err error) {
	err = l.view(ctx, func(tx *sql.Tx) error {
		all, err = queryAlive(ctx, tx, `ORDER BY id`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return all, nil
}

// newestAlive is what was said last by any node; the zero value if none did.
func newestAlive(ctx context.Context, tx *sql.Tx) (Alive, error) {
	return one(queryAlive(ctx, tx, `ORDER BY seen_at DESC, id LIMIT 1`))
}

func queryAlive(ctx context.Context, tx *sql.Tx, which string, args ...any) ([]Alive, error) {
	return query(ctx, tx, `
		SELECT id, incarnation, roles, started_at, seen_at, stopped_at, recorded_at, pid, version, config_path, config_hash, device,
			weights, free, reserve, work, shape, waiting_files, owns, looked_at
		FROM node `+which, func(rows *sql.Rows) (a Alive, err error) {
		var started, seen, stopped, recorded, looked int64
		var roles, work, owns string
		err = rows.Scan(&a.ID, &a.Incarnation, &roles, &started, &seen, &stopped, &recorded, &a.PID, &a.Version, &a.ConfigPath,
			&a.ConfigHash, &a.Device, &a.Weights, &a.Free, &a.Reserve, &work, &a.Shape, &a.Waiting, &owns, &looked)
		if err != nil {
			return a, err
		}
		a.StartedAt, a.SeenAt, a.StoppedAt, a.RecordedAt = at(started), at(seen), at(stopped), at(recorded)
		a.LookedAt = at(looked)
		if err := json.Unmarshal([]byte(roles), &a.Roles); err != nil {
			return a, fmt.Errorf("roles of node %q: %w", a.ID, err)
		}
		if err := json.Unmarshal([]byte(work), &a.Work); err != nil {
			return a, fmt.Errorf("work of node %q: %w", a.ID, err)
		}
		var o owning
		if err := json.Unmarshal([]byte(owns), &o); err != nil {
			return a, fmt.Errorf("what node %q owns: %w", a.ID, err)
		}
		if o.Incarnation == a.Incarnation {
			a.Owns, a.Sends, a.ClockAhead = o.Locks, o.Sends, time.Duration(o.ClockAhead)*time.Millisecond
			a.StoreAway, a.AwaySince = o.StoreAway, at(o.AwaySince)
		}
		return a, nil
	}, args...)
}

// one is the first of what a query gave, the zero value if it gave nothing.
func one[T any](all []T, err error) (first T, _ error) {
	if err != nil || len(all) == 0 {
		return first, err
	}
	return all[0], nil
}
