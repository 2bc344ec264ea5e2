package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
)

// names of locks that are not the caller's
const (
	nodeLock        = "node "
	incarnationLock = "incarnation "
)

// keepalives are settings of the session at the server: it drops one whose machine is gone after some 7 s. The kernel's default is two
// hours. A session that goes on is never idle for as long.
var keepalives = map[string]string{
	"tcp_keepalives_idle":     "3",    // s
	"tcp_keepalives_interval": "1",    // s
	"tcp_keepalives_count":    "4",    //
	"tcp_user_timeout":        "7000", // ms, for an answer that nobody takes
	"statement_timeout":       "0",
	"idle_session_timeout":    "0",
}

// open opens a session of our own, which shows up at the server under a name.
func open(ctx context.Context, url string, password func() (string, error), name string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(url)
	var file *fs.PathError
	if errors.As(err, &file) {
		return nil, fmt.Errorf("read a file that the address of the database names: %w", file)
	}
	if err != nil {
		// Without the cause, which may quote a password.
		return nil, errors.New("the address of the database cannot be read: want postgres://USER@HOST:PORT/DATABASE")
	}
	if password != nil {
		text, err := password()
		if err != nil {
			return nil, fmt.Errorf("open a session with PostgreSQL: %w", err)
		}
		if text != "" {
			c.Password = text
		}
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec // one round trip
	for k, v := range keepalives {
		c.RuntimeParams[k] = v
	}
	c.RuntimeParams["application_name"] = name[:min(len(name), 63)]
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open a session with PostgreSQL: %w", err)
	}
	return conn, nil
}

// key is what PostgreSQL knows a lock under.
func key(lock string) int64 {
	sum := sha256.Sum256([]byte("jcsnode " + lock))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// try takes a lock if nobody has it.
func (i *incarnation) try(lock string) (got bool, err error) {
	err = i.ask(func(ctx context.Context) error {
		return i.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key(lock)).Scan(&got)
	})
	return got, err
}

// release gives a lock back. If that fails the incarnation is over, and the lock with it.
func (i *incarnation) release(lock string) {
	_ = i.ask(func(ctx context.Context) error {
		_, err := i.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, key(lock))
		return err
	})
}

// held is a condition on pg_locks: an advisory lock of this database that somebody has.
const held = `l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// whoHolds describes the session that has a lock, for a person.
func (i *incarnation) whoHolds(lock string) (who string) {
	err := i.ask(func(ctx context.Context) (err error) {
		who, err = holderOf(ctx, i.conn, lock)
		return err
	})
	if err != nil || who == "" {
		return "nothing more is known of it"
	}
	return who
}

// holderOf describes the session that has a lock; "" if none has.
func holderOf(ctx context.Context, conn *pgx.Conn, lock string) (who string, err error) {
	err = conn.QueryRow(ctx, `
		SELECT a.application_name || ', from ' || coalesce(host(a.client_addr), 'this machine') ||
			', since ' || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
		FROM pg_locks l
		JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE (l.classid::bigint << 32) | l.objid::bigint = $1 AND `+held, key(lock)).Scan(&who)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return who, err
}

// dead gives those of the incarnations whose lock nobody has.
func (i *incarnation) dead(incarnations []string) (dead []string, err error) {
	err = i.ask(func(ctx context.Context) error {
		dead, err = deadOf(ctx, i.conn, incarnations)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask which nodes are dead: %w", err)
	}
	return dead, nil
}

// others gives those of the locks that other sessions have.
func (i *incarnation) others(locks []string) (theirs []string, err error) {
	err = i.ask(func(ctx context.Context) error {
		found, err := among(ctx, i.conn, keysOf("", locks), `AND l.pid <> pg_backend_pid()`)
		for _, lock := range locks {
			if slices.Contains(found, key(lock)) {
				theirs = append(theirs, lock)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask who has locks: %w", err)
	}
	return theirs, nil
}

func keysOf(prefix string, names []string) []int64 {
	keys := make([]int64, len(names))
	for n, name := range names {
		keys[n] = key(prefix + name)
	}
	return keys
}

// among gives those of the keys of locks that somebody has, under a condition.
func among(ctx context.Context, conn *pgx.Conn, keys []int64, condition string) ([]int64, error) {
	rows, err := conn.Query(ctx, `
		SELECT (l.classid::bigint << 32) | l.objid::bigint
		FROM pg_locks l
		WHERE (l.classid::bigint << 32) | l.objid::bigint = ANY($1) AND `+held+` `+condition, keys)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// Ask is Member.Dead for whoever is no member.
func Ask(ctx context.Context, url string, password func() (string, error), incarnations []string) (dead []string, err error) {
	conn, err := open(ctx, url, password, "jcsnode, which asks who lives")
	if err != nil {
		return nil, err
	}
	dead, err = deadOf(ctx, conn, incarnations)
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return nil, fmt.Errorf("ask which nodes are dead: %w", err)
	}
	return dead, nil
}

// LivesUnder describes the node that lives under an ID, for whoever is to begin under it; "" if none does.
func LivesUnder(ctx context.Context, url string, password func() (string, error), id string) (who string, err error) {
	conn, err := open(ctx, url, password, "jcsnode, which asks who lives")
	if err != nil {
		return "", err
	}
	who, err = holderOf(ctx, conn, nodeLock+id)
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return "", fmt.Errorf("ask who lives under %q: %w", id, err)
	}
	return who, nil
}

func deadOf(ctx context.Context, conn *pgx.Conn, incarnations []string) (dead []string, err error) {
	keys := keysOf(incarnationLock, incarnations)
	found, err := among(ctx, conn, keys, "")
	if err != nil {
		return nil, err
	}
	for n, name := range incarnations {
		if !slices.Contains(found, keys[n]) {
			dead = append(dead, name)
		}
	}
	return dead, nil
}
