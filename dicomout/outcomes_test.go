package dicomout_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dicomout"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/ledger"
)

var update = flag.Bool("update", false, "rewrite the table of outcomes in docs/delivery.md")

// trouble is what is wrong with an archive. That of objects is with segmentations alone.
type trouble struct {
	name   string
	reject *dimse.Rejection // of every association
	absent bool             // nobody listens
	silent bool             // somebody listens and says nothing
	class  string           // that it does not know
	syntax bool             // it knows none of ours
	status dimse.Status     // of objects
	end    func(ctx context.Context, conn net.Conn)
	hangs  bool // costs us real time
	stray  bool // it answers for another instance than that of an object
}

// limit is how long a destination may take to answer.
func (t *trouble) limit() time.Duration {
	if t.hangs || t.silent {
		return 500 * time.Millisecond
	}
	return 10 * time.Second
}

// horizon is how long the trouble is watched: long enough for every limit of its kind.
func (t *trouble) horizon() time.Duration {
	switch {
	case t.hangs || t.silent:
		return 2 * time.Hour
	case t.absent || t.reject != nil && t.reject.Temporary():
		return 12 * time.Hour
	}
	return 4 * 24 * time.Hour
}

func rejects(result, source, reason byte) *dimse.Rejection {
	return &dimse.Rejection{Result: result, Source: source, Reason: reason}
}

// troubles are all that a destination can answer, in the order of the table.
var troubles = []trouble{
	{name: "refuses TCP: it is down, or the port is wrong", absent: true},
	{name: "takes the connection and says nothing", silent: true},
	{name: "rejects 2/3/1, congestion", reject: rejects(2, 3, 1)},
	{name: "rejects 2/3/2, too many associations", reject: rejects(2, 3, 2)},
	{name: "rejects 2/1/1, for now and without a reason", reject: rejects(2, 1, 1)},
	{name: "rejects 1/1/1, for good and without a reason", reject: rejects(1, 1, 1)},
	{name: "rejects 1/2/1, the same from its network side", reject: rejects(1, 2, 1)},
	{name: "rejects 1/1/2, application context", reject: rejects(1, 1, 2)},
	{name: "rejects 1/1/3, calling AE title", reject: rejects(1, 1, 3)},
	{name: "rejects 1/1/7, called AE title", reject: rejects(1, 1, 7)},
	{name: "rejects 1/2/2, protocol version", reject: rejects(1, 2, 2)},
	{name: "does not know the class of an object", class: object.SegmentationStorage},
	{name: "knows no transfer syntax of ours", syntax: true},
	{name: "aborts while an object is on its way", end: func(_ context.Context, conn net.Conn) {
		_, _ = conn.Write([]byte{7, 0, 0, 0, 0, 4, 0, 0, 0, 0})
		conn.Close()
	}},
	{name: "closes the connection while an object is on its way", end: func(_ context.Context, conn net.Conn) { conn.Close() }},
	{name: "does not answer to an object", end: func(ctx context.Context, _ net.Conn) { <-ctx.Done() }, hangs: true},
	{name: "answers success for another object", stray: true},
	{name: "answers B000, B006 or B007, a warning", status: 0xB007},
	{name: "answers 0111, it has the object already", status: 0x0111},
	{name: "answers A7xx, out of resources", status: 0xA700},
	{name: "answers A9xx, data set does not match its class", status: 0xA900},
	{name: "answers Cxxx, cannot understand", status: 0xC000},
	{name: "answers 0110, processing failure", status: 0x0110},
	{name: "answers 0117, invalid instance", status: 0x0117},
	{name: "answers 0122, class not supported", status: 0x0122},
	{name: "answers 0124, not authorised", status: 0x0124},
	{name: "answers 0211, unknown operation", status: 0x0211},
	{name: "answers 0213, resource limitation", status: 0x0213},
	{name: "answers what the standard does not know", status: 0xFE00},
}

// simulation is a site whose clock runs only when nothing is due.
type simulation struct {
	*site
	archive *archive
	address string // where the archive answers
	now     time.Time
	rev     ledger.Revision
	waits   []time.Duration // between visits
}

func simulate(t *testing.T, limit time.Duration, associations int) *simulation {
	t.Helper()
	s := &simulation{archive: &archive{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.address = s.archive.serve(t)
	d := archiveAt("pacs", s.address, dicomout.Profile{Summary: true, Segmentation: true, Report: true, Outline: true})
	d.Associations = associations
	d.Timeouts = dimse.Timeouts{Connect: 10 * time.Second, Request: limit, Response: limit, Release: 10 * time.Second}
	s.site = newSite(t, func() time.Time { return s.now }, d)
	s.rev = s.report(t, object.Summary, object.Segmentation, object.Report, object.Outline)
	return s
}

// beset puts the archive into trouble, or out of it.
func (s *simulation) beset(t *testing.T, trouble *trouble) {
	s.archive.mu.Lock()
	s.archive.trouble = trouble
	s.archive.mu.Unlock()
	s.Destinations()[0].Address = s.address
	switch {
	case trouble == nil:
	case trouble.absent:
		s.Destinations()[0].Address = "127.0.0.1:1"
	case trouble.silent:
		s.Destinations()[0].Address = mute(t)
	}
}

// run visits the archive whenever something is due, until nothing waits or the time is over.
func (s *simulation) run(t *testing.T, until time.Time) {
	t.Helper()
	for {
		if err := s.Deliver(t.Context(), s.rev.ID, "pacs"); err != nil {
			t.Fatal(err)
		}
		s.check(t)
		waiting, err := s.Ledger.Pending(t.Context(), s.rev.ID, "pacs")
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return
		}
		next := waiting[0].NextAt
		for _, d := range waiting {
			if d.NextAt.Before(next) {
				next = d.NextAt
			}
			if d.Detail == "" || !d.NextAt.After(s.now) {
				t.Fatalf("%s waits until %v, at %v, and says %q", d.Object.Kind, d.NextAt, s.now, d.Detail)
			}
		}
		if next.After(until) {
			s.now = until
			return
		}
		s.waits = append(s.waits, next.Sub(s.now))
		s.now = next
	}
}

// check compares ledger and archive: what is called sent is there, and there is nothing but the four objects.
func (s *simulation) check(t *testing.T) {
	t.Helper()
	s.archive.mu.Lock()
	defer s.archive.mu.Unlock()
	known := map[string]bool{}
	for _, d := range s.deliveries(t) {
		known[d.Object.SOPInstanceUID] = true
		if d.State == ledger.DeliverySent != s.archive.held[d.Object.SOPInstanceUID] {
			t.Errorf("%s is %s, the archive has it: %v", d.Object.Kind, d.State, s.archive.held[d.Object.SOPInstanceUID])
		}
	}
	for uid := range s.archive.arrived {
		if !known[uid] {
			t.Errorf("%s came to the archive and is no object of ours", uid)
		}
	}
	for _, p := range s.archive.problems {
		t.Error(p)
	}
}

func (s *simulation) deliveries(t *testing.T) []ledger.Delivery {
	t.Helper()
	h, err := s.Ledger.History(t.Context(), "1.2")
	if err != nil || len(h.Revisions) == 0 || len(h.Revisions[0].Deliveries) != 4 {
		t.Fatalf("error %v; want one revision or more, the first with four deliveries", err)
	}
	return h.Revisions[0].Deliveries
}

// outcome is a line of the table: what becomes of objects while the trouble lasts, and when it has lasted an hour.
func outcome(t *testing.T, trouble trouble, associations int) string {
	t.Helper()
	horizon := trouble.horizon()
	lasting := simulate(t, trouble.limit(), associations)
	began := lasting.now
	lasting.beset(t, &trouble)
	lasting.run(t, began.Add(horizon))
	concerned, end := 0, ""
	for _, d := range lasting.deliveries(t) {
		switch {
		case d.State == ledger.DeliverySent && d.Detail == "stored":
			continue
		case d.State == ledger.DeliverySent:
			end = "sent; the answer is kept"
		case d.State == ledger.DeliveryWaiting:
			end = "never given up"
		case d.Attempts <= 1 && len(lasting.waits) == 0:
			end = "failed at once"
		default:
			end = fmt.Sprintf("failed after %s", short(lasting.now.Sub(began)))
		}
		concerned++
	}
	who := map[int]string{1: "that one", 4: "all"}[concerned]
	if who == "" {
		who = fmt.Sprintf("%d of 4", concerned)
	}

	passing := simulate(t, trouble.limit(), associations)
	passing.beset(t, &trouble)
	passing.run(t, began.Add(time.Hour))
	passing.beset(t, nil)
	passing.run(t, began.Add(horizon))
	after := "all there " + short(passing.now.Sub(began)) + " after the first attempt"
	if failed(passing.deliveries(t)) > 0 {
		if err := passing.Ledger.Requeue(t.Context(), "1.2"); err != nil {
			t.Fatal(err)
		}
		passing.run(t, began.Add(horizon))
		after = "all there after `jcsnode requeue`"
	} else if len(passing.waits) == 0 {
		after = "all there at once"
	}
	for _, d := range passing.deliveries(t) {
		if d.State != ledger.DeliverySent {
			t.Errorf("the archive works again, and %s is %s: %s", d.Object.Kind, d.State, d.Detail)
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", trouble.name, who, waitsText(lasting.waits), end, after)
}

func failed(all []ledger.Delivery) int {
	n := 0
	for _, d := range all {
		if d.State == ledger.DeliveryFailed {
			n++
		}
	}
	return n
}

// waitsText is "30s, 1m, 2m, then 30m": what comes again and again stands once.
func waitsText(waits []time.Duration) string {
	if len(waits) == 0 {
		return "-"
	}
	n := len(waits) - 1
	for n > 0 && waits[n-1] == waits[len(waits)-1] {
		n--
	}
	var each []string
	for _, w := range waits[:n] {
		each = append(each, short(w))
	}
	last := short(waits[n])
	if n < len(waits)-1 {
		last = "then " + last
	}
	return strings.Join(append(each, last), ", ")
}

// short is "1h20m" for 1h20m0s.
func short(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.2g days", d.Hours()/24)
	}
	text := d.Round(time.Second).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// The table of outcomes in docs/delivery.md is what happens.
func TestDeliveryWorker_OutcomeOfEveryAnswer(t *testing.T) {
	const file, mark = "../docs/delivery.md", "<!-- the table of TestDeliveryWorker_OutcomeOfEveryAnswer -->\n"
	table := "| the destination | objects concerned | asked again after | if that lasts | if it lasts an hour |\n|---|---|---|---|---|\n" +
		outcomes(t, 1)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s lacks %q", file, mark)
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		if err := os.WriteFile(file, []byte(before+mark+table+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before+mark+table+"\n"+after, string(text)); diff != "" && !*update {
		t.Errorf("%s is out of date; -update rewrites it (-want +got):\n%s", file, diff)
	}
}

// Over several associations the same holds: nothing is lost, nothing comes twice, nothing under another UID.
func TestDeliveryWorker_OutcomeOverSeveralAssociations(t *testing.T) {
	outcomes(t, 3)
}

// outcomes are the lines of the table.
func outcomes(t *testing.T, associations int) string {
	lines := make([]string, len(troubles))
	t.Run("destination", func(t *testing.T) {
		for i, trouble := range troubles {
			t.Run(trouble.name, func(t *testing.T) {
				t.Parallel()
				lines[i] = outcome(t, trouble, associations) + "\n"
			})
		}
	})
	return strings.Join(lines, "")
}
