package dicomout_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/store"
)

// silenced is an archive that keeps the first object, and whose answer to it never comes.
type silenced struct {
	*pacs
	cut func()
}

func (p *silenced) Store(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	status, text := p.pacs.Store(ctx, a, req)
	if p.cut != nil {
		p.cut()
		p.cut = nil
	}
	return status, text
}

// untouched is a store that a visit has no business with.
type untouched struct {
	store.Reader
	t *testing.T
}

func (u untouched) Has(context.Context, string) (bool, error) {
	u.t.Error("a visit that is put off asks the store")
	return true, nil
}

// An archive may have an object whose answer was lost. When a newer result comes meanwhile, the archive must hear of it what to reject.
func TestDeliveryWorker_ReplacedWithoutAnAnswer(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	archive := &silenced{pacs: &pacs{}}
	newest := make(chan net.Conn, 1)
	archive.cut = func() { conn := <-newest; conn.Close() }
	address := archive.serveOn(t, archive, func(inner net.Listener) net.Listener { return closing{inner, newest} })
	s := newSite(t, func() time.Time { return now }, archiveAt("pacs", address, dicomout.Profile{Summary: true, Rejection: true}))
	first := s.report(t, object.Summary)
	if err := s.Deliver(t.Context(), first.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	second := s.report(t, object.Summary)
	files := s.Store
	s.Store = untouched{t: t}
	var later *ledger.RetryAfter
	if err := s.Deliver(t.Context(), second.ID, "pacs"); !errors.As(err, &later) {
		t.Fatalf("revision 2 while nobody knows whether the archive has 1: %v, want it put off", err)
	}
	s.Store = files
	for _, rev := range []ledger.Revision{first, second} { // 1 is due at once
		if err := s.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
	}
	study := objecttest.Small(t, 2)
	uid := func(revision int, kind object.Kind) string {
		study.InputDigest = fmt.Sprint("revision ", revision)
		return study.InstanceUID(kind)
	}
	if got, want := archive.rejected(t), []string{uid(1, object.Summary)}; !slices.Equal(got, want) {
		t.Errorf("told to reject %q, want %q", got, want)
	}
	one, two := uid(1, object.Summary), uid(2, object.Summary)
	if got := archive.received; len(got) != 4 || !slices.Equal(got[:2], []string{one, one}) || !slices.Contains(got[2:], two) {
		t.Errorf("the archive got %q, want %q twice, then revision 2 and a rejection", got, one)
	}
}
