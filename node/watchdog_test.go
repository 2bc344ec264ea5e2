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
