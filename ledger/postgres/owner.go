package postgres

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"jcsnode/guard"
)

const (
	// patience is how long Open waits for the session of a process that has just ended, which the server may not have noticed yet.
	patience = 3 * time.Second
	// watchEvery is how often the session that holds the ledger is looked at, and watchTimeout how long it may take to answer.
	watchEvery   = time.Second
	watchTimeout = 3 * time.Second
)

// owner has the ledger for this process, or for those that share it: an advisory lock of one session. A session that is lost, as when the
// server starts again, is replaced by another one.
type owner struct {
	db     *sql.DB
	shared bool
	log    *slog.Logger
	lock   *sql.Conn   // nil while there is none
	taken  atomic.Bool // another process has the ledger now
	stop   context.CancelFunc
	ended  chan struct{}
}

// own takes the ledger and keeps it until close.
func own(ctx context.Context, db *sql.DB, shared bool, log *slog.Logger) (*owner, error) {
	o := &owner{db: db, shared: shared, log: log, ended: make(chan struct{})}
	if o.log == nil {
		o.log = slog.Default()
	}
	deadline := time.Now().Add(patience)
	err := o.take(ctx)
	for errors.Is(err, ErrHeld) && time.Now().Before(deadline) && pause(ctx, patience/30) {
		err = o.take(ctx)
	}
	if err != nil {
		return nil, err
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o.stop = cancel
	go o.watch(watching)
	return o, nil
}

// take takes the lock by a session of its own.
func (o *owner) take(ctx context.Context) error {
	session, err := o.db.Conn(ctx)
	if err != nil {
		return err
	}
	try := `SELECT pg_try_advisory_lock(?, ?)`
	if o.shared {
		try = `SELECT pg_try_advisory_lock_shared(?, ?)`
	}
	var got bool
	if err := session.QueryRowContext(ctx, try, lockClass, lockOwner).Scan(&got); err != nil {
		return errors.Join(err, session.Close())
	}
	if !got {
		return errors.Join(ErrHeld, session.Close())
	}
	o.lock = session
	return nil
}

// watch looks after the session until ctx ends.
func (o *owner) watch(ctx context.Context) {
	defer close(o.ended)
	for pause(ctx, watchEvery) {
		if err := guard.Call(func() error { return o.look(ctx) }); err != nil && ctx.Err() == nil {
			o.log.Debug("the session that holds the ledger is lost", "error", err)
		}
	}
}

// look asks the session, and takes the lock again if it does not answer.
func (o *owner) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	if o.lock != nil {
		var one int
		if err := o.lock.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err == nil {
			return nil
		}
		_ = o.lock.Close() // it is broken: the lock went with it
		o.lock = nil
		return nil // the next look takes it again, with a time of its own
	}
	err := o.take(ctx)
	switch {
	case err == nil:
		if o.taken.Swap(false) {
			o.log.Info("the ledger is this node's again")
		}
	case errors.Is(err, ErrHeld) && !o.taken.Swap(true):
		o.log.Error("the ledger is held by another session since the database was away, and nothing is written to it: " +
			"this node's lost one, which the server gives up within seconds, or another node, of which one has to be stopped")
	}
	return err
}

// close gives the ledger back; db is closed afterwards, and the session with it.
func (o *owner) close() error {
	o.stop()
	<-o.ended
	if o.lock == nil {
		return nil
	}
	return o.lock.Close()
}

// pause waits, and says whether ctx lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
