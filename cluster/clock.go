package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// serverClock is what a member knows of the server's clock: how far it is from the time since this machine started, which nobody sets.
type serverClock struct {
	mu    sync.Mutex // guards what follows
	known bool
	ahead time.Duration // since 1970
}

// heard takes what the server's clock said at some time between a question and its answer. What was known stays as far as it fits: an
// answer that came late tells little, and one that came soon mends what a late one has told.
func (s *serverClock) heard(said time.Time, asked, answered time.Duration) {
	since := time.Duration(said.UnixNano())
	least, most := since-answered, since-asked
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known {
		s.known, s.ahead = true, least+(most-least)/2
	}
	s.ahead = min(max(s.ahead, least), most)
}

// at is the server's time when clock says so.
func (s *serverClock) at(clock time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Unix(0, int64(s.ahead+clock))
}

// ask asks the server for its time.
func (s *serverClock) ask(ctx context.Context, conn *pgx.Conn) error {
	asked := clock()
	var said time.Time
	err := conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&said)
	if err == nil {
		s.heard(said, asked, clock())
	}
	return err
}

// beat asks the server for its time, and thereby whether it is there.
func (i *incarnation) beat() error {
	return i.ask(func(ctx context.Context) error { return i.server.ask(ctx, i.conn) })
}

// Clock is Member.Now for whoever is no member: of one question.
func Clock(ctx context.Context, url string, password func() (string, error)) (now func() time.Time, err error) {
	conn, err := open(ctx, url, password, "jcsnode, which asks for the time")
	if err != nil {
		return nil, err
	}
	var s serverClock
	err = s.ask(ctx, conn)
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return nil, fmt.Errorf("ask the database for its time: %w", err)
	}
	return func() time.Time { return s.at(clock()) }, nil
}

// Now is the time of the server's clock, as all members have it: as of the newest answer while there is no session. It is for what several
// of them compare.
func (m *Member) Now() time.Time { return m.server.at(clock()) }

// Ahead is how far the clock of this machine is ahead of the server's; below 0: behind it.
func (m *Member) Ahead() time.Duration { return m.opt.Now().Sub(m.Now()) }

// clock is the time since the machine started; time asleep counts, which Go's own clock leaves out.
func clock() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(err) // Linux has had it since 2.6.39
	}
	return time.Duration(t.Nano())
}
