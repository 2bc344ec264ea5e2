package scp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/ledger"
	"jcsnode/store"
)

func TestDoor_StoresRecordsAndHolds(t *testing.T) {
	n := startNode(t, Settings{CheckCalled: true}, nil)
	c := n.dial(t, dimse.Verification, CTImageStorage)
	if status, err := c.Echo(t.Context()); err != nil || status != dimse.StatusSuccess {
		t.Fatalf("echo: %v, %v", status, err)
	}
	if held, _ := n.door.Holds("1.2"); held {
		t.Error("held before anything came")
	}
	before := time.Now()
	for _, sop := range []string{"1.2.1", "1.2.2", "1.2.1"} {
		if r := send(t, c, aSlice("1.2", sop)); r.Status != dimse.StatusSuccess {
			t.Fatalf("%s: %+v", sop, r)
		}
	}
	if held, since := n.door.Holds("1.2"); !held || since.Before(before) {
		t.Errorf("held %v since %v, want held since now", held, since)
	}
	h := n.history(t, "1.2")
	// Two that came within a millisecond may stand in either order.
	slices.SortFunc(h.Instances, func(a, b ledger.Instance) int { return strings.Compare(a.SOPInstanceUID, b.SOPInstanceUID) })
	if len(h.Instances) != 2 || h.Instances[0].ReceivedAgain != 1 || h.Instances[1].ReceivedAgain != 0 {
		t.Fatalf("instances %+v, want two, the first received again", h.Instances)
	}
	i := h.Instances[0]
	if i.CallingAE != "CT1" || i.CalledAE != "JCS" || !strings.HasPrefix(i.RemoteAddr, "127.0.0.1:") ||
		i.TransferSyntaxUID != dataset.ExplicitVRLittleEndian || i.Association == "" {
		t.Errorf("row %+v", i)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the hold to end", func() bool { held, _ := n.door.Holds("1.2"); return !held })
	ended := n.events(t, EventAssociation)
	if len(ended) != 1 || ended[0].StudyUID != "1.2" ||
		!strings.Contains(ended[0].Text, "2 instances stored, 1 were here already; released") {
		t.Errorf("events %+v", ended)
	}
}

// A peer whose association stays open holds a study while it sends, and no longer; others beside it do as ever.
func TestDoor_PeerThatStaysOpen(t *testing.T) {
	n := startNode(t, Settings{Peers: []Peer{{AETitle: "CT1", StaysOpen: true}, {AETitle: "CT2"}}}, nil)
	c := n.dial(t, CTImageStorage)
	for _, sop := range []string{"1.2.1", "1.2.2"} {
		if r := send(t, c, aSlice("1.2", sop)); r.Status != dimse.StatusSuccess {
			t.Fatalf("%+v", r)
		}
		if held, _ := n.door.Holds("1.2"); held {
			t.Error("held by an association that stays open")
		}
	}
	// While it sends, it does.
	i := aSlice("1.2", "1.2.3")
	body := i.bytes()
	half, rest := len(body)/2, make(chan struct{})
	sent := make(chan error, 1)
	go func() {
		at := 0
		_, err := c.Store(t.Context(), dimse.StoreCommand{SOPClassUID: i.class, SOPInstanceUID: i.sop,
			TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
			Body: readerFunc(func(p []byte) (int, error) {
				if at == half {
					<-rest
				}
				if at == len(body) {
					return 0, io.EOF
				}
				end := len(body)
				if at < half {
					end = half
				}
				k := copy(p, body[at:end])
				at += k
				return k, nil
			})})
		sent <- err
	}()
	waitFor(t, "the study to be held", func() bool { held, _ := n.door.Holds("1.2"); return held })
	close(rest)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the study to be free", func() bool { held, _ := n.door.Holds("1.2"); return !held })

	d := dimse.Dialer{CallingAETitle: "CT2"}
	other, err := d.Dial(t.Context(), n.addr, "JCS", []dimse.PresentationContext{{AbstractSyntax: CTImageStorage,
		TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian}}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Abort()
	send(t, other, aSlice("1.2", "1.2.4"))
	send(t, c, aSlice("1.2", "1.2.5"))
	if held, _ := n.door.Holds("1.2"); !held {
		t.Error("not held by an association as others are")
	}
}

// Every line about an association names it as the ledger does, so that they can be found together, and none tells of an error that
// there was not.
func TestDoor_LogNamesTheAssociation(t *testing.T) {
	var log lines
	n := startNode(t, Settings{}, func(d *Door) { d.log = slog.New(slog.NewJSONHandler(&log, nil)) })
	c := n.dial(t, CTImageStorage)
	if r := send(t, c, aSlice("1.2", "1.2.1")); r.Status != dimse.StatusSuccess {
		t.Fatalf("%+v", r)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end in the log", func() bool { return strings.Contains(strings.Join(log.all(), ""), "association done") })
	name := n.history(t, "1.2").Instances[0].Association
	said := log.all()
	if len(said) < 3 {
		t.Errorf("%d lines, want those of its begin and its end", len(said))
	}
	for _, line := range said {
		if !strings.Contains(line, fmt.Sprintf(`"association":%q`, name)) || strings.Contains(line, "null") {
			t.Errorf("want the association %s and no null: %s", name, line)
		}
	}
}

func TestDoor_HoldsUntilTheLastAssociationEnds(t *testing.T) {
	n := startNode(t, Settings{}, nil)
	a, b := n.dial(t, CTImageStorage), n.dial(t, CTImageStorage)
	send(t, a, aSlice("1.2", "1.2.1"))
	_, first := n.door.Holds("1.2")
	send(t, b, aSlice("1.2", "1.2.2"))
	if err := a.Abort(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the second association alone to hold", func() bool {
		held, since := n.door.Holds("1.2")
		return held && since.After(first)
	})
	if err := b.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "nobody to hold", func() bool { held, _ := n.door.Holds("1.2"); return !held })
}

func TestDoor_BadInstancesDoNotEndTheAssociation(t *testing.T) {
	n := startNode(t, Settings{}, nil)
	c := n.dial(t, CTImageStorage, EnhancedCTImageStorage)
	cut := aSlice("1.2", "1.2.1")
	r, err := c.Store(t.Context(), dimse.StoreCommand{SOPClassUID: cut.class, SOPInstanceUID: cut.sop,
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
		Body:              bytes.NewReader(cut.bytes()[:len(cut.bytes())-6])})
	if err != nil || r.Status != dimse.StatusCannotUnderstand || r.ErrorComment == "" {
		t.Errorf("cut: %+v, %v; want C000H with a comment", r, err)
	}
	if r := sendAs(t, c, aSlice("1.2", "1.2.2"), "1.2.9"); r.Status != dimse.StatusDataSetMismatch {
		t.Errorf("other UID in the command: %+v", r)
	}
	noStudy := image{class: CTImageStorage, sop: "1.2.3", series: "1", pixels: []byte("x")}
	if r := send(t, c, noStudy); r.Status != dimse.StatusCannotUnderstand {
		t.Errorf("no study: %+v", r)
	}
	if r := send(t, c, aSlice("1.2", "1.2.4")); r.Status != dimse.StatusSuccess {
		t.Errorf("good one afterwards: %+v", r)
	}
	if got := files(t, n.dir); len(got) != 1 {
		t.Errorf("files %v, want the good one alone", got)
	}
	h := n.history(t, "1.2")
	if len(h.Refusals) != 2 || h.Refusals[0].Code != "truncated" || h.Refusals[1].Code != "mismatch" || h.Refusals[0].CallingAE != "CT1" ||
		h.Refusals[0].Remedy == "" {
		t.Errorf("refusals of the study %+v, want two with their codes", h.Refusals)
	}
	all, err := n.l.Refusals(t.Context(), 10)
	if err != nil || len(all) != 3 || !slices.ContainsFunc(all, func(r ledger.RefusedInstances) bool {
		return r.Code == "no-uid" && r.StudyUID == "" && r.Association != ""
	}) {
		t.Errorf("refusals %+v, %v, want a third of no study", all, err)
	}
}

func TestDoor_FullDisk(t *testing.T) {
	free := make(chan int64, 1)
	free <- 1000
	n := startNode(t, Settings{}, func(d *Door) {
		d.inbox.store = &faultyStore{Store: d.inbox.store, room: func() (store.Room, error) {
			f := <-free
			free <- f
			return store.Room{Free: f, Reserve: 100}, nil
		}}
	})
	c := n.dial(t, CTImageStorage)
	<-free
	free <- 50
	r := send(t, c, aSlice("1.2", "1.2.1"))
	if r.Status != dimse.StatusOutOfResources || !strings.Contains(r.ErrorComment, "disk is full") {
		t.Errorf("%+v, want A700H that says why", r)
	}
	d := dimse.Dialer{CallingAETitle: "CT1"}
	_, err := d.Dial(t.Context(), n.addr, "JCS", []dimse.PresentationContext{{AbstractSyntax: CTImageStorage,
		TransferSyntaxes: allSyntaxes()}})
	var rejection *dimse.Rejection
	if !errors.As(err, &rejection) || !rejection.Temporary() {
		t.Errorf("new association: %v, want a transient rejection", err)
	}
	<-free
	free <- 1000
	if r := send(t, c, aSlice("1.2", "1.2.1")); r.Status != dimse.StatusSuccess {
		t.Errorf("with room again: %+v", r)
	}
}

// deafLedger cannot write.
type deafLedger struct{ *ledger.Ledger }

func (deafLedger) Record(context.Context, ledger.Instance) error { return errors.New("disk full") }

func TestDoor_NoSuccessWithoutARow(t *testing.T) {
	var good Ledger
	n := startNode(t, Settings{}, func(d *Door) {
		good = d.ledger
		d.ledger = deafLedger{good.(*ledger.Ledger)}
	})
	c := n.dial(t, CTImageStorage)
	if r := send(t, c, aSlice("1.2", "1.2.1")); r.Status != dimse.StatusOutOfResources {
		t.Errorf("%+v, want A700H", r)
	}
	n.door.ledger = good // the association is idle
	if r := send(t, c, aSlice("1.2", "1.2.1")); r.Status != dimse.StatusSuccess {
		t.Errorf("again: %+v", r)
	}
	if h := n.history(t, "1.2"); len(h.Instances) != 1 {
		t.Errorf("%d rows, want one", len(h.Instances))
	}
}

func TestDoor_OtherClassesAreFlagged(t *testing.T) {
	n := startNode(t, Settings{AcceptOther: true}, nil)
	const mr = "1.2.840.10008.5.1.4.1.1.4"
	c := n.dial(t, mr)
	i := aSlice("1.2", "1.2.1")
	i.class = mr
	if r := send(t, c, i); r.Status != dimse.StatusSuccess {
		t.Fatalf("%+v", r)
	}
	if h := n.history(t, "1.2"); h.Instances[0].Flag != FlagNotOurs {
		t.Errorf("flag %q, want %q", h.Instances[0].Flag, FlagNotOurs)
	}
}

// Whatever a sender makes up, the ledger keeps a bounded number of short rows, and the log a line for each kind of refusal.
func TestDoor_RefusalsFloodNothing(t *testing.T) {
	var log lines
	told := map[string]int{} // by the only association
	n := startNode(t, Settings{}, func(d *Door) {
		d.log = slog.New(slog.NewJSONHandler(&log, nil))
		d.Refused = func(code string) { told[code]++ }
	})
	c := n.dial(t, CTImageStorage)
	for k := range 1010 {
		i := aSlice(fmt.Sprintf("1.2.%d", k), "1.2.1")
		sendAs(t, c, i, "1.2.9")
	}
	for range 7 {
		sendAs(t, c, aSlice("1.2.1009", "1.2.1"), "1.2.9")
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end in the log", func() bool { return strings.Contains(strings.Join(log.all(), ""), `"refused":1017`) })
	if err := n.l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := n.l.Refusals(t.Context(), 10_000)
	if err != nil || len(all) != 1000 || all[0].StudyUID != "1.2.1009" || all[0].Count != 8 {
		t.Errorf("%d rows, the newest %+v, %v", len(all), all[:1], err)
	}
	if said := strings.Count(strings.Join(log.all(), ""), "instance refused"); said != 1 {
		t.Errorf("%d lines tell of a refusal, want 1", said)
	}
	if len(told) != 1 || told["mismatch"] != 1017 {
		t.Errorf("told of %v", told)
	}
}

// A surplus delimiter in a private sequence costs nothing: the bytes are kept, the ledger and the log say so, and so does a rebuilt ledger.
func TestDoor_StoresWhatIsNotWellFormed(t *testing.T) {
	var log lines
	n := startNode(t, Settings{}, func(d *Door) { d.log = slog.New(slog.NewJSONHandler(&log, nil)) })
	c := n.dial(t, CTImageStorage)
	i := aSlice("1.2", "1.2.1")
	body := i.bytes()
	at := bytes.Index(body, []byte("\xe0\x7f\x10\x00"))
	surplus := []byte("\x01\x70\x5f\x10SQ\x00\x00\x10\x00\x00\x00\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00")
	body = slices.Concat(body[:at], surplus, body[at:])
	r, err := c.Store(t.Context(), dimse.StoreCommand{SOPClassUID: i.class, SOPInstanceUID: i.sop,
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian, Body: bytes.NewReader(body)})
	if err != nil || r.Status != dimse.StatusSuccess {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := n.history(t, "1.2").Instances[0]
	if want := FlagForm + "(7001,105F): (FFFE,E0DD) where an item should begin"; row.Flag != want {
		t.Errorf("flag %q, want %q", row.Flag, want)
	}
	kept, err := os.ReadFile(filepath.Join(n.dir, row.Path))
	if err != nil || !bytes.HasSuffix(kept, body) {
		t.Errorf("the file does not hold the bytes as they came: %v", err)
	}
	waitFor(t, "the warning", func() bool { return strings.Contains(strings.Join(log.all(), ""), "not well-formed") })
	again, err := n.door.inbox.reread(t.Context(), row.Path)
	if err != nil || again.Flag != row.Flag {
		t.Errorf("read back: flag %q, %v", again.Flag, err)
	}
}

// A connection that breaks in the middle: whole instances stay, the cut one leaves no
// trace, and the resend of all of it is recognised.
func TestDoor_ConnectionLostThenResent(t *testing.T) {
	n := startNode(t, Settings{}, nil)
	c := n.dial(t, CTImageStorage)
	send(t, c, aSlice("1.2", "1.2.1"))
	i := aSlice("1.2", "1.2.2")
	i.pixels = make([]byte, 1<<20)
	var once sync.Once
	_, err := c.Store(t.Context(), dimse.StoreCommand{SOPClassUID: i.class, SOPInstanceUID: i.sop,
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
		Body: readerFunc(func(p []byte) (int, error) {
			once.Do(func() { copy(p, i.bytes()) })
			return 0, errors.New("scanner switched off")
		})})
	if err == nil {
		t.Fatal("stored a broken body")
	}
	waitFor(t, "the end of the association", func() bool { return len(n.events(t, EventAssociation)) == 1 })
	if e := n.events(t, EventAssociation)[0]; strings.Contains(e.Text, "released") {
		t.Errorf("event %q tells of a release", e.Text)
	}
	if got := files(t, n.dir); len(got) != 1 {
		t.Errorf("files %v, want the first instance alone", got)
	}
	c = n.dial(t, CTImageStorage)
	send(t, c, aSlice("1.2", "1.2.1"))
	send(t, c, i)
	if h := n.history(t, "1.2"); len(h.Instances) != 2 || h.Instances[0].ReceivedAgain+h.Instances[1].ReceivedAgain != 1 {
		t.Errorf("instances %+v, want two, the first recognised", h.Instances)
	}
}

// An accession number is kept if it is text of a fit length; who corrects it sends it again.
func TestDoor_AccessionNumber(t *testing.T) {
	n := startNode(t, Settings{}, nil)
	c := n.dial(t, CTImageStorage)
	for i, step := range []struct{ sent, kept string }{
		{"", ""}, {"A-17 ", "A-17"}, {"", "A-17"}, {"bell\a", "A-17"}, {strings.Repeat("9", 65), "A-17"}, {"A-18", "A-18"},
	} {
		slice := aSlice("1.2", fmt.Sprintf("1.2.%d", i))
		slice.accession = step.sent
		if r := send(t, c, slice); r.Status != dimse.StatusSuccess {
			t.Fatalf("%q: %v", step.sent, r.Status)
		}
		if err := n.l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := n.l.Studies(t.Context(), ledger.Filter{Identifiers: true})
		if err != nil || len(found) != 1 || found[0].Accession != step.kept {
			t.Errorf("after %q: %+v, %v; want %q", step.sent, found, err, step.kept)
		}
	}
}
