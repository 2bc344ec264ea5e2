package dicomout_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/sr"
	"jcsnode/ledger"
)

// site is a ledger with a study whose revisions a test reports one by one, and a delivery worker.
type site struct {
	*dicomout.DeliveryWorker
	Ledger   *ledger.Ledger
	dir      string
	revision int
	replaced []object.ReferencedObject // by the next revision
}

func newSite(t *testing.T, now func() time.Time, destinations ...dicomout.Destination) *site {
	t.Helper()
	dir := t.TempDir()
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "ledger.db"), ledger.Options{Now: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := deliveryWorker(t, l, dir, now)
	c.Destinations = func() []dicomout.Destination { return destinations }
	return &site{DeliveryWorker: c, Ledger: l, dir: dir}
}

// report makes the next revision with an object of each kind and a rejection of what came before, for all destinations.
func (s *site) report(t *testing.T, kinds ...object.Kind) ledger.Revision {
	t.Helper()
	s.revision++
	study := objecttest.Small(t, 2)
	study.Revision, study.InputDigest, study.Replaces = s.revision, fmt.Sprint("revision ", s.revision), s.replaced
	var objects []ledger.Outgoing
	add := func(kind object.Kind, uid string, file []byte) {
		path := filepath.Join(s.dir, uid)
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		o := ledger.Object{SOPInstanceUID: uid, SOPClassUID: kind.SOPClassUID, SeriesUID: study.SeriesUID(kind), Kind: kind.Name,
			TransferSyntaxUID: dataset.ExplicitVRLittleEndian, Path: uid, SHA256: hexSHA256(file)}
		out := ledger.Outgoing{Object: o}
		for _, d := range s.Destinations() {
			if d.Profile.Wants(kind.Name) {
				out.Destinations = append(out.Destinations, d.Name)
			}
		}
		objects = append(objects, out)
	}
	for _, kind := range kinds {
		uid := study.InstanceUID(kind)
		file, err := object.Encode(kind, uid, dataset.ExplicitVRLittleEndian, []*object.Element{
			object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID), object.Text(tag.SOPInstanceUID, "UI", uid)})
		if err != nil {
			t.Fatal(err)
		}
		add(kind, uid, file)
		s.replaced = append(s.replaced, study.Reference(kind))
	}
	if len(study.Replaces) > 0 {
		o, err := sr.Reject(study)
		if err != nil {
			t.Fatal(err)
		}
		add(object.Rejection, o.SOPInstanceUID, o.File)
	}
	ctx, l := t.Context(), s.Ledger
	instance := fmt.Sprintf("1.2.1.%d", s.revision)
	if err := l.Record(ctx, ledger.Instance{
		StudyUID:       "1.2",
		SeriesUID:      "1.2.1",
		SOPInstanceUID: instance,
		Path:           "inbox/" + instance,
	}); err != nil {
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
	return rev
}

// bodySet reads a data set in Explicit VR Little Endian as it came over the network.
func bodySet(t *testing.T, body []byte) *dataset.Set {
	t.Helper()
	var file fileBuffer
	if err := dataset.WriteMeta(&file, dataset.Meta{
		SOPClassUID:            "1.2",
		SOPInstanceUID:         "1.2",
		TransferSyntaxUID:      dataset.ExplicitVRLittleEndian,
		ImplementationClassUID: "2.25.9",
	}); err != nil {
		t.Fatal(err)
	}
	return objecttest.Parse(t, append(file, body...)).Set()
}

// rejected lists the instances that the archive was told to reject, a line for each rejection that it got.
func (p *pacs) rejected(t *testing.T) []string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for _, uid := range p.received {
		set := bodySet(t, p.bodies[uid])
		if set.String(dataset.SOPClassUID) != object.KeyObjectSelectionDocumentStorage {
			continue
		}
		var line []string
		for _, study := range set.Items(dataset.NewTag(0x0040, 0xA375)) {
			for _, series := range study.Items(dataset.NewTag(0x0008, 0x1115)) {
				for _, one := range series.Items(dataset.NewTag(0x0008, 0x1199)) {
					instance := one.String(dataset.NewTag(0x0008, 0x1155))
					if _, held := p.bodies[instance]; !held {
						t.Errorf("told to reject %s, which it never got", instance)
					}
					line = append(line, instance)
				}
			}
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

func TestDeliveryWorker_RejectsWhatTheDestinationHas(t *testing.T) {
	full := &pacs{refused: object.LabelMapSegmentationStorage}
	bare := &pacs{}
	everything := dicomout.Profile{
		Summary:            true,
		Segmentation:       true,
		LabelMap:           true,
		LabelMapBackground: true,
		Outline:            true,
		Rejection:          true,
	}
	s := newSite(t, time.Now, archiveAt("full", full.serve(t), everything),
		archiveAt("bare", bare.serve(t), dicomout.Profile{Outline: true, Rejection: true}))
	deliver := func(rev ledger.Revision) {
		t.Helper()
		for _, name := range []string{"full", "bare"} {
			if err := s.Deliver(t.Context(), rev.ID, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	study := objecttest.Small(t, 2)
	uid := func(revision int, kind object.Kind) string {
		study.InputDigest = fmt.Sprint("revision ", revision)
		return study.InstanceUID(kind)
	}
	// Revision 1: the archive knows no label maps; the other one gets nothing, since there is no outline.
	deliver(s.report(t, object.Summary, object.Segmentation, object.LabelMap))
	// Revision 2 rejects what arrived, in the form in which it arrived.
	second := s.report(t, object.Summary, object.Outline)
	deliver(second)
	if got, want := full.rejected(t), []string{uid(1, object.Summary) + " " + uid(1, object.Segmentation)}; !slices.Equal(got, want) {
		t.Errorf("after revision 2: told to reject %q, want %q", got, want)
	}
	if got := bare.rejected(t); len(got) != 0 {
		t.Errorf("an archive without anything old was told to reject %q", got)
	}
	h, err := s.Ledger.History(t.Context(), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range h.Revisions[1].Deliveries {
		want := map[string]string{"full": ledger.DeliverySent, "bare": ledger.DeliveryWithdrawn}[d.Destination]
		if d.Object.Kind == "rejection" && d.State != want {
			t.Errorf("rejection for %s is %s: %q, want %s", d.Destination, d.State, d.Detail, want)
		}
	}
	// Revision 3 rejects what is new since then, and not again what was rejected.
	deliver(s.report(t, object.Summary))
	if got, want := full.rejected(t)[1:], []string{uid(2, object.Summary) + " " + uid(2, object.Outline)}; !slices.Equal(got, want) {
		t.Errorf("after revision 3: told to reject %q, want %q", got, want)
	}
	if got, want := bare.rejected(t), []string{uid(2, object.Outline)}; !slices.Equal(got, want) {
		t.Errorf("the other one after revision 3: told to reject %q, want %q", got, want)
	}
}

// A rejection that never arrived does not let the objects that it was about be forgotten.
func TestDeliveryWorker_RejectionThatWasReplacedBeforeItWasSent(t *testing.T) {
	archive := &pacs{}
	s := newSite(t, time.Now, archiveAt("pacs", archive.serve(t), dicomout.Profile{Summary: true, Rejection: true}))
	if err := s.Deliver(t.Context(), s.report(t, object.Summary).ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	s.report(t, object.Summary) // the archive is away
	if err := s.Deliver(t.Context(), s.report(t, object.Summary).ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	study := objecttest.Small(t, 2)
	study.InputDigest = "revision 1"
	if got, want := archive.rejected(t), []string{study.InstanceUID(object.Summary)}; !slices.Equal(got, want) {
		t.Errorf("told to reject %q, want the object of revision 1, %q", got, want)
	}
	if len(archive.received) != 3 {
		t.Errorf("the archive got %v, want revisions 1 and 3 and a rejection", archive.received)
	}
}
