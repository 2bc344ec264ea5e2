package dicomout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/seg"
	"jcsnode/dimse"
	"jcsnode/ledger"
)

// One object is stored, one the archive has no room for, one it does not want: each has its own outcome, only the second is
// sent again, and only when it is due.
func TestDeliveryWorker_EachObjectHasItsOwnOutcome(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l, dir, rev := reported(t, func() time.Time { return now })
	archive := &pacs{answers: []dimse.Status{dimse.StatusSuccess, dimse.StatusOutOfResources, dimse.StatusCannotUnderstand}}
	c := deliveryWorker(t, l, dir, func() time.Time { return now }, pacsAt(archive.serve(t)))

	for range 2 { // the second time nothing is due
		if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
	}
	got := states(t, l)
	if got["2.25.1"].State != ledger.DeliverySent || got["2.25.2"].State != ledger.DeliveryWaiting ||
		got["2.25.3"].State != ledger.DeliveryFailed {
		t.Fatalf("states %q, %q, %q; want sent, waiting, failed", got["2.25.1"].State, got["2.25.2"].State, got["2.25.3"].State)
	}
	if got["2.25.2"].Status != "A700H" || !got["2.25.2"].NextAt.After(now) {
		t.Errorf("waiting with status %q until %v", got["2.25.2"].Status, got["2.25.2"].NextAt)
	}
	now = now.Add(3 * time.Hour)
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, l)["2.25.2"]; got.State != ledger.DeliverySent || got.Attempts != 2 {
		t.Errorf("%s after %d attempts, want sent after 2", got.State, got.Attempts)
	}
	if len(archive.received) != 4 {
		t.Errorf("the archive was sent %d objects, want 4: %v", len(archive.received), archive.received)
	}
}

// An archive that is away keeps everything waiting, however long, and gets all of it when it is back.
func TestDeliveryWorker_ArchiveAwayAndBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l, dir, rev := reported(t, func() time.Time { return now })
	c := deliveryWorker(t, l, dir, func() time.Time { return now }, pacsAt("127.0.0.1:1"))
	for range 50 {
		if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Hour)
	}
	for uid, d := range states(t, l) {
		if d.State != ledger.DeliveryWaiting {
			t.Fatalf("%s is %s after four days without the archive: %s", uid, d.State, d.Detail)
		}
	}
	archive := &pacs{answers: []dimse.Status{0x0110}}
	c.Destinations()[0].Address = archive.serve(t)
	for range 2 {
		if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Hour)
	}
	for uid, d := range states(t, l) {
		if d.State != ledger.DeliverySent {
			t.Errorf("%s is %s: %s", uid, d.State, d.Detail)
		}
	}
}

// The log says of a visit what it brought: nothing is called delivered that waits.
func TestDeliveryWorker_LogOfAVisit(t *testing.T) {
	for name, test := range map[string]struct {
		answers []dimse.Status // nil: nobody listens
		want    string
	}{
		"away":      {nil, `level=WARN msg="destination cannot be reached: all that is for it waits, and goes when it is back" error=`},
		"all taken": {[]dimse.Status{0}, `level=INFO msg="objects delivered" study=1.2 revision=1 sent=3 of=3`},
		"some later": {[]dimse.Status{0, dimse.StatusOutOfResources, dimse.StatusCannotUnderstand},
			`level=WARN msg="objects not delivered yet: they are tried again" study=1.2 revision=1 sent=1 of=3 waiting=1 again_in=`},
		"none wanted": {[]dimse.Status{dimse.StatusCannotUnderstand, dimse.StatusCannotUnderstand, dimse.StatusCannotUnderstand},
			`level=WARN msg="objects not delivered, nor tried again: ` +
				"`jcsnode status` of the study says why" + `" study=1.2 revision=1 sent=0 of=3`},
	} {
		t.Run(name, func(t *testing.T) {
			address := "127.0.0.1:1"
			if test.answers != nil {
				address = (&pacs{answers: test.answers}).serve(t)
			}
			now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
			l, dir, rev := reported(t, now)
			c := deliveryWorker(t, l, dir, now, pacsAt(address))
			var log bytes.Buffer
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if slices.Contains([]string{"time", "destination", "address", "called"}, a.Key) {
					return slog.Attr{}
				}
				return a
			}}))
			if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
				t.Fatal(err)
			}
			lines := strings.Count(log.String(), "objects ") + strings.Count(log.String(), "cannot be reached")
			if !strings.Contains(log.String(), test.want) || lines != 1 {
				t.Errorf("want one line %s, got\n%s", test.want, log.String())
			}
		})
	}
}

func TestDeliveryWorker_DestinationTakenOutOfTheConfiguration(t *testing.T) {
	l, dir, rev := reported(t, time.Now)
	c := deliveryWorker(t, l, dir, time.Now, pacsAt("127.0.0.1:1"))
	c.Destinations = func() []dicomout.Destination { return nil }
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	for uid, d := range states(t, l) {
		if d.State != ledger.DeliveryFailed || d.Detail == "" {
			t.Errorf("%s is %s %q, want failed with a reason", uid, d.State, d.Detail)
		}
	}
}

// A destination that does not ask for a kind any more is not sent what waited for it.
func TestDeliveryWorker_ProfileThatChanged(t *testing.T) {
	l, dir, rev := reported(t, time.Now)
	archive := &pacs{}
	c := deliveryWorker(t, l, dir, time.Now, pacsAt(archive.serve(t)))
	c.Destinations()[0].Profile = dicomout.Profile{Outline: true}
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	for uid, d := range states(t, l) {
		if d.State != ledger.DeliveryWithdrawn || d.Detail != "the profile of pacs does not ask for summary any more" {
			t.Errorf("%s is %s: %q", uid, d.State, d.Detail)
		}
	}
	if len(archive.received) != 0 {
		t.Errorf("the archive got %v", archive.received)
	}
}

// A label map goes as it is to an archive that knows its class, and as the BINARY segmentation of the same revision to one that does
// not; the ledger says which.
func TestDeliveryWorker_LabelMapOrItsBinaryForm(t *testing.T) {
	s := objecttest.Small(t, 2)
	in := seg.Input{Masks: [][]byte{nil, {14: 1}}, SpacingBetweenSlices: 2.5}
	labelMap, err := seg.BuildLabelMap(s, in, true)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := seg.Build(s, in)
	if err != nil {
		t.Fatal(err)
	}
	unknown := "peer does not accept SOP class " + object.LabelMapSegmentationStorage
	for _, c := range []struct {
		refused string
		sent    *object.Object
		detail  string
	}{
		{"", labelMap, "stored"},
		{object.LabelMapSegmentationStorage, binary,
			"stored, as SOP class " + object.SegmentationStorage + ", instance " + binary.SOPInstanceUID + ": " + unknown},
	} {
		dir := t.TempDir()
		var objects []ledger.Outgoing
		for _, o := range []*object.Object{binary, labelMap} {
			if err := os.WriteFile(filepath.Join(dir, o.Kind), o.File, 0o644); err != nil {
				t.Fatal(err)
			}
			objects = append(objects, ledger.Outgoing{Object: ledger.Object{SOPInstanceUID: o.SOPInstanceUID, SOPClassUID: o.SOPClassUID,
				Kind: o.Kind, TransferSyntaxUID: o.TransferSyntaxUID, Path: o.Kind, SHA256: hexSHA256(o.File)}})
		}
		objects[1].Destinations = []string{"pacs"}
		l, rev := reportedObjects(t, dir, time.Now, objects)
		archive := &pacs{refused: c.refused}
		if err := deliveryWorker(t, l, dir, time.Now, pacsAt(archive.serve(t))).Deliver(t.Context(), rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		d := states(t, l)[labelMap.SOPInstanceUID]
		if d.State != ledger.DeliverySent || d.Detail != c.detail ||
			d.SentClass != c.sent.SOPClassUID || d.SentUID != c.sent.SOPInstanceUID {
			t.Errorf("%s: %q as %s %s, want sent: %q as %s", d.State, d.Detail, d.SentClass, d.SentUID, c.detail, c.sent.Title)
		}
		if len(archive.received) != 1 || archive.received[0] != c.sent.SOPInstanceUID {
			t.Errorf("archive got %v, want %s", archive.received, c.sent.SOPInstanceUID)
		}
	}
}

// A dead archive costs one association and one event per attempt, not one per object.
func TestDeliveryWorker_WhatFailsTogetherComesBackTogether(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l, dir, rev := reported(t, func() time.Time { return now })
	c := deliveryWorker(t, l, dir, func() time.Time { return now }, pacsAt("127.0.0.1:1"))
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	next := map[time.Time]bool{}
	for _, d := range states(t, l) {
		next[d.NextAt] = true
	}
	if len(next) != 1 {
		t.Errorf("three objects come back at %d times, want together", len(next))
	}
	h, err := l.History(t.Context(), "1.2")
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for _, e := range h.Events {
		if e.Kind == ledger.EventRetry {
			events++
		}
	}
	if events != 1 {
		t.Errorf("%d events for one failed association, want 1", events)
	}
}

// A file that changed on disk is not sent under its old UID.
func TestDeliveryWorker_ChangedFileIsNotSent(t *testing.T) {
	l, dir, rev := reported(t, time.Now)
	if err := os.WriteFile(filepath.Join(dir, "2.25.2"), []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	archive := &pacs{}
	c := deliveryWorker(t, l, dir, time.Now, pacsAt(archive.serve(t)))
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, l); got["2.25.2"].State == ledger.DeliverySent || got["2.25.3"].State != ledger.DeliverySent {
		t.Errorf("changed file %s, good file %s; want waiting, sent", got["2.25.2"].State, got["2.25.3"].State)
	}
}

// A file that is not the one that was written is not sent, however well it reads.
func TestDeliveryWorker_AlteredFileStaysHere(t *testing.T) {
	l, dir, rev := reported(t, time.Now)
	file, err := os.ReadFile(filepath.Join(dir, "2.25.1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "2.25.2"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	archive := &pacs{}
	c := deliveryWorker(t, l, dir, time.Now, pacsAt(archive.serve(t)))
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	d := states(t, l)["2.25.2"]
	if d.State != ledger.DeliveryFailed || !strings.Contains(d.Detail, "not the file that was written") || len(archive.received) != 2 {
		t.Errorf("%s %q, archive got %v; want the altered file kept here", d.State, d.Detail, archive.received)
	}
}

// replacing is an archive that takes its time: while it has the first object a newer result is there.
type replacing struct {
	*pacs
	once    sync.Once
	replace func()
}

func (p *replacing) Store(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	p.once.Do(p.replace)
	return p.pacs.Store(ctx, a, req)
}

// What a newer revision replaces in the middle of an association goes no further.
func TestDeliveryWorker_ReplacedWhileTheFirstObjectIsOnItsWay(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l, dir, rev := reported(t, func() time.Time { return now })
	archive := &replacing{pacs: &pacs{}, replace: func() {
		ctx := t.Context()
		err := l.Requeue(ctx, "1.2")
		h, historyErr := l.History(ctx, "1.2")
		if err := errors.Join(err, historyErr); err != nil {
			t.Error(err)
			return
		}
		object := h.Revisions[0].Objects[0]
		object.SOPInstanceUID = "2.25.9"
		again := []ledger.Outgoing{{Object: object, Destinations: []string{"pacs"}}}
		if err := l.Complete(ctx, h.Revisions[1].ID, again, ledger.Reason{}); err != nil {
			t.Error(err)
		}
	}}
	c := deliveryWorker(t, l, dir, func() time.Time { return now }, pacsAt(archive.serveAs(t, archive)))
	if err := c.Deliver(t.Context(), rev.ID, "pacs"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(archive.received, []string{"2.25.1"}) {
		t.Errorf("sent %v, want the first alone", archive.received)
	}
	got := states(t, l)
	if got["2.25.1"].State != ledger.DeliverySent || got["2.25.2"].State != ledger.DeliveryWithdrawn ||
		got["2.25.3"].State != ledger.DeliveryWithdrawn {
		t.Errorf("states %q, %q, %q; want sent, withdrawn, withdrawn", got["2.25.1"].State, got["2.25.2"].State, got["2.25.3"].State)
	}
}
