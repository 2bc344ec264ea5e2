package dicomout_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/ledger"
)

// Answers come faster than the ledger commits: all are kept, each with an event of its own.
func TestDeliveryWorker_ManyObjects(t *testing.T) {
	const n = 200
	dir := t.TempDir()
	var objects []ledger.Outgoing
	for i := range n {
		uid := fmt.Sprint("2.25.", i+1)
		var file fileBuffer
		if err := dataset.WriteMeta(&file, dataset.Meta{SOPClassUID: "1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID: uid,
			TransferSyntaxUID: dataset.ExplicitVRLittleEndian, ImplementationClassUID: "2.25.9"}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, uid), file, 0o644); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, ledger.Outgoing{Object: ledger.Object{
			SOPInstanceUID:    uid,
			SOPClassUID:       "1.2.840.10008.5.1.4.1.1.7",
			Kind:              "outline",
			TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
			Path:              uid,
			SHA256:            hexSHA256(file),
		}, Destinations: []string{"pacs"}})
	}
	l, rev := reportedObjects(t, dir, time.Now, objects)
	p := &pacs{}
	c := deliveryWorker(t, l, dir, time.Now, dicomout.Destination{Destination: deliver.Destination{
		Name:           "pacs",
		AETitle:        "PACS",
		Address:        p.serve(t),
		CallingAETitle: "JCSNODE",
	},
		Profile: dicomout.Profile{Outline: true}})
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	h, err := l.History(t.Context(), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]int{}
	for _, e := range h.Events {
		if e.Kind == ledger.EventSent {
			sent[e.Instance]++
		}
	}
	for _, o := range objects {
		if sent[o.SOPInstanceUID] != 1 {
			t.Fatalf("%d events of object %s, want 1", sent[o.SOPInstanceUID], o.SOPInstanceUID)
		}
	}
	for _, d := range h.Revisions[0].Deliveries {
		if d.State != ledger.DeliverySent || d.Attempts != 1 {
			t.Fatalf("delivery of %s: %s after %d attempts", d.Object.SOPInstanceUID, d.State, d.Attempts)
		}
	}
	if len(p.received) != n {
		t.Errorf("%d objects were received, want %d", len(p.received), n)
	}
}
