package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/dicomout/object"
	"jcsnode/dimse"
)

// Each object goes once, whichever association takes it, and there are never more associations than configured.
func TestSend_SeveralAssociations(t *testing.T) {
	var mu sync.Mutex
	open, most := 0, 0
	busy := make(chan struct{})
	p := &peer{}
	p.admit = func(dimse.Requestor) error {
		mu.Lock()
		defer mu.Unlock()
		open++
		if most = max(most, open); open == 3 {
			close(busy)
		}
		return nil
	}
	p.answer = func(int, net.Conn, context.Context) (dimse.Status, string) {
		<-busy // until there are as many as there may be
		return dimse.StatusSuccess, ""
	}
	dest := p.serve(t)
	dest.Associations = 3
	lines, _, err := send(t, dest, items(t, object.Summary, 20))
	if err != nil || len(lines) != 20 {
		t.Fatalf("%d outcomes, %v", len(lines), err)
	}
	if most != 3 {
		t.Errorf("%d associations, want 3", most)
	}
	got := map[string]int{}
	for _, r := range p.received {
		got[r.instance]++
	}
	for i := range 20 {
		if n := got[fmt.Sprintf("1.2.3.%d", i+1)]; n != 1 {
			t.Errorf("object %d arrived %d times", i+1, n)
		}
	}
}

// A peer that takes one association of three gets everything over that one; the error says that it refused the others.
func TestSend_FewerAssociationsThanConfigured(t *testing.T) {
	var admitted atomic.Int32
	p := &peer{admit: func(dimse.Requestor) error {
		if admitted.Add(1) > 1 {
			return &dimse.Rejection{Result: 2, Source: 3, Reason: 2}
		}
		return nil
	}}
	dest := p.serve(t)
	dest.Associations = 3
	lines, _, err := send(t, dest, items(t, object.Summary, 6))
	var rejection *dimse.Rejection
	if !errors.As(err, &rejection) {
		t.Errorf("error %v, want the rejection", err)
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, "sent, never, tried") {
			t.Error(line)
		}
	}
	if len(lines) != 6 || len(p.received) != 6 {
		t.Errorf("%d outcomes, %d received, want 6", len(lines), len(p.received))
	}
}

// An association that dies leaves its object in flight unsent, and the rest to the others.
func TestSend_OneOfSeveralAssociationsDies(t *testing.T) {
	var killed atomic.Bool
	p := &peer{answer: func(_ int, _ net.Conn, ctx context.Context) (dimse.Status, string) {
		if killed.CompareAndSwap(false, true) {
			<-ctx.Done() // says nothing until the sender waits no longer
		}
		return dimse.StatusSuccess, ""
	}}
	dest := p.serve(t)
	dest.Associations, dest.Timeouts.Response = 2, 300*time.Millisecond
	lines, _, err := send(t, dest, items(t, object.Summary, 8))
	if err == nil {
		t.Error("no error")
	}
	sent, unsent := 0, 0
	for _, line := range lines {
		switch {
		case strings.HasSuffix(line, "sent, never, tried"):
			sent++
		case strings.HasSuffix(line, "temporary, alone, tried"):
			unsent++
		}
	}
	if sent != 7 || unsent != 1 {
		t.Errorf("%d sent, %d unsent, want 7 and 1:\n%s", sent, unsent, strings.Join(lines, "\n"))
	}
}
