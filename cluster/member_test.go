package cluster_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jcsnode/cluster"
	"jcsnode/pgtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait more than they work
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("jcsnode/pgtest.serve.func1"), goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"))
}

// node is what both kinds of life are to a node.
type node interface {
	ID() string
	Each(ctx context.Context, run func(ctx context.Context, incarnation string) error) error
	Hold(ctx context.Context, lock string, run func(ctx context.Context) error) error
	Fenced() error
	Dead(ctx context.Context, incarnations []string) ([]string, error)
	Close() error
}

// quick is a member whose life is short enough for a test.
func quick(t *testing.T, url, id string) *cluster.Member {
	t.Helper()
	m, err := cluster.Join(t.Context(), cluster.Options{URL: url, ID: id, Logger: slog.New(slog.DiscardHandler), Patience: -1,
		Beat: 50 * time.Millisecond, Timeout: 2 * time.Second, Bound: 2200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// name is the incarnation of a node.
func name(t *testing.T, n node) (name string) {
	t.Helper()
	if err := n.Each(t.Context(), func(_ context.Context, incarnation string) error { name = incarnation; return nil }); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestJoin_RefusesAnIDInUse(t *testing.T) {
	t.Parallel()
	url := pgtest.Shared(t).Database(t, "", nil)
	first := quick(t, url, "one")
	join := func(id string, patience time.Duration) (*cluster.Member, error) {
		return cluster.Join(t.Context(), cluster.Options{URL: url, ID: id, Patience: patience})
	}
	_, err := join("one", -1)
	if !errors.Is(err, cluster.ErrInUse) || !strings.Contains(err.Error(), "jcsnode one.") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("a second one: %v", err)
	}
	under := func(id string) string {
		who, err := cluster.LivesUnder(t.Context(), url, nil, id)
		if err != nil {
			t.Error(err)
		}
		return who
	}
	if who := under("one"); !strings.HasPrefix(who, "jcsnode one.") {
		t.Errorf("under one lives %q", who)
	}
	if who := under("two"); who != "" {
		t.Errorf("under two lives %q", who)
	}
	first.Close()
	second, err := join("one", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	for _, id := range []string{"", "a b", strings.Repeat("x", 61)} {
		if _, err := join(id, -1); err == nil || errors.Is(err, cluster.ErrInUse) {
			t.Errorf("ID %q: %v", id, err)
		}
	}
}

func TestJoin_KeepsThePassword(t *testing.T) {
	for _, url := range []string{
		"postgres://u:secret@127.0.0.1:1/x", "postgres://u:secret@[::1/x", "host=127.0.0.1 port=1 password=secret",
	} {
		_, err := cluster.Join(t.Context(), cluster.Options{URL: url, ID: "one", Patience: -1})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// One of two has the lock; the other gets it when that is given back, and not before the bound.
func TestHold_OneAfterTheOther(t *testing.T) {
	t.Parallel()
	url := pgtest.Shared(t).Database(t, "", nil)
	got := make(chan string)
	hold := func(id string) (giveBack context.CancelFunc) {
		m := quick(t, url, id)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- m.Hold(ctx, "deliver pacs", func(ctx context.Context) error {
				got <- id
				<-ctx.Done()
				return nil
			})
		}()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return cancel
	}
	giveBack := hold("one")
	if id := <-got; id != "one" {
		t.Fatal(id)
	}
	hold("two")
	select {
	case id := <-got:
		t.Fatalf("%s has it, too", id)
	case <-time.After(500 * time.Millisecond):
	}
	begin := time.Now()
	giveBack()
	if id := <-got; id != "two" || time.Since(begin) < 2200*time.Millisecond {
		t.Errorf("%s has it after %v", id, time.Since(begin))
	}
}

// Run has returned: nobody is asked again, and the lock is free.
func TestHold_EndsWithWhatRuns(t *testing.T) {
	t.Parallel()
	m := quick(t, pgtest.Shared(t).Database(t, "", nil), "one")
	broken := errors.New("broken")
	for _, want := range []error{nil, broken} {
		err := m.Hold(t.Context(), "leader", func(context.Context) error {
			if err := m.Hold(t.Context(), "leader", func(context.Context) error { return nil }); err == nil {
				t.Error("it was held twice")
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

func TestDead(t *testing.T) {
	t.Parallel()
	url := pgtest.Shared(t).Database(t, "", nil)
	one, two := quick(t, url, "one"), quick(t, url, "two")
	all := []string{name(t, one), name(t, two), "two.0"}
	if dead, err := one.Dead(t.Context(), all); err != nil || !slices.Equal(dead, all[2:]) {
		t.Errorf("dead: %v, %v", dead, err)
	}
	two.Close()
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) { // until the server has read the goodbye
		dead, err := one.Dead(t.Context(), all)
		if err == nil && slices.Equal(dead, all[1:]) {
			break
		}
		if time.Since(begin) > 5*time.Second {
			t.Fatalf("dead: %v, %v", dead, err)
		}
	}
	if one.Fenced() != nil || !errors.Is(two.Fenced(), cluster.ErrLost) {
		t.Errorf("fenced: %v, %v", one.Fenced(), two.Fenced())
	}
	if _, err := two.Dead(t.Context(), all); err == nil {
		t.Error("a closed one answers")
	}
}

// All members have the server's time, whatever the clocks of their machines say, and know how far those are off.
func TestNow(t *testing.T) {
	t.Parallel()
	url := pgtest.Shared(t).Database(t, "", nil)
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if (got - want).Abs() > time.Second {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for id, off := range map[string]time.Duration{"ahead": time.Minute, "right": 0, "behind": -time.Hour} {
		m, err := cluster.Join(t.Context(), cluster.Options{URL: url, ID: id, Now: func() time.Time { return time.Now().Add(off) }})
		if err != nil {
			t.Fatal(err)
		}
		near(id+": its time", time.Until(m.Now()), 0) // the server is on this machine
		near(id+": its machine's", m.Ahead(), off)
		m.Close()
		near(id+": its time after the end", time.Until(m.Now()), 0)
	}
	now, err := cluster.Clock(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	near("of no member", time.Until(now()), 0)
	a := cluster.NewAlone("one")
	near("alone", time.Until(a.Now()), 0)
	near("alone, its machine's", a.Ahead(), 0)
}

func TestAlone(t *testing.T) {
	var a node = cluster.NewAlone("one")
	mine := name(t, a)
	if dead, err := a.Dead(t.Context(), []string{mine, "one.0"}); err != nil || !slices.Equal(dead, []string{"one.0"}) {
		t.Errorf("dead: %v, %v", dead, err)
	}
	held := false
	err := a.Hold(t.Context(), "leader", func(context.Context) error { held = true; return nil })
	if err != nil || !held || a.Fenced() != nil {
		t.Errorf("held %v: %v", held, err)
	}
}

var _ node = (*cluster.Member)(nil)
