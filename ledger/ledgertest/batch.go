package ledgertest

import (
	"fmt"
	"slices"
	"testing"

	"jcsnode/ledger"
)

// What comes in one batch becomes what it would one by one, in its order.
func (s suite) TestRecord_InOneBatch(t *testing.T) {
	clock := newClock()
	came := []ledger.Instance{
		Slice("1.2", 1), Slice("1.2", 2), Slice("1.3", 1), Slice("1.2", 1), // 1.2/1 comes again,
		Slice("1.2", 3), Slice("1.2", 1), // and again
	}
	other := Slice("1.2", 2) // under the UID of 1.2/2
	other.Path, other.Digest, other.Accession = "inbox/1.2/other.dcm", "other", "A7"
	came = append(came, other)
	last := Slice("1.2", 4)
	last.At = "door"
	came = append(came, last)
	told := func(t *testing.T, record func(l *ledger.Ledger, i ledger.Instance)) string {
		l := s.temp(t, ledger.Options{Now: clock.Now})
		for _, i := range came {
			record(l, i)
		}
		Must(t, l.Event(t.Context(), ledger.Event{StudyUID: "1.2", Kind: "over", Text: "in its place"}))
		record(l, Slice("1.2", 5))
		Must(t, l.Flush(t.Context()))
		h := History(t, l, "1.2")
		var lines []string
		for _, i := range h.Instances {
			lines = append(lines, fmt.Sprintf("%s again %d, at %q: %s", i.Path, i.ReceivedAgain, i.At, i.Flag))
		}
		slices.Sort(lines)
		for _, e := range h.Events {
			lines = append(lines, e.Kind+": "+e.Text)
		}
		c, err := l.Counts(t.Context())
		Must(t, err)
		found, err := l.Studies(t.Context(), ledger.Filter{Accession: "A7"})
		Must(t, err)
		return fmt.Sprintf("%q, %d of %d, %d flagged, %d by its number", lines, len(h.Instances), c.Instances, c.Flagged, len(found))
	}
	one := told(t, func(l *ledger.Ledger, i ledger.Instance) { Record(t, l, i) })
	all := told(t, func(l *ledger.Ledger, i ledger.Instance) { Must(t, l.Record(t.Context(), i)) })
	if one != all {
		t.Errorf("one by one: %s\nin a batch: %s", one, all)
	}
}

// Outcomes of one call that are not alike, and two of one delivery.
func (s suite) TestRecordOutcomes_InOneBatch(t *testing.T) {
	l := s.temp(t, ledger.Options{})
	rev := settle(t, l, "1.2")
	Must(t, l.Complete(t.Context(), rev.ID, to([]string{"pacs", "museum"}, objects("2.25.1", "2.25.2", "2.25.3")...), ledger.Reason{}))
	ids := map[string]int64{}
	for _, d := range History(t, l, "1.2").Revisions[0].Deliveries {
		ids[d.Destination+d.Object.SOPInstanceUID] = d.ID
	}
	trouble := func(kind string) ledger.DeliveryOutcome {
		return ledger.DeliveryOutcome{State: ledger.DeliveryWaiting, Attempted: true, Trouble: kind, Detail: kind}
	}
	sent := ledger.DeliveryOutcome{State: ledger.DeliverySent, Attempted: true, Status: "0000H"}
	other := sent
	other.SentClass, other.SentUID = "k", "2.25.9"
	Must(t, l.RecordOutcomes(t.Context(), []ledger.DeliveryResult{
		{ID: ids["pacs2.25.1"], Outcome: trouble("cut")}, {ID: ids["pacs2.25.1"], Outcome: trouble("cut")},
		{ID: ids["pacs2.25.2"], Outcome: sent}, {ID: ids["museum2.25.2"], Outcome: sent},
		{ID: ids["pacs2.25.2"], Outcome: trouble("cut")}, // it was sent
		{ID: ids["museum2.25.3"], Outcome: other}, {ID: ids["pacs2.25.3"], Outcome: ledger.DeliveryOutcome{State: ledger.DeliveryFailed}},
	}))
	var got []string
	for _, d := range History(t, l, "1.2").Revisions[0].Deliveries {
		got = append(got, fmt.Sprintf("%s%s %s %d %d %s/%s", d.Destination, d.Object.SOPInstanceUID, d.State, d.Attempts, d.Troubles,
			d.SentClass, d.SentUID))
	}
	slices.Sort(got)
	want := []string{
		"museum2.25.1 waiting 0 0 /", "museum2.25.2 sent 1 0 c/2.25.2", "museum2.25.3 sent 1 0 k/2.25.9",
		"pacs2.25.1 waiting 2 2 /", "pacs2.25.2 sent 1 0 c/2.25.2", "pacs2.25.3 failed 0 0 /"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
