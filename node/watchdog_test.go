package node

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
)

// The ledger stands still while somebody holds its writer, and settling when its loop has not come round.
func TestAlive(t *testing.T) {
	n := newNode(config.Default(), "", slog.New(slog.DiscardHandler))
	var err error
	if n.ledger, err = ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{Logger: n.log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.ledger.Close() })
	n.settling.beat()
	n.leading.Store(true)
	if err := n.Alive(t.Context(), time.Second); err != nil {
		t.Errorf("a node that works: %v", err)
	}
	n.settling.at.Store(time.Now().Add(-time.Minute).UnixNano())
	if err := n.Alive(t.Context(), time.Second); err == nil || !strings.Contains(err.Error(), "1m0s") {
		t.Errorf("nothing was settled for a minute: %v", err)
	}
	n.settling.beat()
	held, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Alive(held, time.Second); err == nil {
		t.Error("a ledger that does not answer is alive")
	}
}

// A disk that stays full is told of once, not with every sign of life.
func TestLife_News(t *testing.T) {
	var l life
	start := time.Now()
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true}, {beat, false}, {2 * beat, false}, {time.Minute, true}, {time.Minute + beat, false}, {3 * time.Hour, true},
	} {
		if got := l.news(start.Add(c.after)); got != c.want {
			t.Errorf("after %v: %v", c.after, got)
		}
	}
	for at := 4 * time.Hour; at < 6*time.Hour; at += beat {
		if got, want := l.news(start.Add(at)), at == 4*time.Hour || at == 5*time.Hour; got != want {
			t.Errorf("after %v: %v", at, got)
		}
	}
}
