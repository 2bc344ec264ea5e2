package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/ledger/ledgertest"
	"jcsnode/pgtest"
	"jcsnode/status"
)

// A new node looks through the inbox from where some other may not have recorded it.
func TestRecordedBy(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	stopped := func(hour int) ledger.Alive { return ledger.Alive{RecordedAt: at(hour), StoppedAt: at(hour)} }
	running := func(hour int) ledger.Alive { return ledger.Alive{RecordedAt: at(hour)} }
	for name, c := range map[string]struct {
		nodes []ledger.Alive
		want  time.Time
	}{
		"none":              {nil, time.Time{}},
		"all stopped":       {[]ledger.Alive{stopped(2), stopped(5), stopped(3)}, at(5)},
		"some run":          {[]ledger.Alive{stopped(2), running(7), running(6), stopped(9)}, at(6)},
		"one has not begun": {[]ledger.Alive{running(7), {}}, time.Time{}},
	} {
		if got := recordedBy(c.nodes); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A node that takes long to start gives signs of life meanwhile, and none when it has stopped.
func TestBegins_GivesSignsOfLife(t *testing.T) {
	c := config.Default()
	c.Node.Roles, c.Node.DataDir, c.Node.Reserve = []string{config.RoleDoor}, t.TempDir(), 0
	n, err := Open(t.Context(), c, Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Now()
	ledgertest.WaitFor(t, "a sign of life before it runs", func() bool {
		a, err := n.ledger.Alive(t.Context(), "")
		return err == nil && a.SeenAt.After(opened) && a.StoppedAt.IsZero()
	})
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLedger(t.Context(), c, ledger.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err := l.Alive(t.Context(), ""); err != nil || a.StoppedAt.IsZero() {
		t.Errorf("when it has stopped: %+v, %v", a, err)
	}
}

// A node that drains goes on saying what it does: that it leads no more, and what it still sends.
func TestLives_WhileItDrains(t *testing.T) {
	c := config.Default()
	c.Node.Name, c.Node.Roles, c.Node.DataDir, c.Node.Reserve = "a", []string{config.RoleDoor}, t.TempDir(), 0
	c.Ledger.URL = pgtest.Shared(t).Database(t, "", nil)
	c.Store.Kind, c.Store.Path = config.StoreShared, t.TempDir()
	n, err := Open(t.Context(), c, Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(errors.Join(err, n.Close()))
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, l) }()
	open, err := Dialer("CT1", 10*time.Second).Dial(t.Context(), l.Addr().String(), c.Node.AETitle,
		[]dimse.PresentationContext{{AbstractSyntax: dimse.Verification, TransferSyntaxes: []string{dataset.ImplicitVRLittleEndian}}})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	stopped := time.Now().Add(beat / 2) // what was on its way is written
	ledgertest.WaitFor(t, "a sign of life", func() bool {
		a, err := n.ledger.Alive(t.Context(), "a")
		return err == nil && a.SeenAt.After(stopped) && a.StoppedAt.IsZero() && !slices.Contains(a.Owns, status.LeaderLock)
	})
	if err := errors.Join(open.Release(t.Context()), <-ended); err != nil {
		t.Error(err)
	}
}
