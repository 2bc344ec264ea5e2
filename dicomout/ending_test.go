package dicomout_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse"
	"jcsnode/ledger"
)

// ending is an archive that ends each association in which one of the objects comes.
type ending struct {
	*pacs
	objects []string
	end     func()
}

func (p *ending) Store(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	if slices.Contains(p.objects, req.SOPInstanceUID) {
		p.end()
	}
	return p.pacs.Store(ctx, a, req)
}

// closing remembers connections, so that the archive can close the newest.
type closing struct {
	net.Listener
	newest chan net.Conn
}

func (l closing) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		select {
		case <-l.newest:
		default:
		}
		l.newest <- conn
	}
	return conn, err
}

// An object at which the archive ends every association fails for good once others got through meanwhile, those of other studies too.
// Where nothing gets through the archive is to blame, and has three days.
func TestDeliveryWorker_ObjectThatEndsAssociations(t *testing.T) {
	for _, c := range []struct {
		name    string
		objects []string
		failed  time.Duration // not before
	}{
		{"one of three", []string{"2.25.2"}, time.Hour},
		{"two of three", []string{"2.25.1", "2.25.3"}, time.Hour},
		{"all", []string{"2.25.1", "2.25.2", "2.25.3"}, 3 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			now := began
			l, dir, rev := reported(t, func() time.Time { return now })
			archive := &ending{pacs: &pacs{}, objects: c.objects}
			newest := make(chan net.Conn, 1)
			archive.end = func() { conn := <-newest; conn.Close() }
			address := archive.serveOn(t, archive, func(inner net.Listener) net.Listener { return closing{inner, newest} })
			k := deliveryWorker(t, l, dir, func() time.Time { return now }, pacsAt(address))
			for visits := 0; ; visits++ {
				if err := k.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
					t.Fatal(err)
				}
				waiting, err := l.Pending(t.Context(), rev.ID, "pacs")
				if err != nil {
					t.Fatal(err)
				}
				if len(waiting) == 0 {
					break
				}
				if visits > 300 {
					t.Fatalf("%d objects wait after %v", len(waiting), now.Sub(began))
				}
				now = slices.MinFunc(waiting, func(a, b ledger.Delivery) int { return a.NextAt.Compare(b.NextAt) }).NextAt
			}
			if took := now.Sub(began); took < c.failed || took > c.failed+time.Hour {
				t.Errorf("it took %v, want %v or little more", took, c.failed)
			}
			for uid, d := range states(t, l) {
				want := ledger.DeliverySent
				if slices.Contains(c.objects, uid) {
					want = ledger.DeliveryFailed
				}
				if d.State != want || want == ledger.DeliveryFailed && !strings.Contains(d.Detail, "while this object was on its way") {
					t.Errorf("%s is %s, %q, want %s", uid, d.State, d.Detail, want)
				}
			}
		})
	}
}
