package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// incarnation is what one session carries.
type incarnation struct {
	opt    Options
	server *serverClock
	name   string
	ctx    context.Context
	cancel context.CancelCauseFunc
	parts  sync.WaitGroup // what runs for it

	mu   sync.Mutex // has the session to itself
	conn *pgx.Conn

	seen  atomic.Int64 // clock of the newest question that was answered, when it was asked
	alarm *time.Timer  // for the end of the bound
}

// begin opens a session and takes the lock of the node's ID. The server's clock is known from then on.
func begin(ctx context.Context, opt Options, server *serverClock) (*incarnation, error) {
	asked := clock()
	opening, cancel := context.WithTimeout(ctx, opt.Timeout)
	defer cancel()
	name := newName(opt.ID)
	conn, err := open(opening, opt.URL, opt.Password, "jcsnode "+name)
	if err != nil {
		return nil, err
	}
	i := &incarnation{opt: opt, server: server, name: name, conn: conn}
	i.ctx, i.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	i.seen.Store(int64(asked))
	i.alarm = time.AfterFunc(opt.Bound, func() { i.cancel(fmt.Errorf("%w: no answer for %v", ErrLost, opt.Bound)) })
	got, err := i.try(nodeLock + opt.ID)
	if err == nil && !got {
		err = fmt.Errorf("%w: another node lives under %q (%s): give each node a name of its own ([node] name), or stop the other one",
			ErrInUse, opt.ID, i.whoHolds(nodeLock+opt.ID))
	}
	if err == nil {
		_, err = i.try(incarnationLock + name)
	}
	if err == nil {
		err = i.beat()
	}
	if err != nil {
		i.stop(err)
		i.close()
		return nil, err
	}
	return i, nil
}

// live asks the server whether it is there, and for its time, until ctx ends or the incarnation does, and says why.
func (i *incarnation) live(ctx context.Context) error {
	tick := time.NewTicker(i.opt.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-i.ctx.Done():
			return context.Cause(i.ctx)
		case <-tick.C:
		}
		if err := i.beat(); err != nil {
			return err
		}
	}
}

// stop ends the contexts of all that runs for the incarnation.
func (i *incarnation) stop(why error) {
	i.cancel(why)
	i.alarm.Stop()
}

// wait returns when nothing runs for it any more.
func (i *incarnation) wait(log *slog.Logger) {
	done := make(chan struct{})
	go func() { i.parts.Wait(); close(done) }()
	slow := time.NewTimer(time.Minute)
	defer slow.Stop()
	for {
		select {
		case <-done:
			return
		case <-slow.C:
			log.Error("what the node had in hand does not stop; it takes part again when it does, or is restarted", "incarnation", i.name)
		}
	}
}

// close ends the session; the server frees its locks when it hears of that.
func (i *incarnation) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = i.conn.Close(ctx) // a session that is lost cannot say goodbye
}

// ask puts a question to the server. Without an answer the incarnation is over: nobody knows what the server did.
func (i *incarnation) ask(question func(ctx context.Context) error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ctx.Err() != nil {
		return context.Cause(i.ctx)
	}
	asked := clock()
	ctx, cancel := context.WithTimeout(context.Background(), i.opt.Timeout)
	defer cancel()
	err := question(ctx)
	if err == nil {
		err = i.fenced() // an answer that comes late is none: others may have taken over and given back
	}
	if err != nil {
		if !errors.Is(err, ErrLost) {
			err = fmt.Errorf("%w: %w", ErrLost, err)
		}
		i.cancel(err)
		return err
	}
	i.seen.Store(int64(asked))
	i.alarm.Reset(i.opt.Bound - (clock() - asked))
	return nil
}

// fenced says why the incarnation is over, as far as contexts and the clock can tell.
func (i *incarnation) fenced() error {
	if i.ctx.Err() != nil {
		return context.Cause(i.ctx)
	}
	if silent := clock() - time.Duration(i.seen.Load()); silent > i.opt.Bound {
		return fmt.Errorf("%w: no answer for %v", ErrLost, silent.Round(time.Millisecond))
	}
	return nil
}
