package dicomout_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
	"jcsnode/ledger"
	"jcsnode/store/disk"
)

// pacs answers each C-STORE with the next status of a list, success when the list is over.
type pacs struct {
	refused  string // SOP class that it does not know
	mu       sync.Mutex
	answers  []dimse.Status
	received []string
	bodies   map[string][]byte // by instance, as they came
}

func (p *pacs) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }
func (p *pacs) Closed(*dimse.Association, error)                      {}
func (p *pacs) Store(_ context.Context, _ *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return dimse.StatusProcessingFailure, ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bodies == nil {
		p.bodies = map[string][]byte{}
	}
	p.bodies[req.SOPInstanceUID] = body
	p.received = append(p.received, req.SOPInstanceUID)
	if len(p.answers) == 0 {
		return dimse.StatusSuccess, ""
	}
	s := p.answers[0]
	p.answers = p.answers[1:]
	return s, ""
}

func (p *pacs) serve(t *testing.T) string { return p.serveAs(t, p) }

// serveAs serves with a handler that can do more than the archive alone.
func (p *pacs) serveAs(t *testing.T, handler dimse.Handler) string {
	t.Helper()
	return p.serveOn(t, handler, func(l net.Listener) net.Listener { return l })
}

// serveOn is serveAs with a listener around its own.
func (p *pacs) serveOn(t *testing.T, handler dimse.Handler, around func(net.Listener) net.Listener) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s := &dimse.Server{Handler: handler, Logger: slog.New(slog.DiscardHandler), Timeouts: dimse.Timeouts{Drain: time.Second},
		Accept: func(_ dimse.Requestor, abstract string, proposed []string) (string, byte) {
			if abstract == p.refused {
				return "", pdu.ResultAbstractSyntaxNotSupported
			}
			return proposed[0], pdu.ResultAcceptance
		}}
	go func() { defer close(done); s.Serve(ctx, around(l)) }()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

// reported is a ledger with one reported revision of three objects for one destination.
func reported(t *testing.T, now func() time.Time) (*ledger.Ledger, string, ledger.Revision) {
	t.Helper()
	dir := t.TempDir()
	var objects []ledger.Outgoing
	for _, uid := range []string{"2.25.1", "2.25.2", "2.25.3"} {
		var file fileBuffer
		if err := dataset.WriteMeta(&file, dataset.Meta{SOPClassUID: "1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID: uid,
			TransferSyntaxUID: dataset.ExplicitVRLittleEndian, ImplementationClassUID: "2.25.9"}); err != nil {
			t.Fatal(err)
		}
		file = append(file, "\x08\x00\x18\x00UI\x06\x00"+uid...)
		if err := os.WriteFile(filepath.Join(dir, uid), file, 0o644); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, ledger.Outgoing{Object: ledger.Object{
			SOPInstanceUID:    uid,
			SOPClassUID:       "1.2.840.10008.5.1.4.1.1.7",
			Kind:              "summary",
			TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
			Path:              uid,
			SHA256:            hexSHA256(file),
		}, Destinations: []string{"pacs"}})
	}
	l, rev := reportedObjects(t, dir, now, objects)
	return l, dir, rev
}

// reportedObjects is a ledger with one reported revision of the objects.
func reportedObjects(t *testing.T, dir string, now func() time.Time, objects []ledger.Outgoing) (*ledger.Ledger, ledger.Revision) {
	t.Helper()
	ctx := t.Context()
	l, err := ledger.Open(ctx, filepath.Join(dir, "ledger.db"), ledger.Options{
		Now:            now,
		Logger:         slog.New(slog.DiscardHandler),
		CommitmentFrom: []string{"pacs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.Record(ctx, ledger.Instance{StudyUID: "1.2", SeriesUID: "1.2.1", SOPInstanceUID: "1.2.1.1", Path: "inbox/1"}); err != nil {
		t.Fatal(err)
	}
	rev, err := l.Settle(ctx, "1.2", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(ctx, rev.ID); err != nil {
		t.Fatal(err)
	}
	if err := l.Complete(ctx, rev.ID, objects, ledger.Reason{}); err != nil {
		t.Fatal(err)
	}
	return l, rev
}

// deliveryWorker delivers what lies in dir to the destinations.
func deliveryWorker(
	t *testing.T, l *ledger.Ledger, dir string, now func() time.Time, destinations ...dicomout.Destination,
) *dicomout.DeliveryWorker {
	t.Helper()
	files, err := disk.Open(dir, disk.Options{Staging: "tmp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	return &dicomout.DeliveryWorker{
		Ledger:       l,
		Store:        files,
		Now:          now,
		Random:       func() float64 { return 0 },
		Logger:       slog.New(slog.DiscardHandler),
		Destinations: func() []dicomout.Destination { return destinations },
	}
}

// archiveAt is a destination that says nothing about associations and retries.
func archiveAt(name, address string, profile dicomout.Profile) dicomout.Destination {
	return dicomout.Destination{
		Destination: deliver.Destination{Name: name, AETitle: "PACS", Address: address, CallingAETitle: "JCSNODE"}, Profile: profile,
		Passing: deliver.Policy{Base: 30 * time.Second, Cap: 30 * time.Minute, Factor: 2},
	}
}

// pacsAt is a destination for summaries and label maps.
func pacsAt(address string) dicomout.Destination {
	return archiveAt("pacs", address, dicomout.Profile{Summary: true, Segmentation: true, LabelMap: true, LabelMapBackground: true})
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

type fileBuffer []byte

func (b *fileBuffer) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }

func states(t *testing.T, l *ledger.Ledger) map[string]ledger.Delivery {
	t.Helper()
	h, err := l.History(t.Context(), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ledger.Delivery{}
	for _, d := range h.Revisions[0].Deliveries {
		all[d.Object.SOPInstanceUID] = d
	}
	return all
}
