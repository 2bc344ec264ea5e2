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

// cutting is an archive that ends every association at one object.
type cutting struct {
	*pacs
	at  string
	cut func()
}

func (p *cutting) Store(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	if req.SOPInstanceUID == p.at {
		p.cut()
	}
	return p.pacs.Store(ctx, a, req)
}

// A result that was corrected does not wait for days for an object of the old one that the archive chokes on, however often it did before.
func TestDeliveryWorker_ReplacedThatEndsAssociations(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	study := objecttest.Small(t, 2)
	study.InputDigest = "revision 1"
	archive := &cutting{pacs: &pacs{}, at: study.InstanceUID(object.Summary)}
	newest := make(chan net.Conn, 1)
	archive.cut = func() { conn := <-newest; conn.Close() }
	address := archive.serveOn(t, archive, func(inner net.Listener) net.Listener { return closing{inner, newest} })
	s := newSite(t, func() time.Time { return now }, archiveAt("pacs", address, dicomout.Profile{Summary: true}))
	first := s.report(t, object.Summary)
	fails := func() (waits bool) {
		t.Helper()
		if err := s.Deliver(t.Context(), first.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		waiting, err := s.Ledger.Pending(t.Context(), first.ID, "pacs")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range waiting {
			now = d.NextAt
		}
		return len(waiting) > 0
	}
	for range 5 {
		if !fails() {
			t.Fatal("given up though nothing waits for it")
		}
	}
	second := s.report(t, object.Summary)
	for n := 1; n <= 3; n++ {
		if waits := fails(); waits != (n < 3) {
			t.Fatalf("replaced, after attempt %d: waits %v", n, waits)
		}
	}
	if d := states(t, s.Ledger)[archive.at]; d.State != ledger.DeliveryFailed {
		t.Errorf("replaced and given up, it is %s", d.State)
	}
	if err := s.Deliver(t.Context(), second.ID, "pacs"); err != nil {
		t.Errorf("revision 2: %v", err)
	}
	if waiting, err := s.Ledger.Pending(t.Context(), second.ID, "pacs"); err != nil || len(waiting) > 0 {
		t.Errorf("of revision 2 wait %v, %v", waiting, err)
	}
}

// A node comes back that was frozen with an object in hand, while its heir sends it: it does not send it, nor give it back, and the newer
// revision waits for the heir.
func TestDeliveryWorker_ComesBackToAnHeir(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	archive := &pacs{}
	s := newSite(t, func() time.Time { return now }, archiveAt("pacs", archive.serve(t), dicomout.Profile{Summary: true}))
	first := s.report(t, object.Summary)
	var heir map[int64]ledger.Mark
	s.Fenced = func() error {
		waiting, err := s.Ledger.Pending(t.Context(), first.ID, "pacs")
		if err == nil {
			heir, err = s.Ledger.BeginDeliveries(t.Context(), first.ID, "pacs", []int64{waiting[0].ID})
		}
		return errors.Join(err, errors.New("another node has the destination"))
	}
	if err := s.Deliver(t.Context(), first.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	s.Fenced = nil
	if len(archive.received) > 0 || len(heir) != 1 {
		t.Fatalf("%d objects sent, %d heirs", len(archive.received), len(heir))
	}
	second := s.report(t, object.Summary)
	for id, mark := range heir {
		if waits, err := s.Ledger.Waits(t.Context(), id, mark); err != nil || !waits || !mark.Heir {
			t.Errorf("the heir may send: %v, %v, by %+v", waits, err, mark)
		}
	}
	var later *ledger.RetryAfter
	if err := s.Deliver(t.Context(), second.ID, "pacs"); !errors.As(err, &later) {
		t.Errorf("revision 2 while the heir has 1 in hand: %v, want it put off", err)
	}
}
