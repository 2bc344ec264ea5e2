package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"
)

// Options of Join. URL and ID must be set; the zero value of each other field is for production.
type Options struct {
	URL      string                 // of the database, straight to the server
	Password func() (string, error) // asked for each session; nil or "": the one of the environment, if it has one
	ID       string                 // of the node, at most 60 letters, digits, -, _ and full stops
	Logger   *slog.Logger
	Now      func() time.Time // of this machine's clock: time.Now

	// Patience is how long Join waits for another one under the ID to end: 15 s, since a machine that lost its power has a session for
	// some 7 s. Negative: not at all.
	Patience time.Duration
	// Beat is the pause between two questions to the server: 1 s. Timeout is for each answer: 3 s. Bound is how long the member takes
	// itself for alive after a question that was answered: 5 s, and the same for all members. It must be longer than both others together.
	Beat, Timeout, Bound time.Duration
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&o.Patience, 15*time.Second)
	set(&o.Beat, time.Second)
	set(&o.Timeout, 3*time.Second)
	set(&o.Bound, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o Options) check() error {
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,60}$`).MatchString(o.ID) {
		return fmt.Errorf("node ID %q: want 1 to 60 letters, digits, hyphens, underscores and full stops", o.ID)
	}
	if o.Bound <= o.Beat+o.Timeout {
		return fmt.Errorf("the bound of %v must be longer than beat and timeout together, %v", o.Bound, o.Beat+o.Timeout)
	}
	return nil
}

// ErrInUse says that another node lives under the ID.
var ErrInUse = errors.New("node ID in use")

// ErrLost is why contexts of an incarnation end, and what Fenced says then.
var ErrLost = errors.New("the session with PostgreSQL is lost")

// Member is a node among others. All methods may be called from any goroutine.
type Member struct {
	opt    Options
	server *serverClock
	close  context.CancelFunc
	ended  chan struct{} // the life is over

	mu      sync.Mutex // guards what follows
	now     *incarnation
	changed chan struct{} // closed when now changes
	holding map[string]bool
}

// Join begins the life of a node. It fails with ErrInUse if another lives under its ID.
func Join(ctx context.Context, opt Options) (*Member, error) {
	opt = opt.withDefaults()
	if err := opt.check(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(opt.Patience)
	server := &serverClock{}
	first, err := begin(ctx, opt, server)
	for errors.Is(err, ErrInUse) && time.Now().Before(deadline) && pause(ctx, opt.Beat) {
		first, err = begin(ctx, opt, server)
	}
	if err != nil {
		return nil, err
	}
	living, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m := &Member{opt: opt, server: server, close: cancel, ended: make(chan struct{}), now: first, changed: make(chan struct{}),
		holding: map[string]bool{}}
	go m.live(living, first)
	return m, nil
}

// Close ends the life. Whoever runs for the member must have returned, or its context ends now.
func (m *Member) Close() error {
	m.close()
	<-m.ended
	return nil
}

// ID is the one it was given.
func (m *Member) ID() string { return m.opt.ID }

// Incarnation is the name of the present one, "" while there is none.
func (m *Member) Incarnation() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil {
		return ""
	}
	return m.now.name
}

// live is one incarnation after another.
func (m *Member) live(ctx context.Context, i *incarnation) {
	defer close(m.ended)
	for i != nil {
		why := i.live(ctx)
		m.become(nil)
		i.stop(why)
		if ctx.Err() != nil {
			i.close()
			return
		}
		m.opt.Logger.Error("session with PostgreSQL lost: what the node had in hand stops, and goes on here or at another node",
			"node", m.opt.ID, "incarnation", i.name, "error", why, "remedy", "look at the network to PostgreSQL and at the server's log")
		i.close() // first, so that others need not wait for keepalives
		i.wait(m.opt.Logger)
		i = m.again(ctx)
		m.become(i)
	}
}

// again begins a new incarnation, however long that takes; nil when ctx has ended.
func (m *Member) again(ctx context.Context) *incarnation {
	told := false
	for pause(ctx, m.opt.Beat/4) {
		i, err := begin(ctx, m.opt, m.server)
		if err == nil {
			m.opt.Logger.Info("session with PostgreSQL again", "node", m.opt.ID, "incarnation", i.name)
			return i
		}
		if !told && ctx.Err() == nil {
			m.opt.Logger.Error("no session with PostgreSQL; trying again", "node", m.opt.ID, "error", err)
			told = true
		}
		if !pause(ctx, m.opt.Beat) {
			break
		}
	}
	return nil
}

func (m *Member) become(i *incarnation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = i
	close(m.changed)
	m.changed = make(chan struct{})
}

// enter waits for an incarnation and takes part in it; who enters must leave. Nil when ctx has ended, or the life.
func (m *Member) enter(ctx context.Context) *incarnation {
	for {
		m.mu.Lock()
		i, changed := m.now, m.changed
		if i != nil && i.ctx.Err() == nil {
			i.parts.Add(1) // not after stop, which waits for the lock of become
			m.mu.Unlock()
			return i
		}
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-m.ended:
			return nil
		case <-changed:
		}
	}
}

// Each calls run for every incarnation until ctx or the life ends. Run must return when its context ends: before it does, no other
// incarnation begins. An error of run ends it, unless the incarnation has.
func (m *Member) Each(ctx context.Context, run func(ctx context.Context, incarnation string) error) error {
	for {
		i := m.enter(ctx)
		if i == nil {
			return nil
		}
		err := m.within(ctx, i, func(ctx context.Context) error { return run(ctx, i.name) })
		lost := i.ctx.Err() != nil
		i.parts.Done()
		if !lost {
			return err
		}
	}
}

// Hold calls run whenever this member has the lock, until ctx or the life ends, or run has returned while it had. Run must return when its
// context ends, for the same reason as with Each.
func (m *Member) Hold(ctx context.Context, lock string, run func(ctx context.Context) error) error {
	if !m.claim(lock, true) { // the server would give it to the same session again
		return fmt.Errorf("hold lock %q: somebody in this process does", lock)
	}
	defer m.claim(lock, false)
	for {
		i := m.enter(ctx)
		if i == nil {
			return nil
		}
		held, err := false, error(nil)
		if m.acquire(ctx, i, lock) {
			held = true
			err = m.within(ctx, i, run)
			i.release(lock)
		}
		lost := i.ctx.Err() != nil
		i.parts.Done()
		if held && !lost || ctx.Err() != nil {
			return err
		}
	}
}

// claim notes who of this process is after a lock, and says whether nobody was.
func (m *Member) claim(lock string, on bool) (ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ok = !m.holding[lock]
	m.holding[lock] = on
	return ok
}

// acquire waits for the lock, and then for whoever had it to have stopped.
func (m *Member) acquire(ctx context.Context, i *incarnation, lock string) bool {
	both, cancel := joined(ctx, i.ctx)
	defer cancel()
	for {
		got, err := i.try(lock)
		if err != nil {
			return false
		}
		if got {
			break
		}
		if !pause(both, m.opt.Beat) {
			return false
		}
	}
	if !pause(both, m.opt.Bound) || i.fenced() != nil {
		i.release(lock)
		return false
	}
	return true
}

// within calls run with a context that ends with either.
func (m *Member) within(ctx context.Context, i *incarnation, run func(ctx context.Context) error) error {
	both, cancel := joined(ctx, i.ctx)
	defer cancel()
	return run(both)
}

// Fenced says why nothing may be done to the outside world now; nil: the member lives, or did less than the bound ago. It asks the clock
// alone.
func (m *Member) Fenced() error {
	m.mu.Lock()
	i := m.now
	m.mu.Unlock()
	if i == nil {
		return ErrLost
	}
	return i.fenced()
}

// Dead gives those of the incarnations, of whatever node, that have no session.
func (m *Member) Dead(ctx context.Context, incarnations []string) ([]string, error) {
	i := m.enter(ctx)
	if i == nil {
		return nil, fmt.Errorf("ask which nodes are dead: %w", ErrLost)
	}
	defer i.parts.Done()
	return i.dead(incarnations)
}

// Others gives those of the locks that other members have.
func (m *Member) Others(ctx context.Context, locks []string) ([]string, error) {
	i := m.enter(ctx)
	if i == nil {
		return nil, fmt.Errorf("ask who has locks: %w", ErrLost)
	}
	defer i.parts.Done()
	return i.others(locks)
}

// joined is a context that ends with either, and says why.
func joined(ctx, other context.Context) (context.Context, context.CancelFunc) {
	both, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return both, func() { stop(); cancel(context.Canceled) }
}

// pause waits, and says whether ctx lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}

// newName is one for an incarnation that no other has.
func newName(id string) string {
	b := make([]byte, 4)
	rand.Read(b)
	return id + "." + hex.EncodeToString(b)
}
